"""What becomes of a small specification, in one line, so that the language's rules can be held as tables."""

from __future__ import annotations

from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import Checked, check
from cnnspec.elaborate.settings import Settings
from cnnspec.text.files import read_library
from cnnspec.text.source import Source
from tests.nets import whole


def checked(text: str, net: str | None = None, settings: Settings | None = None) -> Checked:
    return check(Source("test.cnn", whole(text)), read_library, net, settings)


def outcome(text: str, net: str | None = None, settings: Settings | None = None) -> str:
    """The faults, each with its code and the text that is blamed; without any, the last net's outputs."""
    found = checked(text, net, settings)
    if found.diagnostics:
        return "; ".join(f"{fault.code} {fault.span.text}" for fault in found.diagnostics)
    return ", ".join(str(output.value.shape) for output in found.networks[-1].outputs)


def paths(text: str) -> str:
    """The state_dict paths of the last net's layers with weights, each once."""
    found = checked(text)
    assert not found.diagnostics, [fault.message for fault in found.diagnostics]
    nodes = [node for node in unroll(found.networks[-1]).nodes if node.weights and not node.shared]
    return " ".join(node.path for node in nodes)


def fixed(text: str) -> str:
    """The parameters of the last net that are settled when it is built."""
    found = checked(text)
    assert not found.diagnostics, [fault.message for fault in found.diagnostics]
    return " ".join(sorted(found.networks[-1].fixed))
