"""Mentions of sources that nothing is trained on: `python -m painpoints_training.measured OUT`.

`training/measured.csv` holds labels that this project gave to texts of eight public sets of other
industries; the texts stay with the sets. They only measure: what is written here is a table that
`painpoints evaluate` takes.
"""

import argparse
from pathlib import Path

import polars as pl

from painpoints.classify import LABELS
from painpoints.errors import TrainingDataError

LABELS_FILE = Path(__file__).parents[1] / "measured.csv"

CUSTOMER = "customer_text"
"""Where a set keeps what its customers said apart from what they were answered."""


def measured(data: Path, file: Path = LABELS_FILE) -> pl.DataFrame:
    """Return source, id, sampling, verbatim, start, end, text and the five labels of every mention.

    `sampling` is "random", or "near:STAGE" where a model took the mention for a rare stage.

    Raises:
        TrainingDataError: a row names a text that the set in `data` does not hold.
    """
    rows = pl.read_csv(file, schema_overrides=dict.fromkeys(("id", *LABELS), pl.String))
    wholes = pl.concat(
        _wholes(name, data / name / "data.parquet")
        for name in rows["source"].unique(maintain_order=True)
    )
    found = rows.join(wholes, on=["source", "id"], maintain_order="left")
    if found.height < rows.height:
        gone = rows.height - found.height
        raise TrainingDataError(f"{file.name}: {gone} texts are not in {data}")
    length = pl.col("end") - pl.col("start")
    text = pl.col("verbatim").str.slice(pl.col("start"), length)
    return found.with_columns(text=text)


def _wholes(name: str, file: Path) -> pl.DataFrame:
    column = CUSTOMER if CUSTOMER in pl.read_parquet_schema(file) else "text"
    return pl.read_parquet(file).select(
        source=pl.lit(name), id=pl.col("id").cast(pl.String), verbatim=pl.col(column)
    )


def main() -> None:
    """Read the command line and write the table."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="then: painpoints evaluate OUT --alone",
    )
    parser.add_argument("out", type=Path, help="Parquet file to write")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public sets")
    given = parser.parse_args()
    try:
        found = measured(given.data)
        found.write_parquet(given.out)
    except (TrainingDataError, OSError) as error:
        parser.exit(1, f"error: {error}\n")
    print(f"{found.height:,} mentions of {found['source'].n_unique()} sources: {given.out}")


if __name__ == "__main__":
    main()
