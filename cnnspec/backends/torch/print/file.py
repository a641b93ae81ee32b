"""The emitted file: its heading, imports and helpers, and the classes that are solved."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cnnspec.analysis.costs import costs
from cnnspec.backends.names import Names
from cnnspec.backends.torch.print.printer import Printer
from cnnspec.backends.torch.solve.classes import Class, default_of
from cnnspec.backends.torch.solve.program import Return
from cnnspec.backends.torch.solve.statements import IMPORTED
from cnnspec.backends.torch.unify.columns import same
from cnnspec.backends.writer import WIDTH, Writer, call, first_line, printable
from cnnspec.elaborate.special_values import BlockName, LayerName
from cnnspec.graph.tree import Network
from cnnspec.text.syntax import Block
from cnnspec.values.kinds import describe

HELPERS = Path(__file__).parents[1] / "modules"
LONGEST_SENTENCE = 88  # of a docstring, which nothing breaks

INFERENCE = """

For inference alone: batch norms are folded into the layers before them, so it takes the
weights that `cnnspec weights fold` writes, and what only training needs is left out.
"""


def heading(network: Network, source: str, optimised: bool = False) -> str:
    total = costs(network)
    return (
        f"{first_line(network.name, source)}\n"
        f'"""{network.name}: {network.sizes}, {total.params:,} parameters, '
        f'{total.macs:,} multiply-accumulates an image.{INFERENCE if optimised else ""}"""\n\n'
    )


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


# Classes


def write_class(cls: Class, body: Writer) -> None:
    """A class with its constructor and its forward."""
    packs = cls.returns and cls.program.optimised
    local = Names(cls.names.taken | cls.program.class_names.taken | {"x"})
    forward = cls.forward
    body.line()
    body.line()
    with body.block(f"class {cls.name}({'nn.Module' if forward else 'nn.Sequential'})"):
        if cls.block is None:
            docstring(cls, body)
        else:
            body.line(f'"""{origin(cls, cls.block)}."""')
        body.line()
        body.expression(call("def __init__", "self", *cls.parameters.declarations()), after=" -> None:")
        body.lines += Printer(cls, local).body(cls.constructor)
        if packs:
            body.line("    self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]")
        if forward:
            # Tensor first: -> Tensor | NOutputs
            kinds = sorted((each.name or "Tensor" for each in cls.returns), key="Tensor".__ne__) or ["Tensor"]
            names, statements = forward
            header = call("def forward", "self", *(f"{name}: Tensor" for name in names))
            body.line()
            body.expression(header, after=f" -> {' | '.join(kinds)}:")
            body.lines += Printer(cls, local).body(statements)


def origin(cls: Class, block: Block) -> str:
    """Where the block of a class stands in the specification, and for which arguments the class is."""
    kind = "Braces" if id(block) in cls.program.braces else "Block"
    span = block.name.span
    elsewhere = span.source is not cls.program.network.span.source
    file = f" of {printable(Path(span.source.name).name)}" if elsewhere else ""
    where = f"{kind} `{printable(block.name.name)}`{file}, line {span.line}"
    fixed = assignments(cls.fixed)
    whole = f"{where}, with {fixed}" if fixed else where
    return whole if len(whole) <= LONGEST_SENTENCE else where


def docstring(cls: Class, body: Writer) -> None:
    """What a net is for; arguments that are its own defaults are said where the line has room for all."""
    network, taken = cls.program.network, cls.parameters.columns
    head = f"{network.name} for {' and '.join(str(each.value.shape) for each in network.inputs)}"
    fixed = {name: value for name, value in network.arguments.items() if name not in taken}
    defaults = {each.name.name: default_of(each) for each in network.net.parameters}
    telling = {name: value for name, value in fixed.items() if not same(value, defaults[name])}
    for given in (fixed, telling):
        words = assignments(given)
        whole = f"{head}, built with {words}." if words else f"{head}."
        if len(whole) <= LONGEST_SENTENCE:
            body.line(f'"""{whole}"""')
            return
    paragraph = textwrap.wrap(f"Built with {words}.", WIDTH - 4, break_long_words=False)
    for line in (f'"""{head}.', "", *paragraph, '"""'):
        body.line(line)


def assignments(arguments: Mapping[str, Any]) -> str:
    """Arguments as the specification writes them, but for those too long for a sentence."""
    words = {name: shown(value) for name, value in arguments.items()}
    return ", ".join(f"{name}={word}" for name, word in words.items() if "..." not in word)


def shown(value: Any) -> str:
    """A net's argument as the specification writes it: layers and blocks by name, in ASCII."""
    if isinstance(value, BlockName):
        return ascii(value.block.name.name)[1:-1]
    text = value.name if isinstance(value, LayerName) else describe(value)
    return printable(text.replace('"', "'").replace("…", "..."))


def write_tuple(returned: Return, body: Writer) -> None:
    """The named tuple of outputs that a forward returns."""
    body.line()
    body.line()
    with body.block(f"class {returned.name}(NamedTuple)"):
        for field, output in returned.fields:
            body.line(f"{field}: Tensor  # {output.value.shape}")


def write_main(cls: Class, body: Writer) -> None:
    """One forward on random input, when the file is run."""
    network = cls.program.network
    body.line()
    body.line()
    with body.block('if __name__ == "__main__"'):
        body.line(f"model = {cls.name}().eval()")
        names, inputs = Names(IMPORTED | {cls.name, "out"}), []
        for given in network.inputs:
            inputs.append(names.local(given.name if len(network.inputs) > 1 else "images"))
            size = ", ".join(map(str, given.value.shape.dimensions)) if given.value.shape else ""
            body.line(f"{inputs[-1]} = torch.rand(1, {size})")
        shapes, made = [f"tuple({name}.shape)" for name in inputs], f"model({', '.join(inputs)})"
        several = sum(not output.train for output in network.outputs) > 1
        leaving = f"*(tuple(out.shape) for out in {made})" if several else f"tuple({made}.shape)"
        with body.block("with torch.no_grad()"):
            body.expression(call("print", *shapes, '"->"', leaving))
