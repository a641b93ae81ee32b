"""What a small net is warned of, in one line."""

from __future__ import annotations

from cnnspec.compiler import Checked, check
from cnnspec.elaborate.settings import Settings
from cnnspec.text.files import read_library
from cnnspec.text.source import Source
from tests.nets import whole


def linted(text: str, net: str | None = None, settings: Settings | None = None) -> Checked:
    found = check(Source("test.cnn", whole(text)), read_library, net, settings, lint=True)
    assert found.ok, [fault.message for fault in found.diagnostics]
    return found


def warned(text: str, net: str | None = None, settings: Settings | None = None) -> str:
    """The codes, each with the text that is marked."""
    return "; ".join(f"{each.code} {each.span.text}" for each in linted(text, net, settings).diagnostics)
