"""Write the pages that are made from the code: `python -m tests.documentation`."""

import ast
from pathlib import Path

from painpoints import tables
from painpoints.config import Settings

DOCS = Path(__file__).parents[1] / "docs"


def tables_page() -> str:
    """Return docs/tables.md as the code has it now."""
    parts = [
        "# Tables",
        "",
        (
            "Written from `src/painpoints/tables.py` by `make docs`. A run's folder holds each as "
            "Parquet; `feedback` also carries the export's own columns to cut by, as "
            "`segment_<column>`."
        ),
    ]
    for table in tables.TABLES:
        parts += [
            "",
            f"## {table.name}",
            "",
            f"One row is {table.row}. Key: {', '.join(table.key)}.",
            "",
        ]
        parts += ["| column | type | may be null | added by | meaning |", "|---|---|---|---|---|"]
        parts += [
            f"| {c.name} | {c.dtype if not isinstance(c.dtype, type) else c.dtype.__name__} "
            f"| {'yes' if c.nullable else ''} | {c.added_by} | {c.meaning} |"
            for c in table.columns
        ]
    return "\n".join(parts) + "\n"


def settings_page() -> str:
    """Return docs/settings.md as the code has it now."""
    parts = [
        "# Settings",
        "",
        (
            "Written from `src/painpoints/config.py` by `make docs`. Flags win over `PAINPOINTS_*` "
            "variables (`PAINPOINTS_RANK__MIN_PEOPLE=8`), those over `painpoints.toml`. Unknown keys "
            "are errors. `painpoints config` prints what is in force."
        ),
    ]
    sections = {"": Settings} | {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if hasattr(field.annotation, "model_fields")
    }
    for name, section in sections.items():
        parts += ["", f"## {'[' + name + ']' if name else 'top level'}", ""]
        parts += ["| key | default | meaning |", "|---|---|---|"]
        parts += [
            f"| {key} | `{field.get_default(call_default_factory=True)!r}` | {field.description or ''} |"
            for key, field in section.model_fields.items()
            if not hasattr(field.annotation, "model_fields")
        ]
    return "\n".join(parts) + "\n"


READING_ORDER = (
    "errors", "domain", "tables", "config", "stats", "surveys", "absent",
    "readers", "redact", "segment", "wordtable", "encode", "classify", "topics", "labels",
    "points", "scores", "relative_weights", "drivers", "efforts", "findings", "trends", "timelines", "emerging", "drift", "fixes", "personas", "persona_groups", "journeys", "mapdiff", "journeymap",
    "writers", "report", "bundle", "cross_encoder", "labeller", "evaluate", "arrangement", "parts", "pipeline", "distribute", "runs", "diffs", "terminal", "cli",
)  # fmt: skip
"""The files and folders of the engine, as one should read them."""


def house() -> str:
    """Return the README's list of the engine's files: each with the first line it says of itself."""
    source = DOCS.parent / "src" / "painpoints"
    lines = []
    for name in READING_ORDER:
        folder = source / name
        file = folder / "__init__.py" if folder.is_dir() else source / f"{name}.py"
        shown = f"{name}/" if folder.is_dir() else f"{name}.py"
        whole = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        first = " ".join(whole.split("\n\n")[0].split())
        lines.append(f"{shown:<20} {first.rstrip('.')}")
    return "\n".join(lines)


PAGES = {"tables.md": tables_page, "settings.md": settings_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    readme = DOCS.parent / "README.md"
    head, _, rest = readme.read_text(encoding="utf-8").partition("src/painpoints/\n")
    _, fence, tail = rest.partition("```")
    readme.write_text(f"{head}src/painpoints/\n{house()}\n{fence}{tail}", encoding="utf-8")
