"""Parts on disk: what was sealed is read back, whatever was touched is refused."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy._core.multiarray import scalar
from sklearn.linear_model import LogisticRegression

from painpoints import bundle
from painpoints.errors import ModelError


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """Return a sealed part with one head and one card."""
    folder = tmp_path / "classifier-test" / "1"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    model = LogisticRegression().fit(rng.normal(size=(30, 4)), ["no", "yes"] * 15)
    joblib.dump({"heads": {"stage": model}, "prior": np.ones(2)}, folder / "heads.joblib")
    (folder / "MODEL_CARD.md").write_text("# a card\n", encoding="utf-8")
    bundle.write_manifest(folder, {"part": "classifier-test", "version": 1, "seed": 0})
    return folder


def _joblib(folder: Path, content: Any) -> Path:
    """Seal a part that holds `content`, whatever it is."""
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(content, folder / "heads.joblib")
    bundle.write_manifest(folder, {"part": "evil", "version": 1})
    return folder


def test_what_was_sealed_is_read_back(part: Path) -> None:
    """A head predicts after loading what it predicted before."""
    head = bundle.verify(part).artefact("heads.joblib")["heads"]["stage"]
    assert list(head.classes_) == ["no", "yes"]
    assert bundle.verify(part).manifest["part"] == "classifier-test"


def test_one_changed_byte_is_refused(part: Path) -> None:
    """A file that differs from its hash is named, and nothing of it is unpickled."""
    file = part / "heads.joblib"
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(ModelError, match=r"heads\.joblib was changed"):
        bundle.verify(part)


def test_all_problems_are_told_together(part: Path) -> None:
    """A missing file and a foreign one are both in the message, with the remedy."""
    (part / "MODEL_CARD.md").unlink()
    (part / "stray.bin").write_bytes(b"x")
    with pytest.raises(ModelError) as caught:
        bundle.verify(part)
    message = str(caught.value)
    assert "MODEL_CARD.md is missing" in message
    assert "stray.bin is not in the manifest" in message
    assert "Reinstall painpoints" in message


def test_another_scikit_learn_is_refused(part: Path) -> None:
    """A pickle of another minor version names the version to install."""
    manifest = json.loads((part / "manifest.json").read_text())
    manifest["versions"]["scikit-learn"] = "1.2.3"
    (part / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=r"install scikit-learn==1\.2\.3"):
        bundle.verify(part)


class _Evil:
    """Runs a command when it is unpickled, unless somebody stops it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        """Ask the unpickler to call os.mkdir."""
        return os.mkdir, (str(self.mark),)


def test_code_in_a_pickle_does_not_run(tmp_path: Path) -> None:
    """A pickle that calls a function is refused even when its hash matches."""
    mark = tmp_path / "ran"
    folder = _joblib(tmp_path / "evil" / "1", {"heads": _Evil(mark)})
    with pytest.raises(ModelError, match="not allowed"):
        bundle.verify(folder).artefact("heads.joblib")
    assert not mark.exists()


def test_code_in_an_array_of_objects_does_not_run(tmp_path: Path) -> None:
    """Joblib reads arrays of objects with a plain pickle; that way is shut too."""
    mark = tmp_path / "ran"
    array = np.array([_Evil(mark), None], dtype=object)
    folder = _joblib(tmp_path / "evil" / "1", {"heads": array})
    with pytest.raises(ModelError, match="array of objects"):
        bundle.verify(folder).artefact("heads.joblib")
    assert not mark.exists()


class _Called:
    """Has the unpickler call a function, and set a state on what it returns."""

    def __init__(self, *told: Any) -> None:
        self.told = told

    def __reduce__(self) -> Any:
        """Return what the pickle says."""
        return self.told


def _dtype(name: str, *state: Any) -> _Called:
    return _Called(
        np.dtype, (name, False, True), (3, *(state or ("|", None, None, None, -1, -1, 0)))
    )


HIDDEN = _dtype("V8", "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)
"""Records of objects that say they hold none."""

POINTERS = {
    "scalar": (scalar, (_dtype("O8"), b"A" * 8)),
    "array": (np.ndarray, ((4,), _dtype("O8"), b"A" * 32)),
    "array of a named dtype": (np.ndarray, ((4,), "O8", b"A" * 32)),
    "state of an array": (np.ndarray, ((1,),), (1, (4,), _dtype("O8"), False, b"A" * 32)),
    "records": (np.ndarray, ((1,),), (1, (4,), HIDDEN, False, b"A" * 32)),
    "numbers that are no numbers": (scalar, (_dtype("f8", "<", None, None, None, -1, -1, 63), b"A" * 8)),
    "texts of no length": (scalar, (_dtype("U2", "<", None, None, None, -8, 4, 8), b"")),
}  # fmt: skip
"""Pickles of listed classes alone that have numpy take their bytes for pointers."""

READ = """
import sys
from painpoints import bundle
from painpoints.errors import ModelError
try:
    print(repr(bundle.verify(bundle.Path(sys.argv[1])).artefact("heads.joblib")))
except ModelError as error:
    print("refused:", error)
"""


@pytest.mark.parametrize("way", POINTERS)
def test_bytes_of_a_pickle_are_never_taken_for_pointers(tmp_path: Path, way: str) -> None:
    """Whatever a pickle says of a dtype or of an array's memory is refused before it is looked at."""
    folder = tmp_path / "evil" / "1"
    folder.mkdir(parents=True)
    (folder / "heads.joblib").write_bytes(pickle.dumps({"heads": _Called(*POINTERS[way])}))
    bundle.write_manifest(folder, {"part": "evil", "version": 1})
    done = subprocess.run([sys.executable, "-c", READ, folder], capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("refused: ")
    assert "is not allowed" in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        *(b"cnumpy\ndtype\n", b"cnumpy\nndarray\n"),
        b"csklearn.linear_model._logistic\nLogisticRegression\n",
    ],
)
def test_a_pickle_sets_nothing_on_what_it_names(tmp_path: Path, name: bytes) -> None:
    """A state is for what was built; on a class or function it would hold for every other model."""
    folder = tmp_path / "evil" / "1"
    folder.mkdir(parents=True)
    (folder / "heads.joblib").write_bytes(b"\x80\x02" + name + b"N}U\x04evilK\x01s\x86b.")
    bundle.write_manifest(folder, {"part": "evil", "version": 1})
    with pytest.raises(ModelError, match=r"a state of .* is not allowed"):
        bundle.verify(folder).artefact("heads.joblib")


@pytest.mark.parametrize("values", [np.arange(3.0), np.array(["a", "bcd"]), np.float32(0.5), np.array([True])])  # fmt: skip
def test_plain_numbers_and_texts_are_read_back(tmp_path: Path, values: Any) -> None:
    """Arrays and scalars of every kind that heads hold, also in the other order of bytes."""
    turned = values.astype(values.dtype.newbyteorder(">"))
    for one in (values, turned):
        read = bundle.verify(_joblib(tmp_path / "x" / "1", [one, one])).artefact("heads.joblib")
        assert all(np.array_equal(back, values) for back in read)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"format": 99}', '{"format": 1}', "[" * 100_000),
        '{"format": 1, "part": "x", "versions": {}, "files": ["heads.joblib"]}',
        '{"format": 1, "part": "x", "versions": {}, "files": {"heads.joblib": {}}}',
        '{"format": 1, "part": "x", "versions": {}, "files": {"../../a": {"sha256": "", "bytes": 0}}}',
    ],
)
def test_damaged_manifest_is_one_sentence(part: Path, text: str) -> None:
    """A manifest that is empty, cut off, of another format, or leads outside is a ModelError."""
    (part / "manifest.json").write_text(text)
    with pytest.raises(ModelError, match=r"manifest\.json"):
        bundle.verify(part)


def test_newest_is_by_number_not_by_letter(tmp_path: Path) -> None:
    """Version 10 comes after version 9."""
    for version in ("1", "9", "10"):
        folder = tmp_path / "encoder-x" / version
        folder.mkdir(parents=True)
        bundle.write_manifest(folder, {"part": "encoder-x"})
    assert bundle.newest("encoder-x", tmp_path).name == "10"
    with pytest.raises(ModelError, match="no version of encoder-y"):
        bundle.newest("encoder-y", tmp_path)


def test_shipped_parts_are_whole() -> None:
    """Every part under models/ matches its manifest."""
    folders = [file.parent for file in bundle.models_folder().glob("*/*/manifest.json")]
    assert folders
    for folder in folders:
        assert bundle.verify(folder).manifest["files"]


def _sealed(folder: Path, **facts: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "vectors.bin").write_bytes(b"1234")
    bundle.write_manifest(folder, {"part": folder.parent.name, "version": folder.name, **facts})
    return folder


def _point(models: Path, part: str, text: str) -> None:
    (models / part).mkdir(parents=True, exist_ok=True)
    (models / part / bundle.POINTER).write_text(text)


def test_own_version_is_in_force_only_once_promoted(tmp_path: Path) -> None:
    """A trained version waits beside the shipped one until the pointer names it."""
    shipped = bundle.newest("classifier-fast")
    own = _sealed(tmp_path / "classifier-fast" / "own-1")
    assert bundle.current("classifier-fast", tmp_path) == shipped
    _point(tmp_path, "classifier-fast", '{"promoted": ["own-1"]}')
    assert bundle.current("classifier-fast", tmp_path) == own
    assert bundle.current("segmenter", tmp_path) == bundle.newest("segmenter")


def test_numbered_parts_of_an_own_folder_are_taken(tmp_path: Path) -> None:
    """A folder that `make models` wrote has numbers and no pointer: the highest is in force."""
    _sealed(tmp_path / "encoder-fast" / "1")
    later = _sealed(tmp_path / "encoder-fast" / "2")
    assert bundle.current("encoder-fast", tmp_path) == later


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"promoted": 3}', '{"promoted": ["../../elsewhere"]}']
)
def test_damaged_pointer_is_an_error(tmp_path: Path, text: str) -> None:
    """A pointer that is cut off or leads out of the folder is refused, with the way back."""
    _point(tmp_path, "classifier-fast", text)
    with pytest.raises(ModelError, match="go back to the shipped"):
        bundle.current("classifier-fast", tmp_path)


def test_missing_folder_of_models_is_an_error(tmp_path: Path) -> None:
    """A folder that was named and does not exist is no reason to take the shipped in silence."""
    with pytest.raises(ModelError, match="does not exist"):
        bundle.current("classifier-fast", tmp_path / "nowhere")


def test_heads_of_another_encoder_are_refused(tmp_path: Path) -> None:
    """Heads name the encoder they were trained on; with another they would answer nonsense."""
    encoder = bundle.verify(_sealed(tmp_path / "encoder-x" / "1"))
    told = [{"part": "encoder-x", "version": "1", "identity": bundle.identity(encoder)}]
    heads = bundle.verify(_sealed(tmp_path / "classifier-x" / "own-1", encoders=told))
    bundle.refuse_mismatch(heads, [encoder])
    other = tmp_path / "encoder-x" / "2"
    other.mkdir()
    (other / "vectors.bin").write_bytes(b"5678")
    bundle.write_manifest(other, {"part": "encoder-x", "version": "2"})
    with pytest.raises(ModelError, match="painpoints train"):
        bundle.refuse_mismatch(heads, [bundle.verify(other)])


@pytest.mark.parametrize(
    ("pointer", "way_out"),
    [
        ('{"promoted": ["own-1"]}', "leave it with `painpoints models rollback`"),
        ('{"promoted": ["own-1", "own-2"]}', "delete its folder"),
        ('{"promoted"', "delete its folder"),
    ],
)
def test_the_way_out_fits_what_is_in_force(tmp_path: Path, pointer: str, way_out: str) -> None:
    """Only the version in force is left by rolling back; one that waits is deleted."""
    own = _sealed(tmp_path / "classifier-x" / "own-1")
    (own / "vectors.bin").unlink()
    _point(tmp_path, "classifier-x", pointer)
    with pytest.raises(ModelError, match=f"vectors.bin is missing.*or {way_out}"):
        bundle.verify(own)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x80\x04.", b"\x80\x04cos\nmkdir\n", b"\x1f\x8b"]
)
def test_bytes_that_are_no_pickle_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    """Whatever lies under the name of an artefact, reading it is a ModelError or an object."""
    folder = tmp_path / "classifier-x" / "own-1"
    folder.mkdir(parents=True)
    (folder / "heads.joblib").write_bytes(content)
    bundle.write_manifest(folder, {"part": "classifier-x", "version": "own-1"})
    with pytest.raises(ModelError, match="or delete its folder"):
        bundle.verify(folder).artefact("heads.joblib")


def test_cut_pickles_are_one_sentence(part: Path) -> None:
    """A true artefact cut off anywhere and sealed again is refused, never half read."""
    whole = (part / "heads.joblib").read_bytes()
    for n in range(0, len(whole), max(1, len(whole) // 25)):
        (part / "heads.joblib").write_bytes(whole[:n])
        bundle.write_manifest(part, {"part": "classifier-test", "version": 1})
        with pytest.raises(ModelError, match="cannot be read"):
            bundle.verify(part).artefact("heads.joblib")
