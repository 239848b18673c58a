"""Write the pages that are made from the code: `python -m tests.documentation`."""

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


PAGES = {"tables.md": tables_page, "settings.md": settings_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
