"""PyTorch source from a checked network: one class a block, the net's class last.

The text is made of three things alone: fixed words, literals of checked values, and names that the
tables of names.py hand out. No text of a specification is copied.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.torch.print.file import assemble, heading, helpers, printable
from cnnspec.backends.torch.print.printer import Printer
from cnnspec.backends.torch.solve.classes import Class, Program, Returns
from cnnspec.backends.torch.solve.constructor import Constructor
from cnnspec.backends.torch.solve.forward import Forward
from cnnspec.backends.torch.solve.statements import IMPORTED
from cnnspec.backends.torch.unify.align import Unaligned, partition
from cnnspec.backends.writer import WIDTH, Arguments, Writer, call
from cnnspec.elaborate.special_values import BlockName, LayerName
from cnnspec.graph.tree import Instance, Network, Output
from cnnspec.passes.optimize import optimize as optimised
from cnnspec.text.syntax import Block
from cnnspec.values.kinds import describe

FORMS = (True, False)
"""Whether a crop follows its map, the better first."""

LONGEST_SENTENCE = 88  # of a docstring, which nothing breaks


def emit(network: Network, source: str, optimize: bool = False, explicit: bool = False) -> str:
    """The file for a network. `source` names its specification.

    `optimize`: it is for inference alone; `explicit`: it says what PyTorch takes by itself, too.
    """
    if optimize:
        network = optimised(network, "torch")
    program = Program(network, IMPORTED | set(helpers()), optimize, explicit)
    body = Writer()
    for block in program.order:
        write_block(program, list(program.instances[block].values()), body)
    returns = write_returns(program, body)
    net = solve(lambda: program.net_class(returns), FORMS)
    write_class(net, body)
    write_main(net, body)
    return heading(network, source, optimize) + assemble(body.text().lstrip("\n"))


# Classes


def write_block(program: Program, instances: list[Instance], body: Writer) -> None:
    """The classes of a block: one, or several where its uses differ in more than expressions can tell."""

    def fit(group: list[Instance]) -> Class:
        return solve(lambda: program.block_class(group), FORMS[:1] if len(group) > 1 else FORMS)

    for group, cls in partition(instances, fit):
        kind, name = "Block", group[0].block.name.name
        if any(group[0].block is each for each in program.braces):
            kind, name = "Braces", "".join(word[:1].upper() + word[1:] for word in name.split("_"))
        cls.name = program.class_names.local(name)
        program.publish(cls, group)
        write_class(cls, body, f"{kind} {where(program, group[0].block)}")


def solve(begin: Callable[[], Class], forms: tuple[bool, ...]) -> Class:
    """Find the constructor and the forward of a class, in the first of the forms that is right.

    Raises Unaligned where none is right for all rows.
    """
    for follows in forms:
        try:
            cls = begin()
            cls.follows = follows
            cls.constructor = Constructor(cls).solve()
            cls.parameters.find(cls.constructor)
            cls.forward = None if cls.is_chain else Forward(cls).solve()
        except Unaligned:
            continue
        return cls
    raise Unaligned


def write_class(cls: Class, body: Writer, where: str = "") -> None:
    """A class with its constructor and its forward."""
    packs = cls.returns and cls.program.optimised
    local = Names(cls.names.taken | cls.program.class_names.taken | {"x"})
    forward = cls.forward
    body.line()
    body.line()
    with body.block(f"class {cls.name}({'nn.Module' if forward else 'nn.Sequential'})"):
        if where:
            body.line(f'"""{where}."""')
        else:
            docstring(cls, body)
        body.line()
        body.expression(call("def __init__", "self", *cls.parameters.declared()), after=" -> None:")
        body.lines += Printer(cls, local).body(cls.constructor)
        if packs:
            body.line("    self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]")
        if forward:
            kind = cls.returns.annotation if cls.returns else "Tensor"
            names, statements = forward
            arguments = ", ".join(f"{name}: Tensor" for name in names)
            body.line()
            with body.block(f"def forward(self, {arguments}) -> {kind}"):
                body.lines += Printer(cls, local).body(statements)


def where(program: Program, block: Block) -> str:
    """Where a block stands in the specification."""
    span = block.name.span
    elsewhere = span.source is not program.network.span.source
    file = f" of {printable(Path(span.source.name).name)}" if elsewhere else ""
    return f"`{printable(block.name.name)}`{file}, line {span.line}"


def docstring(cls: Class, body: Writer) -> None:
    """What a net is for."""
    network = cls.program.network
    fixed = [
        f"{name}={shown(value)}"
        for name, value in network.arguments.items()
        if name not in cls.parameters.columns and "..." not in shown(value)
    ]
    head = f"{network.name} for {' and '.join(str(given.value.shape) for given in network.inputs)}"
    whole = f"{head}, built with {', '.join(fixed)}." if fixed else f"{head}."
    if len(whole) <= LONGEST_SENTENCE:
        body.line(f'"""{whole}"""')
        return
    body.line(f'"""{head}.')
    body.line()
    for line in textwrap.wrap(f"Built with {', '.join(fixed)}.", WIDTH - 4, break_long_words=False):
        body.line(line)
    body.line('"""')


def shown(value: Any) -> str:
    """A net's argument as the specification writes it: layers and blocks by name, in ASCII."""
    if isinstance(value, BlockName):
        return ascii(value.block.name.name)[1:-1]
    text = value.name if isinstance(value, LayerName) else describe(value)
    return printable(text.replace('"', "'").replace("…", "..."))


# Several outputs


def write_returns(program: Program, body: Writer) -> Returns:
    """The named tuples that forward returns, where it returns more than a tensor."""
    outputs = program.network.outputs
    if len(outputs) == 1:
        return Returns()
    fields = Names({"count", "index"})
    named = [(fields.local(output.name.strip("_")), output) for output in outputs]
    kept = [(name, output) for name, output in named if not output.train]
    everything = write_tuple(program, "Outputs", named, body)
    if len(kept) == len(named):
        return Returns(everything, everything)
    if len(kept) == 1:
        return Returns(f"Tensor | {everything}", everything, "")
    evaluation = write_tuple(program, "EvaluationOutputs", kept, body)
    return Returns(f"{everything} | {evaluation}", everything, evaluation)


def write_tuple(program: Program, suffix: str, fields: list[tuple[str, Output]], body: Writer) -> str:
    name = program.class_names.local(program.net_name + suffix)
    body.line()
    body.line()
    with body.block(f"class {name}(NamedTuple)"):
        for field, output in fields:
            body.line(f"{field}: Tensor  # {output.value.shape}")
    return name


def write_main(cls: Class, body: Writer) -> None:
    """One forward on random input, when the file is run."""
    network = cls.program.network
    several = sum(not output.train for output in network.outputs) > 1
    body.line()
    body.line()
    with body.block('if __name__ == "__main__"'):
        body.line(f"model = {cls.name}().eval()")
        names = Names(IMPORTED | {cls.name, "result"})
        inputs = []
        for given in network.inputs:
            name = names.local(given.name if len(network.inputs) > 1 else "images")
            size = ", ".join(map(str, given.value.shape.dimensions)) if given.value.shape else ""
            body.line(f"{name} = torch.rand(1, {size})")
            inputs.append(name)
        body.line("with torch.no_grad():")
        made = f"model({', '.join(inputs)})"
        if len(inputs) == 1 and not several:
            body.line(f'    print(f"{{tuple({inputs[0]}.shape)}} -> {{tuple({made}.shape)}}")')
            return
        body.line(f"    result = {made}")
        leaving = "*(tuple(output.shape) for output in result)" if several else "tuple(result.shape)"
        arriving = [f"tuple({name}.shape)" for name in inputs]
        body.expression(Arguments("print", tuple(("", each) for each in (*arriving, '"->"', leaving))))
