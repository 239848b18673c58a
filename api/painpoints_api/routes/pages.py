"""The pages for people: sign in, the list of analyses with upload, one analysis, its map.

They hold no data of their own: the script asks the API, with the session's cookie for a key.
"""

from importlib.resources import files
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from painpoints_api import keys, problems, sessions
from painpoints_api.callers import Reader, address, open_key, signed_in
from painpoints_api.problems import ProblemError
from painpoints_api.routes.results import open_run
from painpoints_api.service import Service, Serving
from painpoints_api.slices import RunGoneError

router = APIRouter(include_in_schema=False)
_FOLDER = files("painpoints_api") / "pages"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_MAP_POLICY = "sandbox allow-scripts allow-downloads allow-modals; frame-ancestors 'none'"
"""The map's own policy, in the file, lets only its own script run; here it is cut off from us."""
_KINDS = {".css": "text/css", ".js": "text/javascript"}
_ASSETS = {
    place.name: _KINDS[suffix]
    for place in _FOLDER.iterdir()
    if (suffix := PurePath(place.name).suffix) in _KINDS
}
_FRAMES = Environment(
    loader=PackageLoader("painpoints_api", "pages"), autoescape=True, undefined=StrictUndefined
)


def _drawn(name: str, status: int = 200, **told: Any) -> HTMLResponse:
    given = {
        "problem": "",
        "signed_in": True,
        "analysis_id": "",
        "teaches": False,
        "rights": "",
        **told,
    }
    page = _FRAMES.get_template(f"{name}.html.j2").render(page=name, **given)
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"}
    return HTMLResponse(page, status, headers=headers)  # forms need it to name their origin


def _shown(name: str, request: Request, service: Service, analysis_id: str = "") -> Response:
    """Show a page to who may see it; others sign in first."""
    opened = _visitor(request, service)
    if opened is None:
        return RedirectResponse("/sign-in", 303)
    return _drawn(
        name,
        analysis_id=analysis_id,
        signed_in=service.settings.keys_needed,
        teaches=not opened.isdisjoint({"label", "admin"}),
        rights=" ".join(sorted(keys.SCOPES if "admin" in opened else opened)),
    )


def _visitor(request: Request, service: Service) -> frozenset[str] | None:
    """Return what a visitor may do; None for who is to sign in."""
    if not service.settings.keys_needed:
        return frozenset(keys.SCOPES)
    cookie = request.cookies.get(sessions.COOKIE)
    opened = signed_in(service, cookie) if cookie else None
    return None if opened is None else opened.scopes


@router.get("/")
def start(request: Request, service: Serving) -> Response:
    """Go where a visitor can go on: to the analyses, or to sign in first."""
    return RedirectResponse(
        "/analyses" if _visitor(request, service) is not None else "/sign-in", 303
    )


@router.get("/sign-in")
def sign_in_form(request: Request, service: Serving) -> Response:
    """Show the form for a key."""
    if _visitor(request, service) is not None:
        return RedirectResponse("/analyses", 303)
    return _drawn("sign-in", signed_in=False)


@router.post("/sign-in")
def sign_in(
    request: Request, service: Serving, key: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Begin a session for who shows a valid key."""
    try:
        opened = open_key(service, key.strip() or None, address(request))
    except ProblemError as error:
        told = "This key is not known, expired or revoked."
        told = "Too many wrong keys; wait a minute." if error.status == 429 else told
        return _drawn("sign-in", error.status, problem=told, signed_in=False)
    with service.database.read() as session:
        cookie = sessions.begin(session, service.session_secret, opened.key_id)
    answer = RedirectResponse("/analyses", 303)
    answer.set_cookie(
        sessions.COOKIE,
        cookie,
        max_age=sessions.LASTS_S,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/sign-out")
def sign_out() -> Response:
    """End the session in this browser."""
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(sessions.COOKIE, httponly=True, samesite="lax")
    return answer


@router.get("/analyses")
def list_page(request: Request, service: Serving) -> Response:
    """Show the analyses of the project, and where files are dropped."""
    return _shown("analyses", request, service)


@router.get("/queue")
def queue_page(request: Request, service: Serving) -> Response:
    """Show the mentions that a label helps most, one after the other."""
    return _shown("queue", request, service)


@router.get("/analyses/{analysis_id}")
def analysis_page(request: Request, service: Serving, analysis_id: str) -> Response:
    """Show where one analysis stands, and its map."""
    return _shown("analysis", request, service, analysis_id)


@router.get("/analyses/{analysis_id}/compare")
def compare_page(request: Request, service: Serving, analysis_id: str) -> Response:
    """Show what changed since another analysis."""
    return _shown("compare", request, service, analysis_id)


@router.get("/analyses/{analysis_id}/topics")
def topics_page(request: Request, service: Serving, analysis_id: str) -> Response:
    """Show the topics, with what is decided about them."""
    return _shown("topics", request, service, analysis_id)


@router.get("/analyses/{analysis_id}/map")
def map_page(service: Serving, caller: Reader, analysis_id: str) -> Response:
    """Show the journey map, shut off from this service and from the session."""
    report = open_run(service, caller, analysis_id).run / "report.html"
    if not report.is_file():
        raise RunGoneError
    return FileResponse(
        report,
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _MAP_POLICY},
    )


async def gone(request: Request, error: Exception) -> Response:
    """Tell a person by a page, a program by a problem, that there is no such thing."""
    is_page = "text/html" in request.headers.get("accept", "")
    if is_page and not request.url.path.startswith("/v1/"):
        needed = request.state.service.settings.keys_needed
        return _drawn("gone", 404, signed_in=needed)
    return problems.http(request, error)


@router.get("/assets/{name}")
def asset(name: str) -> Response:
    """Return the pages' style or script."""
    if name not in _ASSETS:
        raise ProblemError(404, "no such asset")
    headers = {"Cache-Control": "no-cache"}
    body = (_FOLDER / name).read_bytes()
    return Response(body, media_type=_ASSETS[name], headers=headers)
