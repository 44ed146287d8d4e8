"""The folders that runs leave on the disk of this machine: what their steps printed, and the values of their steps."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FOLDERS_AT_ONCE = 1_000


def strange_folders(places: Sequence[Path], strangers: Callable[[Sequence[str]], Sequence[str]]) -> list[Path]:
    """The folders in `places` that are named as runs are, and of runs that are no more. They are listed before it is
    asked, so that one of a run that begins meanwhile is not among them."""
    found = [
        folder
        for place in places
        if place.is_dir()
        for folder in place.iterdir()
        if RUN_ID.fullmatch(folder.name) and not folder.is_symlink() and folder.is_dir()
    ]
    names = sorted({folder.name for folder in found})
    pages = [names[first : first + FOLDERS_AT_ONCE] for first in range(0, len(names), FOLDERS_AT_ONCE)]
    strange = {name for page in pages for name in strangers(page)}
    return [folder for folder in found if folder.name in strange]


def remove_folders(folders: Sequence[Path]) -> list[Path]:
    """Returns those that could not be removed; what somebody else removes at the same time is removed too."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)  # looked at afterwards: what stays is told
    return [folder for folder in folders if folder.exists()]
