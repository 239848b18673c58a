"""Parquet to a raw table: every value as text, after a look at the file's own size figures."""

from pathlib import Path

import polars as pl

from painpoints.config import ReadSettings
from painpoints.errors import UnreadableError
from painpoints.readers.raw import ROW, RawTable, settle

MAX_BYTES = 8 * 1024**3
MAX_COLUMNS = 2000


def read_parquet(path: Path, source: str, settings: ReadSettings) -> RawTable:
    """Read one Parquet file; rows are numbered from 1 in file order.

    Raises:
        UnreadableError: if it is damaged, or larger than we dare to unpack.
    """
    try:
        _check_size(path, source)
        frame = pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UnreadableError(f"{source}: the Parquet file is cut off or damaged") from error
    texts = frame.select(_as_text(frame.schema[name], name) for name in frame.columns)
    numbered = texts.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(ROW))
    settled, odd, n_blank = settle(numbered, source, max_cell_chars=settings.max_cell_chars)
    return RawTable(
        source=source,
        format="parquet",
        frame=settled.drop(ROW),
        rows=settled[ROW],
        problems=odd,
        n_rows=settled.height + len({p.row for p in odd}),
        notes=(f"{n_blank:,} blank rows left out",) if n_blank else (),
    )


def _check_size(path: Path, source: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
    except pa.ArrowException as error:
        raise UnreadableError(f"{source}: the Parquet file is cut off or damaged") from error
    n_bytes = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if n_bytes > MAX_BYTES or metadata.num_columns > MAX_COLUMNS:
        raise UnreadableError(
            f"{source}: {n_bytes / 1e9:.1f} GB in {metadata.num_columns:,} columns when unpacked; "
            f"at most {MAX_BYTES / 1e9:.1f} GB and {MAX_COLUMNS:,} columns are read"
        )


def _as_text(dtype: pl.DataType, name: str) -> pl.Expr:
    column = pl.col(name)
    match dtype:
        case pl.Struct():
            text = column.struct.json_encode()
        case pl.List() | pl.Array():
            text = _list_as_text(column, dtype)
        case pl.Datetime():
            zone = "%z" if dtype.time_zone else ""
            text = column.dt.to_string(f"%Y-%m-%dT%H:%M:%S%.f{zone}")
        case pl.Float32() | pl.Float64():
            whole = column.cast(pl.Int64, strict=False)
            text = (
                pl.when(column == whole)
                .then(whole.cast(pl.String))
                .otherwise(column.cast(pl.String))
            )
        case pl.Binary():
            text = pl.lit(None, pl.String)
        case _:
            text = column.cast(pl.String)
    return text.alias(name)


def _list_as_text(column: pl.Expr, dtype: pl.List | pl.Array) -> pl.Expr:
    items = column.arr.to_list() if isinstance(dtype, pl.Array) else column
    if isinstance(dtype.inner, pl.Struct):
        return pl.concat_str(
            pl.lit("["),
            items.list.eval(pl.element().struct.json_encode()).list.join(","),
            pl.lit("]"),
        )
    return items.list.eval(pl.element().cast(pl.String)).list.join(", ")
