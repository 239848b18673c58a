"""Sign-in of people at the page: a cookie that stands for a key, and falls with it.

The cookie holds the key's id, until when, and an HMAC over both and the key's hash under a secret of
this data folder. So it is of no use after its time, once the key is revoked or has expired, or
without the secret; and the key itself is nowhere in the browser.
"""

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import time
from pathlib import Path

from sqlalchemy.orm import Session

from painpoints_api import keys
from painpoints_api.records import ApiKey

COOKIE = "painpoints_session"
LASTS_S = 12 * 3600
_FILE = "session.key"
_ENDS = re.compile(r"[0-9]{1,12}")
"""Seconds since 1970 until which a session lasts, as a cookie writes them."""


def secret(data: Path) -> bytes:
    """Return the secret of a data folder, made when it is first asked for."""
    place = data.absolute() / _FILE
    data.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        rough = place.with_name(f"{_FILE}.{os.getpid()}")
        rough.touch(mode=0o600)
        rough.write_bytes(secrets.token_bytes(32))
        try:
            place.hardlink_to(rough)  # the first one wins, whole
        finally:
            rough.unlink()
    return place.read_bytes()


def begin(session: Session, own: bytes, key_id: str) -> str:
    """Return the cookie of somebody who showed a key."""
    ends = int(time.time()) + LASTS_S
    return f"{key_id}.{ends}.{_sign(own, session.get_one(ApiKey, key_id), ends)}"


def look_up(session: Session, own: bytes, cookie: str) -> keys.Opened | None:
    """Return what a cookie opens; None if it is not ours, over, or its key no longer valid."""
    key_id, _, rest = cookie.partition(".")
    ends, _, signed = rest.partition(".")
    row = session.get(ApiKey, key_id)
    if row is None or not _ENDS.fullmatch(ends) or int(ends) < time.time():
        return None
    if not hmac.compare_digest(_sign(own, row, int(ends)).encode(), signed.encode()):
        return None
    return keys.opened(session, row)


def _sign(own: bytes, row: ApiKey, ends: int) -> str:
    told = f"{row.id}.{ends}.{row.secret_sha256}".encode()
    return hmac.new(own, told, hashlib.sha256).hexdigest()
