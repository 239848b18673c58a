"""The command line: options in, exit codes out. The only place that exits.

0 all went well, 1 something of ours failed, 2 the input or the call cannot be used.
What is printed is drawn in `terminal.py`; commands of the service and of the training join
through the entry-point group `painpoints.commands`, settings through `painpoints.settings`, so that
nothing here imports upward.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from painpoints.errors import InputError, PainpointsError, SettingsError

if TYPE_CHECKING:
    import polars as pl

    from painpoints.config import Settings
    from painpoints.distribute import Workshop

app = typer.Typer(
    help="Read customer feedback; rank pain points and opportunities per journey stage.",
    epilog="Start with:  painpoints check export.csv  then  painpoints analyze export.csv -o out",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Inputs = Annotated[
    list[str],
    typer.Argument(
        help="Files, folders or globs: CSV, TSV, XLSX, JSON(L), Parquet, transcripts; .gz too."
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings file; painpoints.toml if there is one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts instead of tables.")]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random (default 0).")]
Quality = Annotated[
    str | None,
    typer.Option(
        help="fast: for large exports; accurate: better labels, slower (see docs/models.md)."
    ),
]
Column = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="Say which column is what: --column verbatim='Comments' --column score=NPS. "
        "Keys: verbatim, score, survey, score_max, date, id, person, channel, stage, touchpoint, "
        "language, segments, ignore.",
    ),
]
MaxBad = Annotated[
    float | None, typer.Option(help="Share of bad rows (0..1) above which to stop (default 0.05).")
]
Layout = Annotated[
    str | None,
    typer.Option(help="Force a layout instead of recognising it; a wrong name lists them."),
]
Encoding = Annotated[str | None, typer.Option(help="Text encoding, when the guess is wrong.")]
Sheet = Annotated[str | None, typer.Option(help="Sheet of a workbook that has several.")]
Models = Annotated[
    Path | None, typer.Option(help="Folder of own trained parts; what it lacks is shipped.")
]


@app.command(
    epilog="Examples:  painpoints analyze reviews.csv -o out   |   "
    "painpoints analyze 'exports/*.xlsx' --column verbatim=Comment --title 'Q2 feedback'   |   "
    "painpoints analyze million.csv -o out --quality fast --resume   |   "
    "painpoints analyze week-2.csv --update out -o out   |   "
    "painpoints analyze june.csv --continue may -o june"
)
def analyze(
    inputs: Inputs,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path(
        "painpoints-out"
    ),
    title: Annotated[str | None, typer.Option(help="Title of the journey map.")] = None,
    quality: Quality = None,
    seed: Seed = None,
    column: Column = None,
    layout: Layout = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    max_bad: MaxBad = None,
    feasibility: Annotated[
        Path | None,
        typer.Option(help="CSV: topic or touchpoint, effort (1 easy..5 hard), owner, note."),
    ] = None,
    fixes: Annotated[
        Path | None,
        typer.Option(
            help="CSV: topic, stage or touchpoint; date; and segment, owner, expected, name."
        ),
    ] = None,
    update: Annotated[
        Path | None,
        typer.Option(help="Add the inputs to this earlier run, without reading the old again."),
    ] = None,
    continues: Annotated[
        Path | None,
        typer.Option(
            "--continue", help="Keep topic ids and names of this earlier run; writes lineage.csv."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a large run that was broken off.")
    ] = False,
    engine: Annotated[
        str, typer.Option(help="Who works through a large run: local processes, or dask.")
    ] = "local",
    scheduler: Annotated[
        str | None,
        typer.Option(help="Of a running Dask cluster, tcp://host:8786; else one is started here."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes for a large run; 0: as many as cores.")
    ] = 0,
    parts: Annotated[
        str | None,
        typer.Option(
            help="Folder or URL in which a large run makes one for its parts; all workers must see it."
        ),
    ] = None,
    models: Models = None,
    settings: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Analyse feedback: write the journey map, the findings and every table behind them."""
    from painpoints import distribute, runs, terminal
    from painpoints.pipeline import STEPS, Analyser

    chosen = _settings(
        settings,
        {
            "seed": seed,
            "quality": quality,
            "models": models,
            "columns": _columns(column),
            "read": {"layout": layout, "encoding": encoding, "sheet": sheet, "max_bad": max_bad},
            "rank": {"feasibility": feasibility, "fixes": fixes},
            "report": {"title": title},
        },
    )
    if update is not None and continues is not None:
        raise SettingsError("--update adds to a run, --continue makes another; give one of them")
    runs.refuse_foreign(out)
    named = (chosen.rank.feasibility, chosen.rank.fixes, chosen.models, settings)
    runs.refuse_within(out, [*_files(inputs), *filter(None, named)])
    how = distribute.How(engine, scheduler, workers, resume, distribute.parts_folder(out, parts))
    with (
        distribute.workshop(out, how) as workshop,
        _resumable(workshop),
        terminal.steps((*STEPS, "write"), quiet=as_json) as on_step,
    ):
        analyser = Analyser(chosen, on_step=on_step)
        if update is None:
            earlier = None if continues is None else runs.load_earlier(continues)
            analysis = analyser.analyse(inputs, spread=workshop, continues=earlier)
        else:
            analysis = analyser.update(inputs, runs.load_earlier(update), spread=workshop)
        workshop.close()
        on_step("write")
        written = runs.save(analysis, out)
    if as_json:
        terminal.print_json(runs.summary(analysis, written))
    else:
        terminal.print_map(analysis.journey)
        terminal.print_drift(analysis.drift)
        terminal.print_written(written)


@app.command(
    epilog="Example:  painpoints check survey.xlsx   |   painpoints check --json a.csv b.csv.gz"
)
def check(
    inputs: Inputs,
    column: Column = None,
    layout: Layout = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    max_bad: MaxBad = None,
    settings: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what was recognised in the inputs, which column is what, and what is wrong with them."""
    from painpoints import readers, terminal

    chosen = _settings(
        settings,
        {
            "columns": _columns(column),
            "read": {"layout": layout, "encoding": encoding, "sheet": sheet, "max_bad": max_bad},
        },
    )
    intake = readers.read(inputs, chosen.read, chosen.columns)
    if as_json:
        terminal.print_json(intake.to_dict())
    else:
        terminal.print_intake(intake)


@app.command(
    epilog="Example:  painpoints score tickets.csv -o labels.csv   |   "
    "painpoints score new.csv --run out -o labels.parquet   |   echo 'late again' | painpoints score -"
)
def score(
    inputs: Inputs,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="A .csv, .parquet or .json file; else the screen."),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="An earlier run, whose topics are assigned as well, by its quality."),
    ] = None,
    quality: Quality = None,
    column: Column = None,
    layout: Layout = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    max_bad: MaxBad = None,
    models: Models = None,
    settings: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Label mentions (stage, touchpoint, sentiment, type, severity) without finding topics."""
    from painpoints import readers, runs, terminal
    from painpoints.pipeline import Analyser

    if out is not None:
        runs.refuse_ending(out)
    if run is not None and quality is None:
        quality = runs.quality_of(run)
    chosen = _settings(
        settings,
        {
            "quality": quality,
            "models": models,
            "columns": _columns(column),
            "read": {"layout": layout, "encoding": encoding, "sheet": sheet, "max_bad": max_bad},
        },
    )
    model = runs.load_topic_model(run) if run else None
    analyser = Analyser(chosen)
    if run is not None:
        analyser.refuse_other(runs.load_facts(run)["parts"], "encoder-")
    if set(inputs) == {"-"}:
        feedback = readers.from_texts(sys.stdin.read().splitlines(), chosen.read)
    else:
        feedback = readers.read(inputs, chosen.read, chosen.columns).feedback
    mentions = analyser.score_feedback(feedback, topic_model=model)
    if out is not None:
        runs.write_table(mentions, out)
    terminal.print_left_out(_left_out(feedback, mentions))
    terminal.print_mentions(mentions, out=out, as_json=as_json)


@app.command(
    epilog="Example:  painpoints report out   |   painpoints report out --title 'Board, Q2'"
)
def report(
    run: Annotated[Path, typer.Argument(help="Folder of an earlier `painpoints analyze`.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; the run's own if unset.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Another title.")] = None,
    fixes: Annotated[
        Path | None, typer.Option(help="Register of fixes to judge on this run's data.")
    ] = None,
    settings: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Draw the reports of an earlier run again, without analysing anything anew."""
    from painpoints import runs, terminal

    chosen = _settings(settings, {"report": {"title": title}, "rank": {"fixes": fixes}})
    written = runs.redraw(run, out or run, chosen)
    if as_json:
        terminal.print_json({"written": [str(path) for path in written]})
    else:
        terminal.print_written(written)


@app.command(
    epilog="Example:  painpoints diff run-march run-april   |   "
    "painpoints diff run-march run-april -o march-april"
)
def diff(
    before: Annotated[Path, typer.Argument(help="Folder of the earlier run.")],
    now: Annotated[Path, typer.Argument(help="Folder of the later run.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder for diff.html, diff.md and diff.json."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs: what is new, rising, falling, fixed, unchanged, and how sure that is."""
    from painpoints import diffs, journeymap, terminal

    with terminal.steps(("compare",), quiet=as_json) as on_step:
        on_step("compare")
        found, quotes = diffs.diff(before, now)
        written = diffs.save(found, quotes, out) if out else []
    if as_json:
        terminal.print_json(journeymap.plain(found) | {"written": [str(path) for path in written]})
    else:
        terminal.print_diff(found, written)


@app.command(
    epilog="Example:  painpoints config   |   painpoints config --settings other.toml --json"
)
def config(settings: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print the settings in force and where each was said; passwords are masked."""
    from painpoints import terminal
    from painpoints.config import in_force

    told = in_force(settings)
    for point in entry_points(group="painpoints.settings"):
        told += point.load()(settings)
    if as_json:
        terminal.print_json([asdict(one) for one in told])
    for one in () if as_json else told:
        terminal.print_line(f"{one.key} = {json.dumps(one.value)}  ({one.source})")


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from painpoints import __version__, terminal

        terminal.print_line(f"painpoints {__version__}")
        raise typer.Exit


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    _join_commands(sys.argv[1:] if arguments is None else arguments)
    try:
        app(args=arguments)
    except (InputError, SettingsError) as error:
        _fail(error, code=2)
    except PainpointsError as error:
        _fail(error, code=1)


def _join_commands(arguments: Sequence[str]) -> None:
    """Add the other packages' commands that are asked for, or all where help is."""
    asks_help = not arguments or arguments[0] == "--help"
    known = {command.name for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    for point in entry_points(group="painpoints.commands"):
        if point.name in known or not (asks_help or point.name in arguments):
            continue
        command = point.load()
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=point.name)
        else:
            app.command(name=point.name)(command)


def _fail(error: PainpointsError, *, code: int) -> None:
    from painpoints import terminal

    terminal.print_error(str(error))
    sys.exit(code)


@contextmanager
def _resumable(workshop: "Workshop") -> Iterator[None]:
    """Say to who interrupts a large run how it goes on."""
    from painpoints import terminal

    try:
        yield
    except KeyboardInterrupt as interrupt:
        if workshop.begun:
            terminal.print_error("interrupted; the same command with --resume goes on from here")
        raise typer.Exit(130) from interrupt


def _settings(file: Path | None, flags: Mapping[str, Any]) -> "Settings":
    from painpoints.config import load

    return load(file, flags)


def _files(inputs: Sequence[str]) -> list[Path]:
    """Return the files that the inputs name; standard input is none."""
    from painpoints.readers.inputs import find_inputs

    named = [item for item in inputs if item != "-"]
    return [found.path for found in find_inputs(named, Path()).files] if named else []


def _left_out(feedback: "pl.DataFrame", mentions: "pl.DataFrame") -> dict[str, int]:
    """Return how many answers have no mention, by reason; ids are masked only in the mentions."""
    from painpoints.journeymap import NO_MENTION

    reasons = Counter(feedback["reason"].drop_nulls())
    n_silent = feedback.height - reasons.total() - mentions["feedback_id"].n_unique()
    return dict(reasons + Counter({NO_MENTION: n_silent}))


def _columns(pairs: Sequence[str] | None) -> dict[str, Any]:
    """Turn `key=name` pairs into the `columns` section; verbatim, segments and ignore repeat.

    Raises:
        SettingsError: for a pair without `=`.
    """
    chosen: dict[str, Any] = {}
    for pair in pairs or ():
        key, separator, name = pair.partition("=")
        if not separator or not name:
            raise SettingsError(f"--column {pair}: write it as --column verbatim='Comments'")
        if key in {"verbatim", "segments", "ignore"}:
            chosen[key] = (*chosen.get(key, ()), name)
        else:
            chosen[key] = name
    return chosen
