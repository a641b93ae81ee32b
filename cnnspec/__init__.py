"""Describe a convolutional network in a short text file; check it, build it, draw it, import it.

    import cnnspec

    found = cnnspec.check("lenet.cnn")
    print(cnnspec.report(found.diagnostics))
    program = cnnspec.build(found.networks[0])

Each name is loaded when it is first used, so that a part of the package costs no other.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cnnspec.api import build, check, check_text, from_torch, picture, report
    from cnnspec.compiler import Checked
    from cnnspec.draw.engine import DrawProblem
    from cnnspec.draw.look import Look
    from cnnspec.draw.theme import THEMES
    from cnnspec.elaborate.settings import Misuse
    from cnnspec.failures import Refusal
    from cnnspec.graph.tree import Network
    from cnnspec.text.diagnostics import Diagnostic, Edit, Fix
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
    "Look",
    "Misuse",
    "Network",
    "Refusal",
    "Shape",
    "build",
    "check",
    "check_text",
    "from_torch",
    "picture",
    "report",
]
_HOMES = {
    "THEMES": "draw.theme",
    "Checked": "compiler",
    "Diagnostic": "text.diagnostics",
    "DrawProblem": "draw.engine",
    "Edit": "text.diagnostics",
    "FileProblem": "text.files",
    "Fix": "text.diagnostics",
    "Look": "draw.look",
    "Misuse": "elaborate.settings",
    "Network": "graph.tree",
    "Refusal": "failures",
    "Shape": "values.shapes",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'api')}"), name)
