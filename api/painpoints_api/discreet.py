"""Messages made fit for strangers: no path of this machine is told."""

import re
from pathlib import Path

_FOLDERS = re.compile(r"(?<![\w/.:~-])(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\"<>]+)+[/\\](?=[^\s/\\])")


def without_paths(message: str, *folders: Path) -> str:
    """Return `message` with the last name of each absolute path in place of it.

    folders: of which no part is to be seen, even where their names hold spaces.
    """
    for folder in folders:
        message = message.replace(f"{folder}/", "")
    return _FOLDERS.sub("", message)
