"""What every installation has to train from: the shipped heads, and a part of the shipped corpus.

The corpus is cut once, by a hash of each row's id: `guard` only measures, `rehearsal` keeps the
heads from forgetting. Vectors are kept beside the own models, so that only the first training
pays for them.
"""

import hashlib
import io
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from painpoints import bundle
from painpoints.classify import Classifier, Vectors, dense_features
from painpoints.cross_encoder import SecondOpinion
from painpoints.encode import Encoders
from painpoints.labeller import companions
from painpoints.writers import replacing
from painpoints_training import corpus

N_GUARD = 1_500
N_REHEARSAL = 4_500
"""More rehearsal changes no figure (docs/decisions/0080) and costs minutes of encoding."""

CACHE = ".vectors"

Tell = Callable[[int, int], None]
"""Is told how many of how many texts are encoded."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Labelled rows with their features, row-aligned.

    features: (n, dims of both): the mention's vector, then its context's.
    dim:      length of the mention's vector.
    """

    frame: pl.DataFrame
    features: Vectors
    dim: int

    @property
    def halves(self) -> tuple[Vectors, Vectors]:
        """The vectors of the mentions, and of their contexts."""
        return self.features[:, : self.dim], self.features[:, self.dim :]

    def take(self, places: Any) -> "Rows":
        """Return the rows at `places`: numbers, or a mask."""
        numbers = np.flatnonzero(places) if places.dtype == bool else places
        return Rows(self.frame[numbers], self.features[numbers], self.dim)


@dataclass(frozen=True, slots=True)
class Base:
    """The shipped part of one quality, ready to train from.

    heads:    the artefact of the shipped classifier.
    second:   who is asked where heads doubt, where the quality has one.
    identity: of the corpus sample and of all that answers beside the heads, so that figures on the
              guard can be set beside each other.
    """

    quality: str
    encoders: Encoders
    encoder_parts: tuple[bundle.Part, ...]
    heads_part: bundle.Part
    heads: Mapping[str, Any]
    second: SecondOpinion | None
    rehearsal: Rows
    guard: Rows
    identity: str


def load(quality: str, models: Path, tell: Tell) -> Base:
    """Return the base of a quality; its vectors are read or written below `models`.

    Raises:
        ModelError: a part is missing, damaged, or of another version.
    """
    own = models if models.is_dir() else None
    found = companions(quality, own)
    bundle.refuse_mismatch(found.shipped, found.encoders)
    heads = found.shipped.artefact(bundle.HEADS)
    labeller = found.load(Classifier(heads))
    guard, rehearsal = sample()
    both = pl.concat([guard, rehearsal])
    told = hashlib.sha256("\n".join(both["text"] + "\t" + both["context"]).encode()).hexdigest()
    identity = "-".join([*(bundle.identity(part)[:16] for part in found.parts), told[:16]])
    kept = models / CACHE / f"{identity}.npy"
    cut, dim = guard.height, labeller.encoders.mentions.dim
    shape = (both.height, dim + labeller.encoders.contexts.dim)
    features = _kept(kept, shape, lambda: features_of(both, labeller.encoders, tell))
    return Base(
        quality=quality,
        encoders=labeller.encoders,
        encoder_parts=found.encoders,
        heads_part=found.shipped,
        heads=heads,
        second=labeller.second,
        rehearsal=Rows(rehearsal, features[cut:], dim),
        guard=Rows(guard, features[:cut], dim),
        identity=identity,
    )


def sample() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return guard and rehearsal; no text is in both, mentions of one verbatim stay together."""
    rows = corpus.training_mentions(None)
    whole = rows["id"].str.split("#").list.first()
    order = [hashlib.sha256(name.encode()).hexdigest() for name in whole]
    drawn = rows.with_columns(order=pl.Series(order)).sort("order", "id").drop("order")
    guard = drawn.head(N_GUARD)
    rest = drawn.slice(N_GUARD).filter(~_same_text(drawn.slice(N_GUARD), guard))
    return guard, rest.head(N_REHEARSAL)


def _same_text(rows: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
    return rows["text"].str.to_lowercase().is_in(others["text"].str.to_lowercase().implode())


def features_of(rows: pl.DataFrame, encoders: Encoders, tell: Tell) -> Vectors:
    """Return (n, dims of both): each mention beside its context."""
    read = encoders.read(rows["text"].to_list(), rows["context"].to_list(), tell)
    return dense_features(*read)


def _kept(file: Path, shape: tuple[int, int], make: Callable[[], Vectors]) -> Vectors:
    """Return the vectors in `file`, made and written there if there are none that are whole."""
    kept = _whole(file, shape)
    if kept is not None:
        return kept
    made = make()
    with replacing(file) as unfinished, unfinished.open("wb") as stream:
        np.save(stream, made, allow_pickle=False)
    with replacing(_sum_of(file)) as unfinished:
        unfinished.write_text(hashlib.sha256(file.read_bytes()).hexdigest(), encoding="ascii")
    return made


def _sum_of(file: Path) -> Path:
    return file.with_suffix(".sha256")


def _whole(file: Path, shape: tuple[int, int]) -> Vectors | None:
    """Return the vectors in `file`; None where they are not what was written, or not vectors."""
    with suppress(OSError, ValueError, EOFError):
        content = file.read_bytes()
        told = _sum_of(file).read_text(encoding="ascii")
        if hashlib.sha256(content).hexdigest() != told:
            return None
        found = np.load(io.BytesIO(content), allow_pickle=False)
        if found.dtype == np.float32 and found.shape == shape and np.isfinite(found).all():
            return np.asarray(found)
    return None
