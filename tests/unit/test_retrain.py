"""What a training learns from, and by which rows it is judged."""

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from painpoints.classify import Vectors
from painpoints_training import retrain, shipped
from painpoints_training.labelled import SCHEMA


def _rows(*given: tuple[str, str | None]) -> pl.DataFrame:
    rows = [{"text": text, "verbatim": verbatim} for text, verbatim in given]
    return pl.DataFrame(rows, schema=SCHEMA)


def test_no_text_teaches_and_judges() -> None:
    """Rows that a text or a verbatim leads to, over others too, are in one fold; others spread."""
    kin = [("Late again", None), ("late  again", "Nice van. Late again"), ("nice van", "nice van. late again"), ("nice van", "x. nice van")]  # fmt: skip
    others: list[tuple[str, str | None]] = [(f"text {number}", None) for number in range(100)]
    for seed in range(5):
        fold = retrain._folds(_rows(*kin, *others), seed)
        assert len(set(fold[: len(kin)])) == 1
        assert min(np.bincount(fold[len(kin) :], minlength=retrain.N_FOLDS)) >= 15


def test_folds_do_not_depend_on_the_order_of_rows() -> None:
    """The same rows in another order are judged by the same heads."""
    rows = _rows(*((f"text {n % 30}", f"verbatim {n % 45}") for n in range(90)))
    order = np.random.default_rng(0).permutation(rows.height)
    assert np.array_equal(retrain._folds(rows[order], 1), retrain._folds(rows, 1)[order])


def test_files_are_recorded_as_they_were_checked(tmp_path: Path) -> None:
    """Each by the path that was given, also where two have one name; what is edited later does not count."""
    lines = "text,sentiment\nthe van came late,negative\n"
    files = tuple(tmp_path / name / "labels.csv" for name in ("a", "b"))
    for file in files:
        file.parent.mkdir()
        file.write_text(lines, encoding="utf-8")
    request = retrain.Request(labels=files, quality="fast", models=tmp_path / "models")
    checked = retrain.check(request)
    files[0].write_text("edited", encoding="utf-8")
    told = hashlib.sha256(lines.encode()).hexdigest()
    assert checked.data == {str(file): told for file in files}


def _damage(file: Path, how: str) -> None:
    """Change the kept vectors, or what is told of them."""
    if how == "bytes":
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    elif how == "no hash":
        file.with_suffix(".sha256").unlink()
    elif how == "hash":
        file.with_suffix(".sha256").write_text("\u00e9", encoding="utf-8")
    else:
        kinds = {"shape": np.ones((3, 5), "f4"), "dtype": np.ones((3, 4)), "nan": np.full((3, 4), np.nan, "f4")}  # fmt: skip
        np.save(file, kinds[how])
        told = hashlib.sha256(file.read_bytes()).hexdigest()
        file.with_suffix(".sha256").write_text(told, encoding="ascii")


@pytest.mark.parametrize("how", ["bytes", "no hash", "hash", "shape", "dtype", "nan"])
def test_kept_vectors_are_made_again_where_they_are_not_whole(tmp_path: Path, how: str) -> None:
    """What was written is read back; nothing else is trained from."""
    file, shape, made = tmp_path / "kept.npy", (3, 4), []

    def make() -> Vectors:
        made.append(1)
        return np.arange(12, dtype=np.float32).reshape(shape)

    for _ in range(2):
        assert np.array_equal(shipped._kept(file, shape, make), make())
    assert len(made) == 3
    _damage(file, how)
    for _ in range(2):
        assert np.array_equal(shipped._kept(file, shape, make), np.arange(12).reshape(shape))
    assert len(made) == 4
