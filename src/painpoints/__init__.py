"""Customer feedback in; ranked pain points and opportunities per journey stage out.

Importing this package loads no model library: names are fetched when first used.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from painpoints.config import Settings
    from painpoints.domain import Finding, JourneyMap
    from painpoints.errors import PainpointsError
    from painpoints.pipeline import Analyser

__all__ = ["Analyser", "Finding", "JourneyMap", "PainpointsError", "Settings"]
__version__ = version("painpoints")

_HOMES = {
    "Analyser": "painpoints.pipeline",
    "Finding": "painpoints.domain",
    "JourneyMap": "painpoints.domain",
    "PainpointsError": "painpoints.errors",
    "Settings": "painpoints.config",
}


def __getattr__(name: str) -> Any:
    """Fetch a public name from its home on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'painpoints' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
