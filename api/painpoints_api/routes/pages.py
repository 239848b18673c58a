"""The pages for people: sign in, the list of analyses with upload, one analysis, its map.

They hold no data of their own: the script asks the API, with the session's cookie for a key.
"""

import mimetypes
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from jinja2 import Environment, StrictUndefined

from painpoints_api import sessions
from painpoints_api.callers import Reader, address, open_key, signed_in
from painpoints_api.problems import ProblemError
from painpoints_api.routes.results import open_run
from painpoints_api.service import Service, Serving

router = APIRouter(include_in_schema=False)
_FOLDER = files("painpoints_api") / "pages"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_MAP_POLICY = "sandbox allow-scripts allow-downloads allow-modals; frame-ancestors 'none'"
"""The map's own policy, in the file, lets only its own script run; here it is cut off from us."""
_ASSETS = ("page.css", "page.js")


def _drawn(name: str, status: int = 200, **told: Any) -> HTMLResponse:
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    frame = environment.from_string((_FOLDER / "page.html.j2").read_text(encoding="utf-8"))
    page = frame.render(page=name, **{"problem": "", "signed_in": True, "analysis_id": "", **told})
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "same-origin"}
    return HTMLResponse(page, status, headers=headers)  # forms need it to name their origin


def _may_see(request: Request, service: Service) -> bool:
    if not service.settings.keys_needed:
        return True
    cookie = request.cookies.get(sessions.COOKIE)
    return bool(cookie) and signed_in(service, str(cookie)) is not None


@router.get("/")
def start(request: Request, service: Serving) -> Response:
    """Go where a visitor can go on: to the analyses, or to sign in first."""
    return RedirectResponse("/analyses" if _may_see(request, service) else "/sign-in", 303)


@router.get("/sign-in")
def sign_in_form(request: Request, service: Serving) -> Response:
    """Show the form for a key."""
    if _may_see(request, service):
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
    if not _may_see(request, service):
        return RedirectResponse("/sign-in", 303)
    return _drawn("analyses", signed_in=service.settings.keys_needed)


@router.get("/analyses/{analysis_id}")
def analysis_page(request: Request, service: Serving, analysis_id: str) -> Response:
    """Show where one analysis stands, and what it found."""
    if not _may_see(request, service):
        return RedirectResponse("/sign-in", 303)
    keyed = service.settings.keys_needed
    return _drawn("analysis", analysis_id=analysis_id, signed_in=keyed)


@router.get("/analyses/{analysis_id}/map")
def map_page(service: Serving, caller: Reader, analysis_id: str) -> Response:
    """Show the journey map, shut off from this service and from the session."""
    found = open_run(service, caller, analysis_id)
    return FileResponse(
        found.run / "report.html",
        media_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": _MAP_POLICY},
    )


@router.get("/assets/{name}")
def asset(name: str) -> Response:
    """Return the pages' style or script."""
    if name not in _ASSETS:
        raise ProblemError(404, "no such asset")
    kind = mimetypes.guess_type(name)[0]
    headers = {"Cache-Control": "no-cache"}
    return Response((_FOLDER / name).read_bytes(), media_type=kind, headers=headers)
