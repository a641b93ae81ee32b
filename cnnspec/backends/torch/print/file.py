"""What stands around the classes of an emitted file: its heading, imports, helpers."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from cnnspec import __version__
from cnnspec.analysis.costs import costs
from cnnspec.graph.tree import Network
from cnnspec.text.output import MARK

HELPERS = Path(__file__).parents[1] / "modules"


INFERENCE = """

For inference alone: batch norms are folded into the layers before them, so it takes the
weights that `cnnspec weights fold` writes, and what only training needs is left out.
"""


def heading(network: Network, source: str, optimised: bool = False) -> str:
    total = costs(network)
    return (
        f"# {network.name}: {MARK} {__version__} from {printable(Path(source).name)}\n"
        f'"""{network.name}: {network.sizes}, {total.params:,} parameters, '
        f'{total.macs:,} multiply-accumulates an image.{INFERENCE if optimised else ""}"""\n\n'
    )


def printable(text: str) -> str:
    """A file's name, fit for a comment or a docstring."""
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "?" for c in text)


def assemble(body: str) -> str:
    """Imports, the helpers that the body uses, the body."""
    text, used = body, set[str]()
    while more := {name for name in helpers() if name not in used and is_used(name, text)}:
        used |= more
        text = body + "".join(helpers()[name] for name in used)
    definitions = "".join(f"{text}\n\n" for name, text in helpers().items() if name in used)
    text = definitions + body
    return f"{imports(text)}\n\n{text}"


def imports(text: str) -> str:
    """The lines that import what a text uses."""
    typing = ", ".join(sorted({*re.findall(r"\b(?:Any|NamedTuple)\b", text)}))
    standard = {r"\bmath\.": "import math\n", r"\b(Any|NamedTuple)\b": f"from typing import {typing}\n"}
    torch = {r"\btorch\.": "import torch\n", r"\bF[.,]": "import torch.nn.functional as F\n"}
    torch |= {"": "from torch import Tensor, nn\n"}
    groups = (
        "".join(line for use, line in group.items() if re.search(use, text)) for group in (standard, torch)
    )
    return "\n".join(filter(None, groups))


def is_used(name: str, text: str) -> bool:
    """Whether a text uses a helper: `nn.Upsample` is PyTorch's own."""
    return re.search(rf"(?<![.\w]){name}\b", text) is not None


@cache
def helpers() -> dict[str, str]:
    """The definitions of torch/modules/ by name, classes first: text to copy, never imported here."""
    found = {}
    for file in HELPERS.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                found[node.name] = f"{ast.get_source_segment(text, node)}\n"
    return dict(sorted(found.items()))
