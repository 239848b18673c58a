"""The main job on the demo export: what leaves it is whole, reconciles, and comes out the same."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from painpoints import runs
from painpoints.config import load
from painpoints.pipeline import Analyser, Analysis

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "data" / "fixtures" / "demo" / "lakeside_broadband_nps.csv"
PROMISED = {
    *("feedback.parquet", "mentions.parquet", "topics.parquet", "drivers.parquet"),
    *("findings.parquet", "journey_map.json", "report.html", "journey_map.svg"),
    *("journey_map.png", "report.xlsx", "report.md", "quality.json", "run.json"),
    "topic_model.npz",
}


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    """Return an analyser with the default settings."""
    return Analyser(load(None, {"rank": {"n_bootstrap": 50}}))


@pytest.fixture(scope="module")
def analysis(analyser: Analyser) -> Analysis:
    """Analyse the demo once."""
    return analyser.analyse([DEMO])


def test_a_run_holds_what_was_promised(analysis: Analysis, tmp_path: Path) -> None:
    """Every promised file is there, every table is as described, nothing else lies about."""
    written = runs.save(analysis, tmp_path / "out")
    assert {path.name for path in written} == PROMISED
    assert {path.name for path in (tmp_path / "out").iterdir()} == PROMISED
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    for name, frame in runs.load_tables(tmp_path / "out").by_name().items():
        assert frame.equals(getattr(analysis.tables, name)), name


def test_the_readme_tells_what_the_demo_tells(analysis: Analysis) -> None:
    """The answer shown below the README's first snippet is its answer, but for the drawn ranks."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    journey = analysis.journey
    assert f"\n{journey.n_people} people, {journey.n_mentions} mentions\n" in readme
    first = [(view.stage.title, view.pain_points[0]) for view in journey.stages if view.pain_points]
    assert first
    for title, pain in first:
        assert f"\n{title}: {pain.label} ({pain.reach} people, rank " in readme


def test_quotes_are_exact_and_counts_reconcile(analysis: Analysis) -> None:
    """Each mention is its span of the masked verbatim; each is in a stage or counted as without."""
    whole, journey = analysis.tables, analysis.journey
    said = whole.mentions.join(whole.feedback, on="feedback_id").select(
        "text", cut=pl.col("verbatim").str.slice("start", pl.col("end") - pl.col("start"))
    )
    assert (said["text"] == said["cut"]).all()
    in_stages = sum(view.n_mentions for view in journey.stages)
    assert in_stages + sum(journey.no_stage.values()) == journey.n_mentions
    reasons = whole.feedback["reason"].drop_nulls()
    assert sum(journey.left_out.values()) >= reasons.len()
    assert journey.n_feedback == whole.feedback.height


def test_every_mention_has_a_topic_or_a_reason(analysis: Analysis) -> None:
    """There is no dump bucket."""
    mentions = analysis.tables.mentions
    assert (mentions["topic_id"].is_null() == mentions["reason"].is_not_null()).all()


def test_findings_lead_to_their_evidence(analysis: Analysis) -> None:
    """Every evidence id of every finding is a mention of its stage and topic."""
    mentions = analysis.tables.mentions.select("mention_id", "stage", "topic_id")
    told = analysis.tables.findings.explode("evidence_ids").join(
        mentions, left_on="evidence_ids", right_on="mention_id", how="left", suffix="_of_mention"
    )
    assert (told["stage"] == told["stage_of_mention"]).all()
    assert (told["topic_id"] == told["topic_id_of_mention"]).all()


def test_labels_are_made_of_what_members_say(analysis: Analysis) -> None:
    """Topic labels are unique and their words occur in the topic's mentions."""
    whole = analysis.tables
    assert whole.topics["label"].n_unique() == whole.topics.height
    told = whole.mentions.drop_nulls("topic_id").group_by("topic_id").agg("text")
    named = told.join(whole.topics, on="topic_id").select("label", "text")
    assert named.height
    for label, texts in named.iter_rows():
        spoken = " ".join(texts).lower()
        assert [w for w in label.lower().split() if w.strip(",:()") not in spoken] == [], label


def test_most_of_a_topic_goes_by_its_name(analysis: Analysis) -> None:
    """What emerges and what hurts are called alike where they are the same mentions."""
    whole = analysis.tables
    most = whole.findings.join(
        whole.topics.select("topic_id", topic="label", of="n_mentions"), on="topic_id"
    )
    most = most.filter(pl.col("n_mentions") >= 0.75 * pl.col("of"))
    assert most.height
    assert most["label"].to_list() == most["topic"].to_list()


def test_nothing_unmasked_leaves(analysis: Analysis, tmp_path: Path) -> None:
    """No e-mail address of the export is in any file of the run."""
    import re

    addresses = re.findall(r"[\w.+-]+@[\w-]+\.[\w.]+", DEMO.read_text(encoding="utf-8"))
    assert addresses, "the demo must hold some to prove it"
    for path in runs.save(analysis, tmp_path / "out"):
        content = path.read_bytes()
        if path.suffix == ".parquet":
            content = str(pl.read_parquet(path).to_dict(as_series=False)).encode()
        assert not [a for a in addresses if a.encode() in content], path.name


def test_the_salt_of_pseudonyms_stays_out_of_the_run(analysis: Analysis) -> None:
    """What pseudonyms are hashed with could undo them, so the run does not record it."""
    salted = analysis.settings.redact.model_copy(update={"salt": "a-word-kept-secret"})
    settings = analysis.settings.model_copy(update={"redact": salted})
    assert "a-word-kept-secret" not in json.dumps(runs.facts(replace(analysis, settings=settings)))


def test_redrawing_changes_no_number(analysis: Analysis, tmp_path: Path) -> None:
    """The reports drawn again from the tables are those of the run, but for another title."""
    runs.save(analysis, tmp_path / "run")
    again = runs.redraw(tmp_path / "run", tmp_path / "again", load(None))
    for path in again:
        if path.suffix in {".html", ".svg", ".md"}:
            assert path.read_bytes() == (tmp_path / "run" / path.name).read_bytes()


def test_a_saved_model_gives_the_same_topics(
    analyser: Analyser, analysis: Analysis, tmp_path: Path
) -> None:
    """Topics of the run, saved and loaded, are assigned to its own mentions as they were."""
    runs.save(analysis, tmp_path / "run")
    model = runs.load_topic_model(tmp_path / "run")
    texts = analysis.tables.mentions.filter(pl.col("topic_id").is_not_null()).head(40)
    scored = analyser.score_texts(texts["text"].to_list(), topic_model=model)
    whole = scored.filter(pl.col("text").is_in(texts["text"].implode())).unique("text")
    both = whole.join(texts.unique("text"), on="text", suffix="_then")
    assert both.height > 20
    assert (both["topic_id"] == both["topic_id_then"]).mean() > 0.9


def test_same_text_same_labels_alone_and_among_others(analyser: Analyser) -> None:
    """A text has the same answer alone, in a batch, and in another order."""
    texts = [
        "The app crashes when I open a photo",
        "Delivery was quick",
        "Still no refund after 3 weeks",
    ]
    together = analyser.score_texts(texts).drop("mention_id", "feedback_id")
    turned = analyser.score_texts(texts[::-1]).drop("mention_id", "feedback_id")
    alone = pl.concat([analyser.score_texts([t]).drop("mention_id", "feedback_id") for t in texts])
    labels = ["text", "stage", "touchpoint", "sentiment", "type", "severity"]
    assert together.select(labels).equals(turned.reverse().select(labels))
    assert together.select(labels).equals(alone.select(labels))


def test_the_number_of_a_placeholder_changes_no_answer(analyser: Analyser) -> None:
    """How many addresses stand in the rows before says nothing of a text."""
    before = [f"My address is user{n}@example.com" for n in range(60)]
    last = "Sent it to me@example.com twice"
    among = analyser.score_texts([*before, last]).filter(pl.col("text").str.starts_with("Sent"))
    alone = analyser.score_texts([last])
    assert among["text"].to_list() == ["Sent it to [EMAIL_61] twice"]
    for label in ("stage", "touchpoint", "sentiment", "type", "severity"):
        assert among[label].to_list() == alone[label].to_list()
        assert among[f"{label}_prob"][0] == pytest.approx(alone[f"{label}_prob"][0], abs=1e-5)


@pytest.mark.parametrize("n_rows", [1, 50])
def test_small_data_gives_a_map(analyser: Analyser, tmp_path: Path, n_rows: int) -> None:
    """One row and fifty rows give a whole run that ranks nothing it cannot."""
    lines = DEMO.read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "small.csv").write_text("".join(lines[: n_rows + 1]), encoding="utf-8")
    small = analyser.analyse([tmp_path / "small.csv"])
    runs.save(small, tmp_path / "out")
    ranked = small.tables.findings.drop_nulls("rank")
    assert ranked.filter(pl.col("reach") < small.settings.rank.min_people).is_empty()


def test_dated_praise_without_scores_gives_a_map(analyser: Analyser, tmp_path: Path) -> None:
    """Reviews of half a year that score nothing and tell no pain end in a whole run."""
    said = ("The courier was friendly and on time.", "The app is easy to use.", "Setting it up took five minutes.")  # fmt: skip
    days = (f"2026-{1 + n // 30:02}-{1 + n % 28:02},{said[n % 3]}\n" for n in range(180))
    (tmp_path / "praise.csv").write_text("date,comment\n" + "".join(days), encoding="utf-8")
    found = analyser.analyse([tmp_path / "praise.csv"])
    assert found.journey.period is not None
    assert found.journey.timeline is None
    assert {path.name for path in runs.save(found, tmp_path / "out")} == PROMISED


# -- the command line -------------------------------------------------------------------------


def painpoints(*arguments: str, **options: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line in its own process."""
    return subprocess.run(
        [sys.executable, "-m", "painpoints", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "80", **options},
    )


def test_analyze_prints_what_hurts_and_where_the_map_lies(tmp_path: Path) -> None:
    """The first command of the README works as a user would call it, within 80 columns."""
    done = painpoints("analyze", str(DEMO), "-o", str(tmp_path / "out"), "--title", "Demo")
    assert done.returncode == 0, done.stderr
    assert "What hurts" in done.stdout
    assert str(tmp_path / "out" / "report.html") in done.stdout
    assert (tmp_path / "out" / "report.html").is_file()
    assert max(map(len, done.stdout.splitlines()[:20])) <= 80
    assert "[1/9] read" in done.stderr


def test_score_reads_standard_input_and_prints_json() -> None:
    """Labels of plain lines come as JSON for scripts."""
    done = subprocess.run(
        [sys.executable, "-m", "painpoints", "score", "-", "--json"],
        input="The parcel arrived two days late\n",
        capture_output=True,
        text=True,
        check=True,
    )
    (mention,) = json.loads(done.stdout)
    assert mention["text"] == "The parcel arrived two days late"
    assert mention["sentiment"] == "negative"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("analyze", "no-such-file.csv"), "no such file"),
        (("analyze", str(DEMO), "--column", "verbatim"), "verbatim='Comments'"),
        (("analyze", str(DEMO), "--settings", "none.toml"), "does not exist"),
        (("report", "no-such-run"), "is no run"),
        (("score", str(DEMO), "--run", "no-such-run"), "is no run"),
        (("score", str(DEMO), "-o", "labels.jsonl"), ".parquet, .csv, .json"),
    ],
)
def test_a_bad_call_is_one_clear_sentence(
    arguments: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    """What cannot be used gives exit code 1 or 2 and one error, never a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "painpoints", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode in {1, 2}
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """Results never replace files that are not a run."""
    (tmp_path / "thesis.docx").write_text("mine", encoding="utf-8")
    done = painpoints("analyze", str(DEMO), "-o", str(tmp_path))
    assert done.returncode == 2
    assert (tmp_path / "thesis.docx").read_text(encoding="utf-8") == "mine"
