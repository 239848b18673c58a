"""Which labelled texts a version has learnt, so that no figure is taken from what it knows by heart.

A manifest keeps a short hash of every text, label by label. What stands around a text does not
count: the same text told with its verbatim is the same text.
"""

import hashlib
from collections.abc import Mapping, Sequence

import polars as pl

from painpoints.classify import LABELS
from painpoints_training.labelled import Finding, folded
from painpoints_training.registry import Version


def keys(texts: pl.Series) -> pl.Series:
    """Return a short hash of each text, case and white space aside."""
    plain = texts.to_frame("text").select(folded("text")).to_series()
    hashes = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in plain]
    return pl.Series(hashes, dtype=pl.String)


def by_label(rows: pl.DataFrame) -> dict[str, list[str]]:
    """Return for each label the keys of the rows that know it, as a manifest records them."""
    hashes = keys(rows["text"])
    return {label: hashes.filter(rows[label].is_not_null()).to_list() for label in LABELS}


def learnt(version: Version) -> Mapping[str, Sequence[str]]:
    """Return for each label the keys of the own rows that taught it to a version."""
    found: Mapping[str, Sequence[str]] = version.manifest.get("taught", {})
    return found


def unseen(version: Version, rows: pl.DataFrame) -> dict[str, pl.Series]:
    """Return for each label which rows know it and did not teach it to the version."""
    hashes, known = keys(rows["text"]), learnt(version)
    return {
        label: rows[label].is_not_null() & ~hashes.is_in(list(known.get(label, ())))
        for label in LABELS
    }


def left_out(version: Version, rows: pl.DataFrame, findings: list[Finding]) -> pl.DataFrame:
    """Return the rows without the labels that they taught the version; what is left out is told."""
    new = unseen(version, rows)
    seen = rows.filter(
        pl.any_horizontal(*(rows[label].is_not_null() & ~new[label] for label in LABELS))
    )
    for (file,), group in seen.group_by("file", maintain_order=True):
        what = f"{version.name} has learnt from these: left out"
        findings.append(Finding(what, str(file), tuple(group["row"])))
    kept = [pl.when(new[label]).then(pl.col(label)).alias(label) for label in LABELS]
    return rows.with_columns(kept).filter(pl.any_horizontal(pl.col(LABELS).is_not_null()))
