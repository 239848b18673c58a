"""Labelled mentions as one table, from the project's own corpus and, where present, other sets.

A row is a mention with its five labels, the text around it and the question it answers. `natural`
marks rows drawn at random from a source, which tell how often labels occur in real exports.
What is done with the rows is left to the other modules.
"""

from pathlib import Path

import polars as pl

from painpoints.classify import LABELS, context
from painpoints.domain import STAGES, TOUCHPOINTS, MentionType, Sentiment
from painpoints.errors import TrainingDataError

_PLACES = (Path(__file__).parent / "corpus", Path(__file__).parents[1] / "corpus")
OWN = next((folder for folder in _PLACES if folder.is_dir()), _PLACES[1])
"""The corpus written for this project: inside the installed package, else in the clone."""

OWN_LABELS = Path(__file__).parents[1] / "labels.csv"
"""Labels that this project gave to texts of the public sets; the texts stay with the sets."""

CLASSES: dict[str, tuple[str, ...]] = {
    "stage": (*STAGES, "none"),
    "touchpoint": TOUCHPOINTS,
    "sentiment": tuple(Sentiment),
    "type": tuple(MentionType),
    "severity": ("0", "1", "2", "3"),
}
"""Every label's classes, in a fixed order."""

SCHEMA = pl.Schema(
    {
        "id": pl.String,
        "source": pl.String,
        "text": pl.String,
        "context": pl.String,
        "natural": pl.Boolean,
        **dict.fromkeys(LABELS, pl.String),
    }
)


def own_mentions(folder: Path = OWN) -> pl.DataFrame:
    """Return the mentions of the project's corpus; `source` is its batch.

    Raises:
        TrainingDataError: a label is not one of `CLASSES`.
    """
    rows = pl.read_csv(folder / "mentions.csv", infer_schema=False)
    around = [
        _own_context(text, beside)
        for text, beside in rows.select("text", pl.col("context").fill_null("")).iter_rows()
    ]
    named = rows.with_columns(
        pl.col("batch").alias("source"), pl.Series("context", around), natural=pl.lit(value=False)
    )
    return checked(named.select(list(SCHEMA)).cast(SCHEMA))


def _own_context(text: str, beside: str) -> str:
    """Return question and surroundings as the classifier will see them."""
    if beside.startswith("Q:"):
        return context(beside.removeprefix("Q:").strip(), text, 0, len(text))
    whole = f"{beside} {text}".strip()
    return context(None, whole, len(whole) - len(text), len(whole))


def own_verbatims(folder: Path = OWN) -> pl.DataFrame:
    """Return the mentions inside the corpus's whole verbatims."""
    rows = pl.read_ndjson(folder / "verbatims.jsonl", infer_schema_length=None)
    split = rows.explode("mentions").unnest("mentions")
    columns = split.select("id", "question", "verbatim", "text", *LABELS).iter_rows(named=True)
    found = [
        {
            "id": f"{row['id']}#{number}",
            "source": "verbatims",
            "text": row["text"],
            "context": _around(row["question"], row["verbatim"], row["text"]),
            "natural": False,
            **{label: str(row[label]) for label in LABELS},
        }
        for number, row in enumerate(columns)
    ]
    return checked(pl.DataFrame(found, schema=SCHEMA))


def _around(question: str | None, verbatim: str, text: str) -> str:
    start = max(verbatim.find(text), 0)
    return context(question, verbatim, start, start + len(text))


def labelled(file: Path) -> pl.DataFrame:
    """Return labelled mentions of real feedback: `labels/train.parquet` or `dev.parquet`."""
    rows = pl.read_parquet(file)
    around = [
        context(survey_question(domain), verbatim, start, end)
        for domain, verbatim, start, end in rows.select(
            "domain", "verbatim", "start", "end"
        ).iter_rows()
    ]
    named = rows.with_columns(pl.Series("context", around), natural=pl.col("sampling") == "random")
    return checked(named.select(list(SCHEMA)).cast(SCHEMA))


def own_labels(data: Path, file: Path = OWN_LABELS) -> pl.DataFrame:
    """Return the mentions of public sets that this project labelled itself.

    They were picked because a label was rare or a model unsure, so none is `natural`.

    Raises:
        TrainingDataError: a row names a text that the set in `data` does not hold.
    """
    rows = pl.read_csv(file, schema_overrides=dict.fromkeys(("id", *LABELS), pl.String))
    texts = pl.concat(
        _wholes(data / name / "data.parquet").with_columns(pl.lit(name).alias("set"))
        for name in rows["set"].unique(maintain_order=True)
    ).unique(["set", "id"], keep="first", maintain_order=True)
    found = rows.join(texts, on=["set", "id"], maintain_order="left")
    if found.height < rows.height:
        raise TrainingDataError(
            f"{file.name}: {rows.height - found.height} texts are not in {data}"
        )
    places = found.select(
        "whole", *(pl.col(at) + pl.col("before") for at in ("start", "end"))
    ).rows()
    named = found.with_columns(
        pl.col("set").alias("source"),
        pl.Series("text", [whole[start:end] for whole, start, end in places]),
        pl.Series("context", [context(None, *place) for place in places]),
        natural=pl.lit(value=False),
    )
    return checked(named.select(list(SCHEMA)).cast(SCHEMA))


def _wholes(file: Path) -> pl.DataFrame:
    """Return each text's `id`, the `whole` it is read in, and the characters `before` it there.

    Where a set holds the sentences of documents, the whole is the document.
    """
    names = pl.read_parquet_schema(file)
    document = "doc_id" if "doc_id" in names else "id"
    rows = pl.read_parquet(file, columns=list({"id", document, "text"})).with_columns(
        pl.col("id").cast(pl.String), document=pl.col(document).cast(pl.String)
    )
    return rows.select(
        "id",
        whole=pl.col("text").str.join(" ").over("document"),
        before=(pl.col("text").str.len_chars() + 1)
        .cum_sum()
        .shift(1, fill_value=0)
        .over("document")
        .cast(pl.Int64),
    )


def survey_question(domain: str) -> str | None:
    """Return the survey question that some domains carry after a colon."""
    kind, _, rest = domain.partition(": ")
    return rest if "survey" in kind and rest.endswith(("?", "we")) else None


def checked(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` if every label is known and every text says something.

    Raises:
        TrainingDataError: naming label, value and how many rows carry it.
    """
    problems = [
        f"{label} {value!r} in {count} rows is none of {', '.join(CLASSES[label])}"
        for label in LABELS
        for value, count in rows[label].value_counts().iter_rows()
        if value not in CLASSES[label]
    ]
    n_blank = rows.filter(pl.col("text").str.strip_chars() == "").height
    if n_blank:
        problems.append(f"{n_blank} rows have no text")
    if problems:
        raise TrainingDataError("labelled rows: " + "; ".join(problems))
    return rows


def training_mentions(data: Path | None) -> pl.DataFrame:
    """Return everything the shipped models learn labels from.

    Args:
        data: the folder that holds `labels/train.parquet`; None takes the own corpus alone.
    """
    parts = [own_mentions(), own_verbatims()]
    if data is not None:
        parts += [labelled(data / "labels" / "train.parquet"), own_labels(data)]
    return pl.concat(parts)
