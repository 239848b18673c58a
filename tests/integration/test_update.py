"""New answers added to an earlier run: what stays, what is counted, what is told."""

from pathlib import Path

import polars as pl
import pytest

from painpoints import runs
from painpoints.config import load
from painpoints.errors import InputError, RunError, SettingsError
from painpoints.pipeline import Analyser, Analysis

DEMO = Path(__file__).parents[2] / "data" / "fixtures" / "demo" / "lakeside_broadband_nps.csv"
QUICK = {"quality": "fast", "rank": {"n_bootstrap": 20}}


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    """Return an analyser of the fast quality."""
    return Analyser(load(None, QUICK))


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return two exports of the same name; the later one repeats twenty answers."""
    head, *rows = DEMO.read_text(encoding="utf-8").splitlines(keepends=True)
    folder = tmp_path_factory.mktemp("exports")
    paths = folder / "may" / "answers.csv", folder / "june" / "answers.csv"
    for path, own in zip(paths, (rows[:300], rows[280:400]), strict=True):
        path.parent.mkdir()
        path.write_text(head + "".join(own), encoding="utf-8")
    return paths


@pytest.fixture(scope="module")
def run(
    analyser: Analyser, exports: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the saved run of the first export."""
    out = tmp_path_factory.mktemp("run") / "may"
    runs.save(analyser.analyse([exports[0]]), out)
    return out


@pytest.fixture(scope="module")
def updated(analyser: Analyser, exports: tuple[Path, Path], run: Path) -> Analysis:
    """Add the second export."""
    return analyser.update([exports[1]], runs.load_earlier(run))


def test_old_mentions_stay_and_repeated_answers_count_once(updated: Analysis, run: Path) -> None:
    """The earlier tables are the first rows of the new; an id known already is not added again."""
    old = runs.load_tables(run)
    assert updated.tables.mentions.head(old.mentions.height).equals(old.mentions)
    assert updated.tables.feedback["feedback_id"].is_unique().all()
    assert updated.tables.feedback.height == 800
    assert updated.drift is not None
    assert updated.drift.n_repeated == 40
    assert updated.journey.n_feedback == 800


def test_topics_and_names_stay(updated: Analysis, run: Path) -> None:
    """Every earlier topic keeps id, name, terms and exemplars; findings keep their names."""
    old = runs.load_tables(run)
    kept = ["topic_id", "label", "terms", "exemplar_ids"]
    now = updated.tables.topics.filter(status="kept").select(kept)
    assert now.sort("topic_id").equals(old.topics.select(kept).sort("topic_id"))
    both = old.findings.join(updated.tables.findings, on="finding_id")
    assert both.height > 10
    assert (both["label"] == both["label_right"]).all()


def test_new_mentions_are_labelled_as_the_earlier_run_would(updated: Analysis, run: Path) -> None:
    """A text that both exports hold has the same labels and topic in both."""
    old = runs.load_tables(run).mentions
    new = updated.tables.mentions[old.height :]
    same = old.unique("text").join(new.unique("text"), on="text", suffix="_now")
    assert same.height > 5
    assert (same["topic_id"].eq_missing(same["topic_id_now"])).mean() > 0.9
    assert (same["sentiment"] == same["sentiment_now"]).mean() > 0.9
    assert updated.classified.priors == runs.load_earlier(run).priors


def test_an_update_can_be_saved_and_added_to_again(
    analyser: Analyser, updated: Analysis, exports: tuple[Path, Path], tmp_path: Path
) -> None:
    """The saved run names all inputs, lists what is novel, and refuses the same file again."""
    runs.save(updated, tmp_path / "june")
    earlier = runs.load_earlier(tmp_path / "june")
    assert [source["source"] for source in earlier.inputs] == ["answers.csv", "answers.csv (2)"]
    novel = pl.read_csv(tmp_path / "june" / runs.NOVEL)
    assert updated.drift is not None
    assert novel["mention_id"].to_list() == list(updated.drift.novel_ids)
    with pytest.raises(InputError, match="nothing new"):
        analyser.update([exports[1]], earlier)


def test_ids_that_begin_again_are_told(
    analyser: Analyser, exports: tuple[Path, Path], run: Path, tmp_path: Path
) -> None:
    """Other answers under the ids of the earlier run are not taken for it: one sentence says so."""
    head, *rows = exports[0].read_text(encoding="utf-8").splitlines(keepends=True)
    ids = [row.split(",", 1)[0] for row in rows]
    moved = [
        f"{id_},{row.split(',', 1)[1]}" for id_, row in zip(ids, rows[1:] + rows[:1], strict=True)
    ]
    (tmp_path / "june.csv").write_text(head + "".join(moved), encoding="utf-8")
    with pytest.raises(InputError, match="ids stand for other answers"):
        analyser.update([tmp_path / "june.csv"], runs.load_earlier(run))


def test_other_trained_parts_are_refused(exports: tuple[Path, Path], run: Path) -> None:
    """Another quality would label new answers otherwise than the old: one sentence says so."""
    other = Analyser(load(None, QUICK | {"quality": "accurate"}))
    with pytest.raises(RunError, match="analyse both anew"):
        other.update([exports[1]], runs.load_earlier(run))


def test_another_journey_is_refused(
    analyser: Analyser, exports: tuple[Path, Path], run: Path
) -> None:
    """New mentions are not told of other stages than the old: the settings of the run are asked for."""
    own = [{"name": "before", "covers": ["purchase"]}, {"name": "after", "covers": ["use"]}]
    other = analyser.under(load(None, QUICK | {"journey": {"stages": own}}))
    with pytest.raises(RunError, match=r"different stages \(8 and 2, 0 of them shared\)"):
        other.update([exports[1]], runs.load_earlier(run))


def test_odd_stages_are_refused_before_anything_is_read() -> None:
    """A journey that would lose mentions is no analyser's."""
    own = [{"name": "all", "covers": ["usee"]}]
    with pytest.raises(SettingsError, match=r"'all' stands for .*covers 'usee'"):
        Analyser(load(None, QUICK | {"journey": {"stages": own}}))


def test_a_later_run_keeps_the_topics_that_go_on(
    analyser: Analyser, exports: tuple[Path, Path], run: Path, tmp_path: Path
) -> None:
    """Topics found anew that continue earlier ones have their ids and names; the lineage tells."""
    earlier = runs.load_earlier(run)
    later = analyser.analyse([exports[0], exports[1]], continues=earlier)
    lines = {line.topic_id: line for line in later.lineage if line.verdict == "kept"}
    assert len(lines) >= 5
    old = dict(earlier.tables.topics.select("topic_id", "label").iter_rows())
    rows = later.tables.topics.filter(pl.col("topic_id").is_in(list(lines)))
    assert (rows["status"] == "kept").all()
    named = dict(rows.select("topic_id", "label").iter_rows())
    assert all(old[topic] == label for topic, label in named.items() if topic in old)
    runs.save(later, tmp_path / "june")
    written = pl.read_csv(tmp_path / "june" / runs.LINEAGE)
    assert written.height == len(later.lineage)
    gone = {line.old_id for line in later.lineage if line.verdict in {"merged", "retired"}}
    assert gone.isdisjoint(set(later.tables.topics["topic_id"]))


def test_the_same_export_again_keeps_every_topic(
    analyser: Analyser, exports: tuple[Path, Path], run: Path
) -> None:
    """Nothing changed, so every topic is kept and none is new, split, merged or retired."""
    again = analyser.analyse([exports[0]], continues=runs.load_earlier(run))
    assert {line.verdict for line in again.lineage} == {"kept"}
