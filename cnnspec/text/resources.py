"""Where the grammar and the shipped specifications lie: inside the installed package, or in the checkout."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def folder(name: str) -> Path:
    """The folder `grammars` or `specs`."""
    from pathlib import Path  # only files that use others need it

    package = Path(__file__).parent.parent
    packaged = package / name
    return packaged if packaged.is_dir() else package.parent / name
