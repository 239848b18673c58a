"""Files that came in: where their bytes lie, how they are written whole, and their hash."""

import hashlib
import itertools
import re
import shutil
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import BinaryIO

from painpoints.errors import InputError
from painpoints_api.records import Upload, new_id
from painpoints_api.settings import ServiceSettings

SUFFIXES = (
    ".csv", ".tsv", ".txt", ".xlsx", ".json", ".jsonl", ".ndjson", ".parquet", ".vtt", ".srt",
)  # fmt: skip
_CHUNK = 1 << 20
_MAX_NAME = 200
"""As long as a title may be, which a file gives its analysis."""
_MAX_STEM_BYTES = 200
"""Of the 255 that file systems allow; the rest is for number and ending."""


def path(settings: ServiceSettings, upload: Upload) -> Path:
    """Return where the bytes of an upload lie: under its id, never under the name it came with."""
    return settings.data.absolute() / "uploads" / upload.project_id / f"{upload.id}{upload.suffix}"


def suffix_of(file_name: str) -> str:
    """Return the ending of a file name that says its kind, `.gz` included.

    Raises:
        InputError: for an ending that no reader knows.
    """
    name = PurePath(file_name.replace("\\", "/")).name.lower()
    packed = ".gz" if name.endswith(".gz") else ""
    ending = PurePath(name.removesuffix(".gz")).suffix
    if ending not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise InputError(f"a file ends in {ending or 'nothing'}; known are {known}, each also .gz")
    return ending + packed


def store(settings: ServiceSettings, project_id: str, file_name: str, stream: BinaryIO) -> Upload:
    """Write a stream to its place, whole or not at all; return its row, not yet in the database.

    Raises:
        InputError: when the file is empty or of an unknown kind.
    """
    upload = Upload(
        id=new_id("up"),
        project_id=project_id,
        file_name=_shown_name(file_name),
        suffix=suffix_of(file_name),
    )
    place = path(settings, upload)
    place.parent.mkdir(parents=True, exist_ok=True)
    rough = place.with_name(place.name + ".tmp")
    try:
        upload.n_bytes, upload.sha256 = _write(stream, rough)
        if upload.n_bytes == 0:
            raise InputError("a file is empty")
        rough.replace(place)
    finally:
        rough.unlink(missing_ok=True)
    return upload


def _shown_name(file_name: str) -> str:
    """Return the last part of a name, without characters that cannot be seen; long ones lose the front."""
    name = PurePath(file_name.replace("\\", "/")).name
    return "".join(c for c in name if not unicodedata.category(c).startswith("C"))[-_MAX_NAME:]


def _write(stream: BinaryIO, place: Path) -> tuple[int, str]:
    digest, n_bytes = hashlib.sha256(), 0
    with place.open("wb") as file:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            n_bytes += len(chunk)
            file.write(chunk)
    return n_bytes, digest.hexdigest()


def file_sha256(place: Path) -> str:
    """Return the hash of a file's bytes."""
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def lay_out(settings: ServiceSettings, held: Iterable[Upload], folder: Path) -> None:
    """Lay uploads side by side in `folder`, under names that are safe and say where they are from.

    Raises:
        InputError: when one is missing or is not what came in.
    """
    taken = set[str]()
    for number, upload in enumerate(held):
        place = path(settings, upload)
        if not place.is_file() or file_sha256(place) != upload.sha256:
            raise InputError(f"upload {upload.id} is missing or damaged; send it again")
        name = _safe_name(upload, number, taken)
        taken.add(name.casefold())
        link(place, folder / name)


def _safe_name(upload: Upload, number: int, taken: set[str]) -> str:
    """Return a file name of harmless characters, told apart by a number where it repeats.

    taken: casefolded, as some disks know no case.
    """
    stem = upload.file_name.removesuffix(upload.suffix)
    stem = re.sub(r"[^\w .()-]", "_", stem).strip(" .-")
    stem = stem.encode()[:_MAX_STEM_BYTES].decode(errors="ignore") or "upload"
    numbered = (f"{stem} ({n}){upload.suffix}" for n in itertools.count(number + 1))
    names = itertools.chain((f"{stem}{upload.suffix}",), numbered)
    return next(name for name in names if name.casefold() not in taken)


def link(source: Path, target: Path) -> None:
    """Let `target` be the same file as `source`, or a copy of it.

    Raises:
        FileExistsError: when there is a `target`; it may be another upload by a link.
    """
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:  # another disk, or one that has no links
        with source.open("rb") as told, target.open("xb") as copy:
            shutil.copyfileobj(told, copy)
