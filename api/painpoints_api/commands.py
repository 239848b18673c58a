"""The service's commands; `painpoints.cli` finds them through their entry points.

Options in, exit codes out. Nothing heavy is imported before a command runs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from painpoints.errors import SettingsError

if TYPE_CHECKING:
    from painpoints_api.database import Database
    from painpoints_api.records import ApiKey
    from painpoints_api.settings import ServiceSettings

keys = typer.Typer(help="Make, list, rotate and revoke the API's keys.", no_args_is_help=True)
db = typer.Typer(help="Look after the service's database.", no_args_is_help=True)

Data = Annotated[
    Path | None, typer.Option(help="Folder of database, uploads and runs (./painpoints-data).")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="postgresql+psycopg://user:password@host/name; else SQLite in the data folder. "
        "PAINPOINTS_SERVE_DATABASE keeps it off the list of processes.",
    ),
]
Workers = Annotated[int | None, typer.Option(help="Analyses at once (1).")]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings file; painpoints.toml if there is one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


# -- serve and worker --------------------------------------------------------------------------


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port (8000); 0 takes a free one.")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    workers: Workers = None,
    require_key: Annotated[
        bool | None, typer.Option("--require-key", help="Ask for a key on this machine too.")
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Serve the API and work on analyses, on this machine unless told otherwise.

    Examples:  painpoints serve   |   painpoints serve --port 9000 --data /srv/painpoints   |
    painpoints serve --database postgresql+psycopg://me@db/painpoints --workers 4
    """
    chosen = _settings(
        settings,
        host=host,
        port=port,
        data=data,
        database=database,
        workers=workers,
        require_key=require_key,
    )
    from painpoints_api import serving

    serving.serve(chosen)


def worker(
    data: Data = None,
    database: DatabaseUrl = None,
    workers: Workers = None,
    settings: SettingsFile = None,
) -> None:
    """Work on analyses that a server queued; on as many machines as share its data folder.

    Example:  painpoints worker --database postgresql+psycopg://me@db/painpoints --data /mnt/share
    """
    chosen = _settings(settings, data=data, database=database, workers=workers)
    from painpoints_api import logs
    from painpoints_api.worker import Worker

    logs.set_up()
    with _opened(chosen) as opened:
        Worker(chosen, opened, slots=max(1, chosen.workers), parent=None).run()


# -- keys --------------------------------------------------------------------------------------


@keys.command(
    "create", epilog="Example:  painpoints keys create crm --scope read --scope score --days 365"
)
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for; shown in lists and audit.")],
    scope: Annotated[
        list[str],
        typer.Option(help="read, score, analyse, label, promote, admin; repeat for several."),
    ],
    project: Annotated[
        list[str] | None, typer.Option(help="Project it opens; repeat for several (default).")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it expires (never).")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it, this once."""
    chosen = _settings(settings, data=data, database=database)
    from painpoints_api import keys as made
    from painpoints_api.service import LOCAL_PROJECT

    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    with _opened(chosen) as opened, opened.write() as session:
        row, key = made.create(
            session,
            name,
            scopes=scope,
            projects=project or [LOCAL_PROJECT],
            expires_at=expires_at,
        )
        made.note(session, "key.create", row.id)
    _show_once(row, key, as_json=as_json)


def _show_once(row: "ApiKey", key: str, *, as_json: bool) -> None:
    from painpoints import terminal

    if as_json:
        terminal.print_json({"id": row.id, "key": key, "scopes": row.scopes})
    else:
        terminal.print_line(key)
        terminal.print_note("Keep it now: it is shown this once. Send it as Authorization: Bearer")


@keys.command("rotate", epilog="Example:  painpoints keys rotate 5f0c1d2e3a4b5c6d --keep-hours 2")
def rotate_key(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    keep_hours: Annotated[
        float, typer.Option(min=0, max=8760, help="Hours that the old key still works; 0 is none.")
    ] = 24.0,
    data: Data = None,
    database: DatabaseUrl = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a key to take the place of another, which ends a while later. It is shown this once."""
    chosen = _settings(settings, data=data, database=database)
    from painpoints_api import keys as made

    with _opened(chosen) as opened, opened.write() as session:
        rotated = made.rotate(session, key_id, keep=timedelta(hours=keep_hours))
        if rotated is None:
            raise SettingsError(f"there is no valid key {key_id}; see: painpoints keys list")
        made.note(session, "key.rotate", key_id)
        made.note(session, "key.create", rotated[0].id)
    _show_once(*rotated, as_json=as_json)


@keys.command("list", epilog="Example:  painpoints keys list --json")
def list_keys(
    data: Data = None,
    database: DatabaseUrl = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """List keys: what for, what they may do, until when. Their secrets are not known any more."""
    chosen = _settings(settings, data=data, database=database)
    from painpoints import terminal
    from painpoints_api import keys as made

    with _opened(chosen) as opened, opened.read() as session:
        found = made.listed(session)
    if as_json:
        terminal.print_json(found)
    for key in () if as_json else found:
        scopes, projects = ",".join(key["scopes"]), ",".join(key["projects"])
        terminal.print_line(f"{key['id']}  {key['state']:<8} {key['name']}  {scopes}  {projects}")


@keys.command("revoke", epilog="Example:  painpoints keys revoke 5f0c1d2e3a4b5c6d")
def revoke_key(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    data: Data = None,
    database: DatabaseUrl = None,
    settings: SettingsFile = None,
) -> None:
    """Make a key useless from now on."""
    chosen = _settings(settings, data=data, database=database)
    from painpoints import terminal
    from painpoints_api import keys as made

    with _opened(chosen) as opened, opened.write() as session:
        if not made.revoke(session, key_id):
            raise SettingsError(f"there is no key {key_id}; see: painpoints keys list")
        made.note(session, "key.revoke", key_id)
    terminal.print_line(f"{key_id} is revoked")


# -- db ----------------------------------------------------------------------------------------


@db.command("upgrade", epilog="Example:  painpoints db upgrade --data /srv/painpoints")
def upgrade_database(
    data: Data = None, database: DatabaseUrl = None, settings: SettingsFile = None
) -> None:
    """Bring the database to this version; make it if it is new."""
    chosen = _settings(settings, data=data, database=database)
    from painpoints import terminal
    from painpoints_api import database as databases

    with _opened(chosen, current=False) as opened:
        databases.upgrade(opened)
        found, _ = databases.version(opened)
    terminal.print_line(f"the database is at version {found}")


# -- inside ------------------------------------------------------------------------------------


def _settings(file: Path | None, **flags: Any) -> "ServiceSettings":
    try:
        from painpoints_api import settings
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    return settings.load(file, flags)


def _not_installed(error: ModuleNotFoundError) -> SettingsError:
    return SettingsError(f"{error.name} is missing; install it: pip install 'painpoints[serve]'")


@contextmanager
def _opened(chosen: "ServiceSettings", *, current: bool = True) -> Iterator["Database"]:
    """Open the database; SQLite is brought to this version, Postgres must be."""
    try:
        from painpoints_api import database as databases
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    opened = databases.Database(chosen.database_url)
    try:
        if current and opened.is_sqlite:
            databases.upgrade(opened)
        elif current:
            databases.require_current(opened)
        yield opened
    finally:
        opened.close()
