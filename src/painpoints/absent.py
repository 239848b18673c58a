"""Libraries imported as on a machine that lacks what they would load and we never ask of them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Let what is imported meanwhile find none of `modules`; those loaded already stay."""
    hidden = [name for name in modules if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment] # Python's own mark for "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
