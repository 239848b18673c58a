"""Every error a caller may catch. Knows nothing of HTTP, exit codes or screens.

    PainpointsError
    ├── SettingsError        a setting is unknown, out of range, or contradicts another
    ├── InputError           what the user handed in cannot be used
    │   ├── UnreadableError  a file cannot be read at all
    │   └── TooManyBadRows   a file was read, but too many of its rows had to be set aside
    ├── TableError           a table lacks a column, has a wrong type, or repeats a key
    ├── ModelError           a model file is missing, damaged, foreign, or of another version
    ├── TrainingDataError    labelled data cannot teach what it should
    └── RunError             a run folder is missing, incomplete, or of another version

A message says what is wrong, where, with both numbers, and what to do next. It never quotes
what a customer wrote.
"""


class PainpointsError(Exception):
    """Base of all errors that painpoints raises on purpose."""


class SettingsError(PainpointsError):
    """A setting is unknown, out of range, or contradicts another."""


class InputError(PainpointsError):
    """What the user handed in cannot be used."""


class UnreadableError(InputError):
    """A file cannot be read at all: missing, empty, damaged, or of a kind we do not read."""


class TooManyBadRows(InputError):  # noqa: N818 - named after what happened, as in the field
    """A file was read, but more of its rows than allowed had to be set aside."""


class TableError(PainpointsError):
    """A table lacks a column, has a column of another type, or repeats a key."""


class ModelError(PainpointsError):
    """A model file is missing, damaged, not ours, or made by another version."""


class TrainingDataError(PainpointsError):
    """Labelled data cannot teach what it should: too few, contradictory, or unknown labels."""


class RunError(PainpointsError):
    """A run folder is missing, incomplete, or written by another version."""
