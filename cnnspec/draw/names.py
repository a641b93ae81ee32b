"""Names in a picture."""

from __future__ import annotations

import unicodedata

from cnnspec import __version__
from cnnspec.text.output import MARK

LONGEST = 40  # characters


def plain(text: str, longest: int = LONGEST) -> str:
    """A name for a picture: no control or bidirectional characters, not too long."""
    kept = "".join(c for c in text if unicodedata.category(c)[0] not in "C" and c not in "\u2028\u2029")
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def mark(name: str) -> str:
    """What stands in every file that shows the network of this name."""
    return f"{plain(name)}: {MARK} {__version__}"
