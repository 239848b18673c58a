"""Libraries imported as on a machine that lacks what they would load and we never ask of them."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from types import ModuleType
from typing import Any

ANY = DistributionFinder.Context()


class _Hiding(DistributionFinder):
    """Asks the finders that were there, but for some modules, which it does not find."""

    def __init__(self, finders: Sequence[Any], hidden: Sequence[str]) -> None:
        self._finders = finders
        self._hidden = frozenset(hidden)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module lies, or None where it is hidden or not there."""
        if fullname in self._hidden:
            return None
        found = (finder.find_spec(fullname, path, target) for finder in self._finders)
        return next((spec for spec in found if spec is not None), None)

    def find_distributions(
        self, context: DistributionFinder.Context = ANY
    ) -> Iterator[Distribution]:
        """Yield what packages say of themselves; nothing of that is hidden."""
        for finder in self._finders:
            if hasattr(finder, "find_distributions"):
                yield from finder.find_distributions(context)


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Let what is imported meanwhile find none of `modules`; those loaded already stay."""
    finders = list(sys.meta_path)
    sys.meta_path[:] = [_Hiding(finders, modules)]
    try:
        yield
    finally:
        sys.meta_path[:] = finders
