"""What stands below the map, said once for all forms, in the order of the page.

Each row of a table leads to the mentions behind it. What a section is stands in `section`, what
each says in `priorities`, `changes` and `groups`.
"""

from collections.abc import Callable, Iterator, Sequence

from painpoints.domain import JourneyMap
from painpoints.report import changes, groups, priorities
from painpoints.report.section import Section


def sections(journey: JourneyMap) -> tuple[Section, ...]:
    """Return the sections that the map has something to say in, in the order of the page."""
    return tuple(section for draw in _DRAWN for section in draw(journey))


_DRAWN: Sequence[Callable[[JourneyMap], Iterator[Section]]] = (
    priorities.first,
    priorities.targets,
    changes.timeline,
    changes.emerging,
    changes.fixes,
    groups.group_scores,
    groups.segments,
    groups.personas,
    groups.paths,
)
