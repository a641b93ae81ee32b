"""Describe a convolutional network in a short text file; check it, build it, draw it, import it.

    import cnnspec

    net = cnnspec.load("lenet.cnn", classes=7)  # or loads(text), or zoo("ResNet18")
    net.params, net.macs, net.layers, net.summary(), net.draw("lenet.svg"), net.torch()

A Net is one network without faults; a SpecError says what is wrong. For programs that want all nets of a
file, faults as values or fixes there are functions: check, check_text, report, build, picture, from_torch.
Each name is loaded when it is first used, so that a part of the package costs no other.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cnnspec.api import build, check, check_text, from_torch, picture, report
    from cnnspec.compiler import Checked
    from cnnspec.draw.graph.graphviz_engine import DrawProblem
    from cnnspec.draw.look import Look
    from cnnspec.draw.theme import THEMES
    from cnnspec.elaborate.settings import Misuse
    from cnnspec.failures import Refusal
    from cnnspec.graph.tree import Network
    from cnnspec.net import Net, SpecError, comparison, load, loads, zoo
    from cnnspec.notebook import load_ipython_extension
    from cnnspec.tables.layer_info import LayerInfo
    from cnnspec.text.diagnostics import Diagnostic, Fix
    from cnnspec.text.edits import Edit
    from cnnspec.text.files import FileProblem
    from cnnspec.values.shapes import Shape

__all__ = [
    "THEMES",
    "Checked",
    "Diagnostic",
    "DrawProblem",
    "Edit",
    "FileProblem",
    "Fix",
    "LayerInfo",
    "Look",
    "Misuse",
    "Net",
    "Network",
    "Refusal",
    "Shape",
    "SpecError",
    "build",
    "check",
    "check_text",
    "comparison",
    "from_torch",
    "load",
    "load_ipython_extension",
    "loads",
    "picture",
    "report",
    "zoo",
]
_HOMES = {
    "api": ("build", "check", "check_text", "from_torch", "picture", "report"),
    "compiler": ("Checked",),
    "draw.graph.graphviz_engine": ("DrawProblem",),
    "draw.look": ("Look",),
    "draw.theme": ("THEMES",),
    "elaborate.settings": ("Misuse",),
    "failures": ("Refusal",),
    "graph.tree": ("Network",),
    "net": ("Net", "SpecError", "comparison", "load", "loads", "zoo"),
    "notebook": ("load_ipython_extension",),
    "tables.layer_info": ("LayerInfo",),
    "text.diagnostics": ("Diagnostic", "Fix"),
    "text.edits": ("Edit",),
    "text.files": ("FileProblem",),
    "values.shapes": ("Shape",),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
