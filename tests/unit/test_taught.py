"""What a version has learnt by heart judges nothing: rows are known again, label by label."""

from pathlib import Path

import polars as pl
import pytest

from painpoints.classify import LABELS
from painpoints.errors import InputError
from painpoints_training import comparing, queueing, taught
from painpoints_training.labelled import SCHEMA, Finding
from painpoints_training.registry import Version


def _rows(*given: dict[str, str]) -> pl.DataFrame:
    told = [{"file": "labels.csv", "row": n, **one} for n, one in enumerate(given, start=2)]
    return pl.DataFrame(told, schema=SCHEMA)


def _version(rows: pl.DataFrame) -> Version:
    manifest = {"taught": taught.by_label(rows)}
    return Version("classifier-fast", "spring", Path("spring"), in_force=True, manifest=manifest)


def test_a_text_is_known_again_whatever_stands_around_it() -> None:
    """Case, spaces and the verbatim make no other text of it; a word does."""
    same = taught.keys(pl.Series(["The van came late", " the  VAN came\nlate "]))
    assert same.n_unique() == 1
    assert taught.keys(pl.Series(["The van came early"]))[0] != same[0]
    bare, around = _rows({"text": "Late again", "stage": "delivery"}), _rows(
        {"text": "late again", "verbatim": "Nice van. late again", "stage": "delivery"}
    )  # fmt: skip
    assert not taught.unseen(_version(bare), around)["stage"].any()


def test_what_was_learnt_is_left_out_label_by_label() -> None:
    """A row judges the labels that it did not teach; one that taught all its labels is left out."""
    version = _version(
        _rows({"text": "a", "stage": "use"}, {"text": "b", "stage": "use", "sentiment": "negative"})
    )
    rows = _rows(
        {"text": "a", "stage": "use", "sentiment": "positive"},
        {"text": "b", "stage": "use", "sentiment": "negative"},
        {"text": "c", "stage": "use"},
    )
    findings: list[Finding] = []
    left = taught.left_out(version, rows, findings)
    assert left.select("text", "stage", "sentiment").rows() == [
        ("a", None, "positive"),
        ("c", "use", None),
    ]
    assert [str(one) for one in findings] == [
        "labels.csv: spring has learnt from these: left out (2 rows: 2, 3)"
    ]


def test_a_version_without_rows_of_its_own_leaves_nothing_out() -> None:
    """The shipped version learnt from no analyst."""
    shipped = Version("classifier-fast", "shipped", Path("7"), in_force=True, manifest={})
    rows = _rows({"text": "a", "stage": "use"})
    assert taught.left_out(shipped, rows, []).equals(rows)


def _plain(stage: float, severity: float) -> dict[str, dict[str, float]]:
    return {"stage": {"macro-F1": stage, "kappa": 1.0}, "severity": {"macro-F1": 1.0, "kappa": severity}}  # fmt: skip


def test_a_forced_fall_is_told_again() -> None:
    """Of the version in force and the shipped one the better figure is what a new one must reach."""
    found = comparing.better(_plain(0.6, 0.7), _plain(0.7, 0.5))
    assert (found["stage"]["macro-F1"], found["severity"]["kappa"]) == (0.7, 0.7)


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_queue_that_was_filled_in_is_never_written_over(tmp_path: Path, ending: str) -> None:
    """An empty queue may be drawn again; one label is somebody's work, and so is a foreign file."""
    out = tmp_path / f"queue{ending}"
    queueing.refuse_filled(out)
    empty = pl.DataFrame({"text": ["late"], **dict.fromkeys(LABELS, None)})
    filled = empty.with_columns(stage=pl.lit("use"))
    write = "write_csv" if ending == ".csv" else "write_parquet"
    getattr(empty.cast(pl.String), write)(out)
    queueing.refuse_filled(out)
    getattr(filled.cast(pl.String), write)(out)
    with pytest.raises(InputError, match="holds 1 rows with labels"):
        queueing.refuse_filled(out)
    out.write_bytes(b"somebody;else\n1;2\n")
    with pytest.raises(InputError, match="is no queue"):
        queueing.refuse_filled(out)
