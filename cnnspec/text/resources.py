"""Where the grammar and the shipped specifications lie: inside the installed package, or in the checkout."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def path_of(name: str) -> str:
    """The path of the folder `grammars` or `specs`."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    packaged = os.path.join(package, name)
    return packaged if os.path.isdir(packaged) else os.path.join(os.path.dirname(package), name)


def folder(name: str) -> Path:
    """The folder `grammars` or `specs`."""
    from pathlib import Path  # which no check needs

    return Path(path_of(name))


@cache
def read_asset(package: str, name: str) -> str:
    """The text of a file that lies beside a package's modules: a page's script, a table."""
    from importlib.resources import files  # loads much, and a plain check reads none

    return files(package).joinpath(name).read_text(encoding="utf-8")
