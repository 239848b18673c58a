"""Train the segmenter's spaCy pipeline on English-EWT, judge it, and write it with its card.

    python -m painpoints_training.segmenter --data ../shared/data/ud_ewt_ner --out models/segmenter/1

One shared tok2vec feeds tagger, morphologizer, parser and lemmatiser; names have a smaller one
of their own. The treebank is edited text while feedback is not, so every epoch sees it anew:
sentences joined to paragraphs, some in small letters, some without commas, stops or apostrophes.
How mentions are cut is left to `painpoints.segment`; judging that is left to `segmentation`.
"""

import argparse
import hashlib
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from painpoints import bundle

PLANNED_EPOCHS = 10
EPOCHS = 5
"""The learn rate falls as if over the planned epochs; weights are averaged after those run."""
WORDS_PER_BATCH = 1200
LEARN_RATE = 0.0015
DROPOUT = 0.15
ENTITIES = {"PER": "PERSON", "ORG": "ORG", "LOC": "LOC"}
CHUNK_SIZES = (1, 1, 1, 1, 2, 2, 3, 4, 5)
TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 96,
    "depth": 4,
    "embed_size": 5000,
    "window_size": 1,
    "maxout_pieces": 3,
    "subword_features": True,
}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "tok2vec"}
SOFTMAX = {"@architectures": "spacy.Tagger.v2", "nO": None, "tok2vec": LISTENER}
PARSER = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "parser",
    "extra_state_tokens": False,
    "hidden_width": 64,
    "maxout_pieces": 2,
    "use_upper": True,
    "nO": None,
    "tok2vec": LISTENER,
}
NER = PARSER | {"state_type": "ner", "tok2vec": TOK2VEC | {"embed_size": 2000}}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the treebank; `heads` are positions in it, the root its own head."""

    tokens: tuple[str, ...]
    spaces: tuple[bool, ...]
    tags: tuple[str, ...]
    pos: tuple[str, ...]
    lemmas: tuple[str, ...]
    deps: tuple[str, ...]
    heads: tuple[int, ...]
    entities: tuple[str, ...]

    def keep(self, wanted: list[bool]) -> "Sentence":
        """Return the sentence without the tokens that are not wanted; none may be a head."""
        place = [sum(wanted[:i]) for i in range(len(wanted))]
        chosen = [i for i, w in enumerate(wanted) if w]

        def pick(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[i] for i in chosen)

        # a dropped token hands its following space to the token before it
        spaces = tuple(self.spaces[i] or not all(wanted[i : i + 2]) for i in chosen)
        heads = tuple(place[self.heads[i]] for i in chosen)
        return Sentence(
            pick(self.tokens),
            spaces,
            pick(self.tags),
            pick(self.pos),
            pick(self.lemmas),
            pick(self.deps),
            heads,
            pick(self.entities) if self.entities else (),
        )


def read_treebank(folder: Path, split: str) -> list[list[Sentence]]:
    """Return the documents of one split, each a list of its sentences in order."""
    frame = pl.read_parquet(folder / "data.parquet").filter(pl.col("split") == split)
    documents = frame.partition_by("doc_id", maintain_order=True)
    return [[_sentence(row) for row in d.iter_rows(named=True)] for d in documents]


def _sentence(row: dict[str, Any]) -> Sentence:
    return Sentence(
        tokens=tuple(row["tokens"]),
        spaces=(*row["space_after"][:-1], True),
        tags=tuple(row["xpos"]),
        pos=tuple(row["upos"]),
        lemmas=tuple(row["lemmas"]),
        deps=tuple("ROOT" if d == "root" else d for d in row["deprels"]),
        heads=tuple(i if h == 0 else h - 1 for i, h in enumerate(row["heads"])),
        entities=tuple(_entity(t) for t in row["ner"]) if row["has_ner"] else (),
    )


def _entity(tag: str) -> str:
    return tag if tag == "O" else f"{tag[:2]}{ENTITIES[tag[2:]]}"


def chunks(documents: list[list[Sentence]], rng: random.Random) -> Iterator[list[Sentence]]:
    """Cut every document into runs of one to five neighbouring sentences."""
    for sentences in documents:
        start = 0
        while start < len(sentences):
            size = rng.choice(CHUNK_SIZES)
            yield sentences[start : start + size]
            start += size


def roughen(chunk: list[Sentence], rng: random.Random) -> list[Sentence]:
    """Return the chunk as a hurried customer would have typed it, or, half the time, as it was."""
    drawn = rng.random()
    hand = next(write for upto, write in HANDS if drawn < upto)
    return chunk if hand is None else [hand(sentence) for sentence in chunk]


def _recased(sentence: Sentence, case: Any) -> Sentence:
    return replace(sentence, tokens=tuple(case(t) for t in sentence.tokens))


def _without(sentence: Sentence, marks: frozenset[str]) -> Sentence:
    """Return the sentence without these punctuation marks, but for those that are heads."""
    heads = set(sentence.heads)
    wanted = [t not in marks or i in heads for i, t in enumerate(sentence.tokens)]
    return sentence if all(wanted) or not any(wanted) else sentence.keep(wanted)


def _small(sentence: Sentence) -> Sentence:
    return _recased(sentence, str.lower)


def _loud(sentence: Sentence) -> Sentence:
    return _recased(sentence, str.upper)


def _no_commas(sentence: Sentence) -> Sentence:
    return _without(sentence, frozenset(","))


def _no_stops(sentence: Sentence) -> Sentence:
    return _without(sentence, frozenset("."))


def _no_apostrophes(sentence: Sentence) -> Sentence:
    tokens = ("nt" if t.lower() == "n't" else t for t in sentence.tokens)
    return replace(sentence, tokens=tuple(tokens))


def _hurried(sentence: Sentence) -> Sentence:
    return _small(_no_apostrophes(_without(sentence, frozenset(",."))))


HANDS = (
    (0.50, None),
    (0.60, _small),
    (0.63, _loud),
    (0.70, _no_commas),
    (0.80, _no_stops),
    (0.85, _no_apostrophes),
    (1.00, _hurried),
)
"""Ways of writing, by running share; None leaves the treebank as it is."""


def to_doc(vocab: Any, chunk: list[Sentence]) -> Any:
    """Return the chunk as one gold Doc, its trees side by side."""
    from spacy.tokens import Doc

    offsets = [sum(len(s.tokens) for s in chunk[:i]) for i in range(len(chunk))]
    named = all(s.entities for s in chunk)
    return Doc(
        vocab,
        words=[t for s in chunk for t in s.tokens],
        spaces=[b for s in chunk for b in s.spaces],
        tags=[t for s in chunk for t in s.tags],
        pos=[t for s in chunk for t in s.pos],
        lemmas=[t for s in chunk for t in s.lemmas],
        deps=[t for s in chunk for t in s.deps],
        heads=[h + o for s, o in zip(chunk, offsets, strict=True) for h in s.heads],
        ents=[e for s in chunk for e in s.entities] if named else None,
    )


def examples(nlp: Any, chunked: Iterator[list[Sentence]] | list[list[Sentence]]) -> list[Any]:
    """Pair each gold Doc with the tokens that the pipeline itself finds in its text."""
    from spacy.training import Example

    golds = (to_doc(nlp.vocab, chunk) for chunk in chunked)
    return [Example(nlp.make_doc(gold.text), gold) for gold in golds]


def blank_pipeline() -> Any:
    """Return the untrained pipeline."""
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": TOK2VEC})
    nlp.add_pipe("tagger", config={"model": SOFTMAX})
    nlp.add_pipe("morphologizer", config={"model": SOFTMAX, "extend": False})
    nlp.add_pipe("parser", config={"model": PARSER, "min_action_freq": 20})
    nlp.add_pipe("trainable_lemmatizer", name="lemmatizer", config={"model": SOFTMAX, "top_k": 3})
    nlp.add_pipe("ner", config={"model": NER})
    return nlp


def train(documents: list[list[Sentence]], *, epochs: int, seed: int) -> Any:
    """Return the trained pipeline, weights averaged over the steps."""
    import spacy
    from spacy.training.batchers import minibatch_by_words
    from thinc.api import Adam, fix_random_seed, warmup_linear

    fix_random_seed(seed)
    rng = random.Random(seed)  # noqa: S311 - order and noise of training, no secret
    nlp = blank_pipeline()
    first = examples(nlp, [[s] for d in documents for s in d])
    nlp.initialize(lambda: first)
    n_steps = PLANNED_EPOCHS * sum(len(e.reference) for e in first) // WORDS_PER_BATCH
    rates = warmup_linear(LEARN_RATE, 200, int(n_steps * 1.05))
    optimizer: Any = Adam(rates, L2=0.01, L2_is_weight_decay=True)  # type: ignore[arg-type] # its own schedules
    began = time.monotonic()
    for epoch in range(epochs):
        epoch_examples = examples(nlp, (roughen(c, rng) for c in chunks(documents, rng)))
        rng.shuffle(epoch_examples)
        losses: dict[str, float] = {}
        for batch in minibatch_by_words(
            epoch_examples, size=WORDS_PER_BATCH, discard_oversize=False
        ):
            nlp.update(batch, sgd=optimizer, drop=DROPOUT, losses=losses)
            optimizer.step_schedules()
        seconds = time.monotonic() - began
        print(
            f"epoch {epoch + 1}/{epochs} {seconds:.0f} s",
            {k: round(v) for k, v in losses.items()},
            flush=True,
        )
    with nlp.use_params(optimizer.averages):
        return spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())


def judge(nlp: Any, documents: list[list[Sentence]]) -> dict[str, float]:
    """Return accuracies from raw sentences, and F1 of sentence ends from raw paragraphs.

    Attachment leaves punctuation out, as spaCy's scorer does. All figures are shares 0..1.
    """
    single = nlp.evaluate(examples(nlp, [[s] for d in documents for s in d]))
    runs = [d[i : i + 5] for d in documents for i in range(0, len(d), 5)]
    names = {
        "token_f1": "token_f",
        "xpos_accuracy": "tag_acc",
        "upos_accuracy": "pos_acc",
        "lemma_accuracy": "lemma_acc",
        "uas": "dep_uas",
        "las": "dep_las",
        "ner_precision": "ents_p",
        "ner_recall": "ents_r",
        "ner_f1": "ents_f",
    }
    figures = {name: round(float(single[key]), 4) for name, key in names.items()}
    person = single["ents_per_type"].get("PERSON", {"p": 0, "r": 0, "f": 0})
    figures |= {f"ner_person_{k}": round(float(v), 4) for k, v in person.items()}
    figures["sentence_f1"] = round(float(nlp.evaluate(examples(nlp, runs))["sents_f"]), 4)
    return figures


CARD = """# segmenter {version}

A small spaCy pipeline for feedback: tags, dependency trees, lemmas, names. It cuts verbatims into
mentions, gives phrases for labels and finds names to mask. Small: one shared tok2vec
(HashEmbedCNN, width 96, depth 4) and a smaller one for names; no word vectors.

## Figures

From raw sentences of English-EWT, shares 0..1; attachment leaves punctuation out. Names are
PERSON, ORG, LOC by exact span; `sentence_f1` is of sentence starts in runs of five sentences.

{table}

How mentions are cut is judged by `python -m painpoints_training.segmentation` on verbatims marked
by hand; see docs/decisions/0020-mentions.md.

## Limits

* English only; web text of 2000 to 2012, little of it spoken.
* Trained for {epochs} of {planned} planned epochs; half of every epoch is roughened (small letters,
  no commas, stops or apostrophes), so posts without marks are parsed, but worse than edited text.
* Names: recall is low and brands are confused with persons, so `names` also asks for a common
  first name or for wording that speaks of a person.

## Sources

* UD English-EWT (Silveira et al. 2014; Universal Dependencies), CC BY-SA 4.0.
* UniversalNER English-EWT (Mayhew et al. 2024), CC BY-SA 4.0.

Made by `python -m painpoints_training.segmenter`, seed {seed}.
"""


def write_card(
    folder: Path, metrics: dict[str, dict[str, float]], *, epochs: int, seed: int
) -> None:
    """Write MODEL_CARD.md with the figures of dev and test side by side."""
    rows = [f"| {name} | {dev} | {metrics['test'][name]} |" for name, dev in metrics["dev"].items()]
    text = CARD.format(
        version=folder.name,
        table="\n".join(["| figure | dev | test |", "|---|---:|---:|", *rows]),
        epochs=epochs,
        planned=PLANNED_EPOCHS,
        seed=seed,
    )
    (folder / "MODEL_CARD.md").write_text(text, encoding="utf-8")


def write(
    nlp: Any, folder: Path, data: Path, metrics: dict[str, Any], *, epochs: int, seed: int
) -> None:
    """Write the pipeline with its card, and seal the folder with its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(folder)
    write_card(folder, metrics, epochs=epochs, seed=seed)
    facts = {
        "part": "segmenter",
        "version": int(folder.name),
        "seed": seed,
        "made_by": "python -m painpoints_training.segmenter",
        "created_with": {name: version(name) for name in ("spacy", "thinc", "numpy")},
        "data": [
            {
                "name": "ud_ewt_ner: UD English-EWT with UniversalNER English-EWT",
                "licence": "CC-BY-SA-4.0",
                "sha256": hashlib.sha256((data / "data.parquet").read_bytes()).hexdigest(),
            }
        ],
        "metrics": metrics,
    }
    bundle.write_manifest(folder, facts)


def build(treebank: Path, out: Path, *, epochs: int, seed: int) -> dict[str, dict[str, float]]:
    """Train, judge on dev and test, write to `out` (named by its version), and return the figures."""
    nlp = train(read_treebank(treebank, "train"), epochs=epochs, seed=seed)
    metrics = {split: judge(nlp, read_treebank(treebank, split)) for split in ("dev", "test")}
    write(nlp, out, treebank, metrics, epochs=epochs, seed=seed)
    return metrics


def main() -> None:
    """Train, judge on dev and test, write the pipeline with manifest and card."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of ud_ewt_ner")
    parser.add_argument("--out", type=Path, required=True, help="folder of the trained part")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seed", type=int, default=0)
    wish = parser.parse_args()
    metrics = build(wish.data, wish.out, epochs=wish.epochs, seed=wish.seed)
    print(json.dumps(metrics, indent=2))


if __name__ == "__main__":
    main()
