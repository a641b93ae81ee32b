"""A trainer as a file: the text of the recipe, the facts of the net."""

from __future__ import annotations

import ast
import keyword
import re
from pathlib import Path, PurePath

from cnnspec.analysis.unroll import unroll
from cnnspec.backends.writer import Arguments, first_line, layout
from cnnspec.graph.tree import Network
from cnnspec.run.image_input import preparation
from cnnspec.train.data.dataset import check_input
from cnnspec.train.head import Head, head_of

RECIPE = Path(__file__).with_name("recipe")
OUTSIDE = ("torch", "PIL")


def trainer_file(network: Network, source: str) -> str:
    """A program that trains the net of `module_of(source)`. Raises RunProblem where it tells no classes."""
    given, head = check_input(network.inputs), head_of(unroll(network))
    assert given.value.shape is not None
    # One output, of logits: `heads`, which sums several and takes logarithms, is not needed.
    plain = head == Head(head.classes, 1, 0, ())
    names = ("loop", "alone") if plain else ("loop", "heads", "alone")
    texts = [(RECIPE / f"{name}.py").read_text("utf-8") for name in names]
    mean, std = preparation(given)
    facts: dict[str, object] = {"shape": tuple(given.value.shape.dimensions)}
    facts |= {"mean": mean, "std": std} if given.mean or given.std else {}
    if not plain:
        facts |= {"shares": head.shares(None), "softmax": head.softmax}
    items = [(f"{name}=", repr(value)) for name, value in facts.items() if value]
    items += [("main=", str(head.main))] if head.main else []
    kinds = ("Trainer", "Options") if plain else ("HeadTrainer", "HeadOptions")
    options = Arguments(kinds[1], tuple(items))
    # A net called Trainer would hide the recipe's.
    name = f"{network.name}Net" if network.name in defined(texts) else network.name
    call = Arguments("run", (("", name), ("", kinds[0]), ("", options)))
    start = "\n".join(['if __name__ == "__main__":', *layout(call, 4)])
    renamed = "" if name == network.name else f" as {name}"
    imports = f"{import_lines(texts)}\nfrom {module_of(source)} import {network.name}{renamed}\n"
    bodies = "\n\n".join(body(text).strip("\n") + "\n" for text in texts)
    return f"{heading(network, source)}{imports}\n{bodies}\n\n{start}\n"


def heading(network: Network, source: str) -> str:
    return (
        f"{first_line(network.name, source)}\n"
        f'"""Train {network.name}, {network.sizes}, of {module_of(source)}.py: FILE DATA OUT."""\n\n'
    )


def module_of(source: str) -> str:
    """The name of the module that the net is imported from: that of the specification, as Python takes it."""
    name = re.sub(r"\W", "_", PurePath(source).stem, flags=re.ASCII) or "net"
    return f"_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def body(text: str) -> str:
    """What stands behind the imports."""
    last = max(node.end_lineno or 0 for node in ast.parse(text).body if is_import(node))
    return "\n".join(text.splitlines()[last:])


def import_lines(texts: list[str]) -> str:
    """The imports of all texts but those from each other: the standard library, then what is installed."""
    plain: set[str] = set()
    parts: dict[str, set[str]] = {}
    for text in texts:
        for node in ast.parse(text).body:
            if isinstance(node, ast.Import):
                plain |= {ast.unparse(ast.Import([name])) for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("cnnspec"):
                parts.setdefault(node.module or "", set()).update(name.name for name in node.names)
    joined = {
        f"from {module} import {', '.join(sorted(names, key=order))}" for module, names in parts.items()
    }
    lines = sorted(plain) + sorted(joined)
    # `from torch.nn import …` -> `torch`
    outside = [line for line in lines if line.split()[1].split(".")[0] in OUTSIDE]
    return "\n".join([*(line for line in lines if line not in outside), "", *outside, ""])


def defined(texts: list[str]) -> set[str]:
    """The names that the recipe has itself, which a net may bear, too."""
    trees = (node for text in texts for node in ast.walk(ast.parse(text)))
    return {name for node in trees for name in (getattr(node, "id", ""), getattr(node, "name", ""))}


def order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as import sorters have it."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)
