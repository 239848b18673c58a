"""The analysts' commands; `painpoints.cli` finds them through their entry points.

Options in, exit codes out. Nothing heavy is imported before a command runs; what is printed is
drawn in `shown`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from painpoints.errors import InputError

if TYPE_CHECKING:
    from painpoints.config import Settings

models = typer.Typer(
    help="See, compare, promote and roll back the versions of the classifier.",
    no_args_is_help=True,
)

ModelsFolder = Annotated[
    Path | None, typer.Option("--models", "--out", help="Folder of own models (painpoints-models).")
]
Quality = Annotated[
    str | None, typer.Option(help="fast or accurate: which classifier (that of the settings).")
]
SettingsFile = Annotated[
    Path | None, typer.Option("--settings", help="Settings file; painpoints.toml if there is one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Name = Annotated[str, typer.Argument(help="A version as `painpoints models list` names it.")]


# -- train -------------------------------------------------------------------------------------


def train(
    labels: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Tables (CSV, XLSX, Parquet) with a column text and any of stage, touchpoint, "
            "sentiment, type, severity. Give all your labels each time."
        ),
    ] = None,
    stages: Annotated[
        Path | None, typer.Option(help="TOML file of your own stages, with descriptions.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the version (own-1, own-2, ...).")
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option(help="A labelled table that only measures.")
    ] = None,
    margin: Annotated[
        float, typer.Option(help="How far the figure of a label may fall, 0..1.")
    ] = 0.02,
    matters: Annotated[
        list[str] | None, typer.Option(help="A label that must not fall; repeat (all five).")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what is wrong.")] = False,
    promote: Annotated[
        bool, typer.Option("--promote", help="Bring it into force if no label falls.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Bring it into force even so; its card will say it.")
    ] = False,
    quality: Quality = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the folds (0).")] = None,
    models_folder: ModelsFolder = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Train the classifier anew from your labels or your own stages, and judge it.

    Examples:  painpoints train labels.csv   |   painpoints train labels.xlsx --stages stages.toml
    --name spring   |   painpoints train labels.csv --check
    """
    chosen = _settings(settings, quality, models_folder, seed)
    from painpoints import bundle, terminal
    from painpoints.classify import LABELS
    from painpoints_training import retrain as training
    from painpoints_training import shown

    request = training.Request(
        labels=tuple(labels or ()),
        stages=stages,
        held_out=held_out,
        quality=chosen.quality,
        models=chosen.models or bundle.OWN_MODELS,
        name=name,
        margin=margin,
        matters=tuple(matters) if matters else LABELS,
        promote=promote,
        force=force,
        seed=chosen.seed,
        read=chosen.read,
    )
    checked = training.check(request)
    if not as_json:
        shown.findings(checked.findings)
    if checked.stops:
        if as_json:
            terminal.print_json({"findings": [str(one) for one in checked.findings]})
        raise InputError(f"{len(checked.stops)} to be mended first; nothing was trained")
    if check:
        shown.checked(checked, as_json=as_json)
        return
    with terminal.steps(training.STEPS, quiet=as_json) as on_step:
        outcome = training.retrain(request, on_step)
    shown.outcome(outcome, as_json=as_json)


# -- queue and evaluate ------------------------------------------------------------------------


def queue(
    run: Annotated[Path, typer.Argument(help="Folder of an earlier `painpoints analyze`.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A .csv or .parquet file to fill in.")
    ] = Path("queue.csv"),
    n: Annotated[int, typer.Option("-n", min=1, help="How many mentions.")] = 100,
    done: Annotated[
        list[Path] | None,
        typer.Option("--labelled", help="Labels not trained from yet: not asked again; repeat."),
    ] = None,
    models_folder: Annotated[
        Path | None, typer.Option("--models", help="Folder of own models (painpoints-models).")
    ] = None,
    settings: SettingsFile = None,
) -> None:
    """Write the mentions of a run that are most useful to label next.

    What the version in force has learnt is not asked again.

    Examples:  painpoints queue out -o queue.csv -n 100   |   painpoints queue out -o next.csv
    --labelled queue.csv
    """
    chosen = _settings(settings, None, models_folder, None)
    from painpoints import terminal, writers
    from painpoints_training import labelled, queueing

    writers.refuse_ending(out)
    queueing.refuse_filled(out)
    with terminal.steps(queueing.STEPS, quiet=False) as on_step:
        found = queueing.queue(
            run, n, chosen.models, on_step, labelled.texts(done or (), chosen.read)
        )
        on_step("write")
        writers.write_table(found, out)
    terminal.print_line(
        f"{found.height:,} mentions written to {out}; fill in stage, touchpoint, sentiment, type, "
        f"severity (any of them), then: painpoints train {out}"
    )


def evaluate(
    labelled: Annotated[
        Path,
        typer.Argument(help="Table with text and any of the five labels (CSV, XLSX, Parquet)."),
    ],
    version: Annotated[
        str | None, typer.Option(help="A version of `painpoints models list` (the one in force).")
    ] = None,
    alone: Annotated[
        bool,
        typer.Option("--alone", help="Label each text alone, as the API does, not as one run."),
    ] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Beside TF-IDF and stock MiniLM; takes minutes.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="Public sets that the baselines may learn from as well.")
    ] = None,
    quality: Quality = None,
    models_folder: ModelsFolder = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Say how good the labels are on a labelled file.

    Examples:  painpoints evaluate labelled.csv   |   painpoints evaluate labelled.xlsx --version
    own-1 --json
    """
    chosen = _settings(settings, quality, models_folder, None)
    from painpoints import terminal
    from painpoints_training import evaluating, shown

    wish = evaluating.Wish(
        file=labelled,
        quality=chosen.quality,
        models=_folder(chosen),
        version=version,
        alone=alone,
        baselines=baselines,
        data=data,
        read=chosen.read,
    )
    steps = evaluating.BASELINE_STEPS if baselines else evaluating.STEPS
    with terminal.steps(steps, quiet=as_json) as on_step:
        found = evaluating.judged(wish, on_step)
    shown.evaluation(found, as_json=as_json)


# -- models ------------------------------------------------------------------------------------


@models.command("list", epilog="Example:  painpoints models list")
def list_versions(
    models_folder: ModelsFolder = None, settings: SettingsFile = None, as_json: AsJson = False
) -> None:
    """List the versions of both classifiers; * marks the one in force."""
    chosen = _settings(settings, None, models_folder, None)
    from painpoints_training import registry, shown

    found = [one for part in registry.PARTS for one in registry.versions(part, _folder(chosen))]
    shown.versions(found, as_json=as_json)


@models.command("show", epilog="Example:  painpoints models show own-1")
def show(
    version: Name,
    quality: Quality = None,
    models_folder: ModelsFolder = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Print the card of a version, or with --json its manifest."""
    chosen = _settings(settings, quality, models_folder, None)
    from painpoints_training import registry, shown

    part = f"classifier-{chosen.quality}"
    shown.card(registry.find(part, _folder(chosen), version), as_json=as_json)


@models.command(
    "compare",
    epilog="Examples:  painpoints models compare own-1   |   painpoints models compare own-1 "
    "shipped --on labelled.csv",
)
def compare(
    version: Name,
    other: Annotated[
        str | None, typer.Argument(help="The version to compare with (the one in force).")
    ] = None,
    on: Annotated[
        Path | None, typer.Option(help="Judge both on this labelled file, not by their records.")
    ] = None,
    quality: Quality = None,
    models_folder: ModelsFolder = None,
    settings: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Set a version beside another, label by label."""
    chosen = _settings(settings, quality, models_folder, None)
    from painpoints import terminal
    from painpoints_training import beside, shown

    wish = beside.Wish(chosen.quality, _folder(chosen), version, other, on, chosen.read)
    with terminal.steps(beside.STEPS, quiet=as_json or on is None) as on_step:
        found = beside.compared(wish, on_step)
    shown.beside(found, as_json=as_json)


@models.command("promote", epilog="Example:  painpoints models promote own-1")
def promote_version(
    version: Name,
    force: Annotated[
        bool, typer.Option("--force", help="Even if a label falls; the card will say it.")
    ] = False,
    quality: Quality = None,
    models_folder: ModelsFolder = None,
    settings: SettingsFile = None,
) -> None:
    """Bring a version into force: every later run takes it. `shipped` goes back for good."""
    chosen = _settings(settings, quality, models_folder, None)
    from painpoints import terminal
    from painpoints_training import registry

    part = f"classifier-{chosen.quality}"
    forced = registry.promote(part, _folder(chosen), version, force=force)
    for one in forced:
        terminal.print_note(f"although it falls: {one}")
    terminal.print_line(f"{part} {version} is in force")


@models.command("rollback", epilog="Example:  painpoints models rollback")
def rollback_version(
    version: Annotated[
        str | None, typer.Argument(help="Only if this version is in force (whichever is).")
    ] = None,
    quality: Quality = None,
    models_folder: ModelsFolder = None,
    settings: SettingsFile = None,
) -> None:
    """Go back to the version that was in force before."""
    chosen = _settings(settings, quality, models_folder, None)
    from painpoints import terminal
    from painpoints_training import registry

    part = f"classifier-{chosen.quality}"
    now = registry.rollback(part, _folder(chosen), version, terminal.print_note)
    terminal.print_line(f"{part} {now} is in force")


@models.command("verify", epilog="Example:  painpoints models verify")
def verify_versions(
    models_folder: ModelsFolder = None, settings: SettingsFile = None, as_json: AsJson = False
) -> None:
    """Check every file of every part, shipped and own, against its manifest."""
    chosen = _settings(settings, None, models_folder, None)
    from painpoints.errors import ModelError
    from painpoints_training import registry, shown

    found = registry.problems(_folder(chosen))
    shown.verified(found, as_json=as_json)
    n_bad = sum(bool(problem) for problem in found.values())
    if n_bad:
        raise ModelError(f"{n_bad} of {len(found)} cannot be used")


# -- inside ------------------------------------------------------------------------------------


def _settings(
    file: Path | None, quality: str | None, folder: Path | None, seed: int | None
) -> "Settings":
    from painpoints.config import load

    return load(file, {"quality": quality, "models": folder, "seed": seed})


def _folder(chosen: "Settings") -> Path:
    """Return the folder of own models; one that was named must be there."""
    from painpoints import bundle

    return bundle.own_models(chosen.models) or bundle.OWN_MODELS
