"""A trained part on disk: find it, verify it, read it, write it.

A part is a folder `<models>/<part>/<version>/` whose `manifest.json` names every file with its
sha256 and size, the versions it was made by, seeds, figures and the licence of each source.
Nothing is read before its hash matches, and the bytes that were hashed are the bytes that are
read. Pickled artefacts pass an exact list of classes on top of that. Beside the shipped parts there
may be a folder of own ones, in which `current.json` says which version is in force. What a part
means is known by the step that uses it, how it is made and promoted by `training/`.
"""

import hashlib
import io
import json
import pickle
import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, ClassVar

from painpoints.errors import ModelError

MANIFEST = "manifest.json"
POINTER = "current.json"
HEADS = "heads.joblib"
"""The file of a part's fitted heads."""

FORMAT = 1

SHIPPED = "shipped"
"""What stands for the shipped version wherever a version is named."""

OWN_MODELS = Path("painpoints-models")
"""Folder of own trained parts, below the working folder, if no other is named."""

RECORDED = ("painpoints", "numpy", "scipy", "scikit-learn", "joblib", "sentence-transformers")
"""Packages whose versions a manifest records."""

MUST_MATCH = ("scikit-learn",)
"""Packages whose pickles are only safe to read with the minor version that wrote them."""

ALLOWED = frozenset(
    {
        ("joblib.numpy_pickle", "NumpyArrayWrapper"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "scalar"),
        ("sklearn.linear_model._logistic", "LogisticRegression"),
    }
)
"""Every class that an artefact may hold, by exact module and name."""

PLAIN_KINDS = frozenset("biufU")
"""Kinds of numpy dtypes that an artefact may hold: of any other, bytes may be taken for pointers."""


@dataclass(frozen=True, slots=True)
class Part:
    """A verified part: its folder, its manifest, and the bytes of its pickled files as hashed."""

    folder: Path
    manifest: Mapping[str, Any]
    artefacts: Mapping[str, bytes]

    def artefact(self, name: str) -> Any:
        """Return the object in the joblib file `name`.

        Raises:
            ModelError: the part has no such file, it holds a class outside the list, or it was
                written by another scikit-learn.
        """
        if name not in self.artefacts:
            raise ModelError(f"model {self.folder}: the manifest names no artefact {name}")
        return _unpickle(self.artefacts[name], self.folder / name)


def models_folder() -> Path:
    """Return the folder of the shipped parts: inside the installed package, else the checkout's.

    Raises:
        ModelError: there is neither.
    """
    package = Path(__file__).parent
    candidates = (package / "models", package.parents[1] / "models")
    for folder in candidates:
        if folder.is_dir():
            return folder
    places = " nor ".join(map(str, candidates))
    raise ModelError(f"no models found: neither {places} exists; reinstall painpoints")


def newest(part: str, models: Path | None = None) -> Path:
    """Return the folder of the highest version of `part`, e.g. `models/encoder-fast/2`.

    Raises:
        ModelError: `models` holds no version of it.
    """
    root = (models or models_folder()) / part
    versions = [f for f in root.glob("*") if f.name.isdigit() and (f / MANIFEST).is_file()]
    if not versions:
        raise ModelError(f"no version of {part} under {root}; run `make models` or reinstall")
    return max(versions, key=lambda folder: int(folder.name))


def own_models(models: Path | None) -> Path | None:
    """Return the folder of own parts: the one named, else `painpoints-models` if there is one.

    Raises:
        ModelError: the folder that was named does not exist.
    """
    if models is None:
        return OWN_MODELS if OWN_MODELS.is_dir() else None
    if not models.is_dir():
        raise ModelError(f"folder of models {models} does not exist; leave it out for the shipped")
    return models


def promoted(part: str, models: Path) -> tuple[str, ...]:
    """Return the own versions of `part` that were promoted, the one in force last.

    Raises:
        ModelError: the pointer file is damaged.
    """
    file = models / part / POINTER
    if not file.exists():
        return ()
    try:
        stack = json.loads(file.read_bytes())["promoted"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file} is damaged; delete it to go back to the shipped part") from error
    if not isinstance(stack, list) or not all(is_version(name) for name in stack):
        raise ModelError(f"{file} names no versions; delete it to go back to the shipped part")
    return tuple(stack)


def is_version(name: object) -> bool:
    """Return whether `name` can be the name of an own version: no path, no number, no word of ours."""
    plain = isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,40}", name) is not None
    return plain and not str(name).isdigit() and name != SHIPPED


def current(part: str, models: Path | None = None) -> Path:
    """Return the folder of the version of `part` in force.

    That is the own version promoted last; where none is, the highest number in the own folder;
    where there is none either, the shipped part.

    Raises:
        ModelError: the version in force is missing, or no version is to be found.
    """
    own = own_models(models)
    if own is None:
        return newest(part)
    stack = promoted(part, own)
    return own / part / stack[-1] if stack else shipped(part, own)


def shipped(part: str, own: Path | None) -> Path:
    """Return the folder of the version of `part` that no analyst trained.

    Raises:
        ModelError: no version is to be found.
    """
    numbered = own is not None and any(f.name.isdigit() for f in (own / part).glob("*"))
    return newest(part, own if numbered else None)


def identity(part: Part) -> str:
    """Return a hash of the part's files, card left out: equal for parts that answer alike."""
    files = {n: f["sha256"] for n, f in part.manifest["files"].items() if not n.endswith(".md")}
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def named(part: Part) -> dict[str, str]:
    """Return what a manifest says of another part that it stands on."""
    manifest = part.manifest
    return {
        "part": manifest["part"],
        "version": str(manifest["version"]),
        "identity": identity(part),
    }


def refuse_mismatch(heads: Part, encoders: Sequence[Part]) -> None:
    """Check that heads stand on the encoders that they were trained on.

    Raises:
        ModelError: an encoder is another one, as after an update of painpoints.
    """
    wanted = heads.manifest.get("encoders", [])
    found = [named(encoder) for encoder in encoders]
    if [one["identity"] for one in wanted] == [one["identity"] for one in found]:
        return
    raise ModelError(
        f"model {heads.folder} was trained on {_listed(wanted)}, installed is {_listed(found)}. "
        "Train it again from the same labels with `painpoints train`, or leave it with "
        "`painpoints models rollback`."
    )


def _listed(parts: Sequence[Mapping[str, str]]) -> str:
    told = (f"{one['part']} {one['version']} ({one['identity'][:12]}...)" for one in parts)
    return " and ".join(told) or "an unknown encoder"


def verify(folder: Path) -> Part:
    """Hash every file of the part, compare with its manifest, and return what was read.

    Raises:
        ModelError: with every file that is missing, changed or not named in the manifest, and
            with every package of a version that cannot read it.
    """
    manifest = read_manifest(folder)
    artefacts: dict[str, bytes] = {}
    problems = _version_problems(manifest)
    for name, facts in manifest["files"].items():
        problem, content = _checked(folder / name, facts)
        problems += problem
        if name.endswith(".joblib"):
            artefacts[name] = content
    problems += [f"{name} is not in the manifest" for name in _foreign(folder, manifest)]
    if problems:
        raise ModelError(f"model {folder}: " + "; ".join(problems) + ". " + remedy(folder))
    return Part(folder=folder, manifest=manifest, artefacts=artefacts)


def remedy(folder: Path) -> str:
    """Return what to do about a part that cannot be used."""
    if not is_version(folder.name):
        return "Reinstall painpoints, or rebuild the part with `make models`."
    if _is_in_force(folder):
        way_out = "leave it with `painpoints models rollback`"
    else:
        way_out = "delete its folder"
    return f"Put its files back, train it again with `painpoints train`, or {way_out}."


def _is_in_force(folder: Path) -> bool:
    """Return whether an own version is in force; of a damaged pointer nobody knows."""
    with suppress(ModelError):
        return promoted(folder.parent.name, folder.parent.parent)[-1:] == (folder.name,)
    return False


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a part, unverified.

    Raises:
        ModelError: there is none, or it is not one of ours.
    """
    told = f"model {folder}: {MANIFEST}"
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except OSError as error:
        raise ModelError(f"{told} cannot be read. {remedy(folder)}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{told} is damaged. {remedy(folder)}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelError(f"{told} is not of format {FORMAT}. {remedy(folder)}")
    if not _is_whole(manifest):
        raise ModelError(f"{told} lacks what every manifest has. {remedy(folder)}")
    return manifest


def _is_whole(manifest: Mapping[str, Any]) -> bool:
    """Return whether every file of it has its figures, and none lies outside the folder."""
    files, versions = manifest.get("files"), manifest.get("versions")
    if not isinstance(files, dict) or not isinstance(versions, dict) or "part" not in manifest:
        return False
    return all(
        isinstance(facts, dict) and isinstance(facts.get("sha256"), str) and "bytes" in facts
        for facts in files.values()
    ) and not any(Path(name).is_absolute() or ".." in Path(name).parts for name in files)


def write_manifest(folder: Path, facts: Mapping[str, Any]) -> None:
    """Seal a part: write its manifest with the hash and size of every file in `folder`.

    Args:
        folder: the part as it will be shipped, all files written.
        facts: what else to record: part, version, seed, data, metrics, sources with licences.
    """
    names = sorted(_files(folder))
    manifest = {
        "format": FORMAT,
        **facts,
        "versions": {name: _installed(name) for name in RECORDED},
        "files": {name: sealed((folder / name).read_bytes()) for name in names},
    }
    text = json.dumps(manifest, indent=1, sort_keys=False, ensure_ascii=False) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")


def _files(folder: Path) -> list[str]:
    found = (f for f in folder.rglob("*") if f.is_file() and f.name != MANIFEST)
    return [f.relative_to(folder).as_posix() for f in found]


def _foreign(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    return sorted(set(_files(folder)) - set(manifest["files"]))


def sealed(content: bytes) -> dict[str, Any]:
    """Return what a manifest says of a file."""
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def _checked(file: Path, facts: Mapping[str, Any]) -> tuple[list[str], bytes]:
    """Return what is wrong with `file`, and its bytes."""
    try:
        content = file.read_bytes()
    except OSError:
        return [f"{file.name} is missing"], b""
    found = sealed(content)
    if found == dict(facts):
        return [], content
    return [_changed(file.name, found, facts)], b""


def _changed(name: str, found: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    return (
        f"{name} was changed: {found['bytes']} bytes with sha256 {found['sha256'][:12]}..., "
        f"the manifest says {facts['bytes']} with {facts['sha256'][:12]}..."
    )


def _version_problems(manifest: Mapping[str, Any]) -> list[str]:
    if not any(name.endswith(".joblib") for name in manifest["files"]):
        return []
    wanted = {name: manifest["versions"].get(name) for name in MUST_MATCH}
    return [
        f"it was written by {name} {then}, installed is {_installed(name)}: "
        f"install {name}=={then} or retrain"
        for name, then in wanted.items()
        if _minor(then) != _minor(_installed(name))
    ]


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _minor(number: str | None) -> list[str]:
    return (number or "").split(".")[:2]


def _unpickle(content: bytes, file: Path) -> Any:
    from sklearn.exceptions import InconsistentVersionWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            return _listed_unpickler(content).load()
    except InconsistentVersionWarning as error:
        raise ModelError(f"model {file}: {error}. {remedy(file.parent)}") from error
    except Exception as error:  # pickle names no closed list of what foreign bytes raise
        raise ModelError(f"model {file} cannot be read: {error}. {remedy(file.parent)}") from error


def _listed_unpickler(content: bytes) -> pickle.Unpickler:
    """Return joblib's unpickler, held to `ALLOWED`.

    joblib has no public hook for this; its class is subclassed, and a test holds that it refuses.
    numpy believes what a pickle says of a dtype and of an array's memory, so neither is built as
    the pickle says: dtypes are plain and keep their own state, arrays come from joblib's wrapper.
    """
    import numpy as np
    from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler
    from sklearn.linear_model import LogisticRegression

    class PlainArrays(NumpyArrayWrapper):  # type: ignore[misc]  # joblib has no types: Any as base
        def read_array(self, unpickler: Any, *rest: Any) -> Any:
            if not isinstance(self.dtype, np.dtype):
                raise pickle.UnpicklingError("an array without a dtype is not allowed")
            return super().read_array(unpickler, *rest)

    stands_for = {"NumpyArrayWrapper": PlainArrays, "dtype": _plain_dtype, "ndarray": _no_array}

    class Listed(NumpyUnpickler):  # type: ignore[misc]  # joblib has no types: Any as base
        def find_class(self, module: str, name: str) -> Any:
            if (module, name) not in ALLOWED:
                raise pickle.UnpicklingError(f"class {module}.{name} is not allowed")
            return stands_for.get(name) or super().find_class(module, name)

        def load_build(self) -> None:
            built, state = self.stack[-2:]
            if isinstance(built, np.dtype):
                self.stack[-1] = _own_state(built, state)
            elif not isinstance(built, PlainArrays | LogisticRegression):
                raise pickle.UnpicklingError(f"a state of {type(built).__name__} is not allowed")
            super().load_build()

        dispatch: ClassVar[dict[int, Any]] = {
            **NumpyUnpickler.dispatch,
            pickle.BUILD[0]: load_build,
        }

    unpickler: pickle.Unpickler = Listed(
        filename="", file_handle=io.BytesIO(content), ensure_native_byte_order=True
    )
    return unpickler


def _plain_dtype(told: Any, *_: Any) -> Any:
    """Return a new dtype of numbers or texts."""
    import numpy as np

    dtype = np.dtype(told, copy=True)
    if dtype.kind not in PLAIN_KINDS:
        raise pickle.UnpicklingError(f"an array of objects or records is not allowed: {dtype}")
    return dtype


def _own_state(dtype: Any, told: Any) -> tuple[Any, ...]:
    """Return the state that numpy itself gives such a dtype, if the pickle says the same."""
    for order in "<>":
        state: tuple[Any, ...] = dtype.newbyteorder(order).__reduce__()[2]
        if told == state:
            return state
    raise pickle.UnpicklingError(f"a dtype {dtype} of another state is not allowed")


def _no_array(*_: Any) -> Any:
    """Stand for `numpy.ndarray`, which joblib's wrapper names and never calls."""
    raise pickle.UnpicklingError("an array outside joblib's wrapper is not allowed")
