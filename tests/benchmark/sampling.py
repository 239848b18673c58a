"""What sampling costs the topics: those found on few texts beside those found on four times as many.

python -m tests.benchmark.sampling FILE...

Real data, please: written verbatims repeat themselves. Prints the agreement (NMI) of the topics of all
mentions, and for comparison that of two runs of the same size whose samples differ by chance.
"""

import sys

import polars as pl
from sklearn.metrics import normalized_mutual_info_score as agreement

from painpoints import readers, topics
from painpoints.config import TopicSettings, load
from painpoints.parts import Reader, Reading

FEW, MANY = 5_000, 20_000


def main() -> None:
    """Print the agreement of topics found on samples of two sizes."""
    reader = Reader(load(None, {"quality": "fast"}))
    feedback = reader.mask(readers.read(sys.argv[1:]).feedback).feedback
    reading = reader.read(feedback, _silent)
    labelled = reader.label(feedback, reading, None).mentions
    found = {most: _topics(labelled, reading, most) for most in (FEW, FEW * 4 // 5, MANY)}
    print(f"{labelled.height:,} mentions, {labelled['text'].n_unique():,} distinct texts")
    for most in (MANY, FEW * 4 // 5):
        both = found[FEW].is_not_null() & found[most].is_not_null()
        pair = (found[side].filter(both).to_list() for side in (FEW, most))
        print(
            f"topics on {FEW:,} texts ({found[FEW].n_unique()}) and on {most:,} "
            f"({found[most].n_unique()}): NMI {agreement(*pair):.3f} of {both.sum():,} mentions"
        )


def _topics(labelled: pl.DataFrame, reading: Reading, most: int) -> pl.Series:
    settings = TopicSettings(max_sample=most)
    model = topics.fit(labelled, reading.vectors, settings=settings)
    return model.assign(labelled, reading.vectors)["topic_id"]


def _silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""


if __name__ == "__main__":
    main()
