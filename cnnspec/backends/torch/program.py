"""PyTorch source from a checked network: one class a block, the net's class last.

The text is made of three things alone: fixed words, literals of checked values, and names that the
tables of names.py hand out. No text of a specification is copied.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any, NamedTuple

from cnnspec.backends.names import Names
from cnnspec.backends.torch.print.constructor import Printer
from cnnspec.backends.torch.print.file import assemble, heading, helpers, printable
from cnnspec.backends.torch.print.lines import print_body
from cnnspec.backends.torch.print.spelling import Speller
from cnnspec.backends.torch.solve.classes import Plan, Program, Row, ordered
from cnnspec.backends.torch.solve.code import Statement
from cnnspec.backends.torch.solve.constructor import Constructor
from cnnspec.backends.torch.solve.expressions import call
from cnnspec.backends.torch.solve.forward import Forward
from cnnspec.backends.torch.solve.roots import Root, as_class
from cnnspec.backends.torch.solve.values import MISSING, ClassName, literal, same
from cnnspec.backends.torch.unify import Unaligned, check_lent_names, partition
from cnnspec.backends.writer import WIDTH, Arguments, Writer
from cnnspec.elaborate.special_values import BlockName, LayerName
from cnnspec.graph.tree import Instance, Network, Value
from cnnspec.graph.walk import live
from cnnspec.layers import find
from cnnspec.passes.optimize import optimize as optimised
from cnnspec.text.syntax import Literal, Name
from cnnspec.values.kinds import Filter, describe

FORMS = ((False, True), (True, True), (True, False))
"""Of a class, the best first: whether every turn stands by itself, whether a crop follows its map."""

LONGEST_SENTENCE = 88  # of a docstring, which nothing breaks
IMPORTED = {"Any", "F", "Module", "NamedTuple", "Tensor", "math", "model", "nn", "torch"}


def emit(network: Network, source: str, optimize: bool = False, explicit: bool = False) -> str:
    """The file for a network. `source` names its specification.

    `optimize`: it is for inference alone; `explicit`: it says what PyTorch takes by itself, too.
    """
    if optimize:
        network = optimised(network, "torch")
    program = Program(network, IMPORTED | set(helpers()), optimize, explicit)
    body = Writer()
    for block in program.order:
        write_block(program, program.instances[block], body)
    outputs = output_types(program, body)
    plan = write_net(program, outputs, body)
    main(program, plan, outputs, body)
    return heading(network, source, optimize) + assemble(body.text().lstrip("\n"))


# Classes


def write_block(program: Program, instances: list[Instance], body: Writer) -> None:
    """The classes of a block: one, or several where its uses differ in more than expressions can tell."""
    for group, plan in partition(instances, lambda group: plan_block(program, group)):
        name = program.class_names.local(group[0].block.name.name)
        plan.name = name
        for row, instance in enumerate(group):
            program.by_instance[id(instance)] = (plan, row)
        program.publish(plan)
        write_class(plan, signature(plan), None, body)
        program.plans.append(plan)


def plan_block(program: Program, instances: list[Instance]) -> Plan:
    """The plan of a class for these instances. Raises Unaligned where they do not agree."""
    names = Names(program.class_names.taken)
    for name, value in instances[0].arguments.items():
        if isinstance(value, Filter):
            names.of(name, "out_channels")
    if len(instances) > 1:
        check_lent_names([i.steps for i in instances])
    rows = [Row(i.steps, (i.input,), (i.output,)) for i in instances]
    plan = Plan("", rows, program.root(instances), names, program)
    block = instances[0].block
    for each in block.parameters:
        default: Any = None
        if isinstance(each.default, Literal) and isinstance(each.default.value, bool | int | float):
            default = each.default.value
        elif isinstance(each.default, Name) and find(each.default.name) is not None:
            default = LayerName(each.default.name)
        given = [instance.arguments[each.name.name] for instance in instances]
        if default is not None and any(same(default, other) for other in given):
            plan.defaults[each.name.name] = as_class(default)  # the class is right for it
    span = block.name.span
    elsewhere = span.source is not program.network.span.source
    file = f" of {printable(Path(span.source.name).name)}" if elsewhere else ""
    plan.where = f"Block `{block.name.name}`{file}, line {span.line}"
    find_form(plan, None, len(instances) > 1)
    return plan


def write_net(program: Program, outputs: dict[str, Any], body: Writer) -> Plan:
    network = program.network
    names = Names(program.class_names.taken)
    scope = {k: v for k, v in network.arguments.items() if isinstance(v, int) and not isinstance(v, bool)}
    root = Root(
        [scope],
        [network.arguments],
        program.free_names,
        [network.constants],
        set(),
        program.signatures,
    )
    row = Row(
        network.steps,
        tuple(given.value for given in network.inputs),
        tuple(output.value for output in network.outputs),
    )
    plan = Plan(program.net_name, [row], root, names, program)
    plan.is_net, plan.defaults = True, dict(network.arguments)
    find_form(plan, outputs, False)  # finds out, too, which parameters the constructor has
    write_class(plan, signature(plan), outputs, body)
    return plan


def find_form(plan: Plan, outputs: dict[str, Any] | None, several: bool) -> None:
    """Find out what the class can be: with loops and sizes that follow, or without.

    Raises Unaligned where a class of several instances is better parted.
    """
    for plan.unrolled, plan.follows in FORMS[:1] if several else FORMS:
        try:
            solve_class(plan, outputs)
            return
        except Unaligned:
            continue
    raise Unaligned


def signature(plan: Plan) -> list[str]:
    """The constructor's parameters after self."""
    parts = []
    defaults = plan.defaults
    for name, column in ordered(plan):
        values = [v for v in column or () if v is not MISSING]
        if column is not None and name in defaults:
            values.append(defaults[name])
        kind = "int" if column is None else annotation(values)
        default = f" = {literal(defaults[name])}" if name in defaults else ""
        parts.append(f"{plan.names.parameter(name)}: {kind}{default}")
    return parts


def annotation(values: list[Any]) -> str:
    """The type of a parameter that takes these values."""
    kinds: list[str] = []
    if len({len(value) if isinstance(value, tuple) else 0 for value in values}) > 1 and all_integers(values):
        return "tuple[int, ...]"
    for value in values:
        if isinstance(value, ClassName):
            kind = "type[nn.Module]"
        elif isinstance(value, tuple):
            kind = f"tuple[{', '.join(annotation([item]) for item in value) or '()'}]"
        elif isinstance(value, list):
            kind = f"list[{annotation(value)}]"
        elif value is None:
            kind = "None"
        else:
            kind = "int" if isinstance(value, int) and not isinstance(value, bool) else type(value).__name__
        if kind not in kinds:
            kinds.append(kind)
    return " | ".join(kinds)


def all_integers(values: list[Any]) -> bool:
    """Whether all values are tuples of integers."""
    return all(
        isinstance(value, tuple)
        and all(isinstance(item, int) and not isinstance(item, bool) for item in value)
        for value in values
    )


class ClassBody(NamedTuple):
    """What a class is to hold."""

    constructor: list[Statement]
    forward: Forward | None  # None: that of nn.Sequential is right


def solve_class(plan: Plan, outputs: dict[str, Any] | None) -> ClassBody:
    """The constructor and the forward of a class; the constructor's parameters are known from here on.

    Raises Unaligned, before anything is printed, where one class is not right for all rows.
    """
    plan.start()
    solved = Constructor(plan).solve()
    forward = None if outputs is None and plan.is_chain else solve_forward(plan, outputs)
    local = Names(plan.names.taken | plan.program.class_names.taken | {"x"})
    return ClassBody(Printer(Speller(plan.root, plan.names, local)).constructor(solved), forward)


def write_class(plan: Plan, parameters: list[str], outputs: dict[str, Any] | None, body: Writer) -> None:
    """A class with its constructor and its forward."""
    solved = solve_class(plan, outputs)
    base = "nn.Module" if solved.forward else "nn.Sequential"
    body.line()
    body.line()
    with body.block(f"class {plan.name}({base})"):
        docstring(plan, outputs, body)
        body.line()
        body.expression(call("def __init__", "self", *parameters), after=" -> None:")
        with body.indented():
            print_body(solved.constructor, body)
            if outputs is not None and plan.program.optimised:
                body.line("self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]")
        if solved.forward:
            kind = outputs["annotation"] if outputs is not None else "Tensor"
            arguments = ", ".join(f"{name}: Tensor" for name in solved.forward.inputs)
            body.line()
            with body.block(f"def forward(self, {arguments}) -> {kind}"):
                print_body(solved.forward.body.statements, body)


def docstring(plan: Plan, outputs: dict[str, Any] | None, body: Writer) -> None:
    if outputs is None:
        body.line(f'"""{plan.where}."""')
        return
    network = plan.program.network
    fixed = [
        f"{name}={shown(value)}"
        for name, value in network.arguments.items()
        if name not in plan.root.parameters and "..." not in shown(value)
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


def solve_forward(plan: Plan, outputs: dict[str, Any] | None) -> Forward:
    """The statements of forward. Raises Unaligned where they differ from row to row."""
    names = Names(plan.names.taken | IMPORTED)
    inputs = ["x"]
    if outputs is not None and len(plan.rows[0].inputs) > 1:
        inputs = [names.local(given.name) for given in plan.program.network.inputs]
    computed = set[Value]().union(*(live(row.steps, set(row.outputs)) for row in plan.rows))
    evaluated = computed
    if outputs is not None:
        network = plan.program.network
        evaluated = live(network.steps, {output.value for output in network.outputs if not output.train})
    forward = Forward(plan, names, computed, evaluated)
    forward.begin(inputs, [list(column) for column in zip(*(row.inputs for row in plan.rows), strict=True)])
    if outputs is not None and plan.program.optimised:
        for name, value in zip(inputs, plan.rows[0].inputs, strict=True):
            if value.shape is not None and value.shape.is_map:
                forward.body.line(f"{name}.contiguous(memory_format=torch.channels_last)", f"{name} = ")
    forward.walk([row.steps for row in plan.rows], plan.root)
    if outputs is not None and len(plan.rows[0].outputs) > 1:
        return_several(plan, forward, outputs)
    else:
        forward.leave([row.outputs[0] for row in plan.rows], "x" if len(inputs) == 1 else None)
    return forward


# Several outputs


def output_types(program: Program, body: Writer) -> dict[str, Any]:
    """What forward returns: a tensor, or named tuples, that of evaluation without train-only outputs."""
    network = program.network
    if len(network.outputs) == 1:
        return {"annotation": "Tensor"}
    fields = Names({"count", "index"})
    named = [(fields.local(output.name.strip("_")), output) for output in network.outputs]
    everything = write_tuple(program, "Outputs", named, body)
    kept = [item for item in named if not item[1].train]
    if len(kept) == len(named):
        return {"annotation": everything, "all": everything}
    if len(kept) == 1:
        return {"annotation": f"Tensor | {everything}", "all": everything, "evaluation": ""}
    evaluation = write_tuple(program, "EvaluationOutputs", kept, body)
    return {"annotation": f"{everything} | {evaluation}", "all": everything, "evaluation": evaluation}


def write_tuple(program: Program, suffix: str, fields: list[tuple[str, Any]], body: Writer) -> str:
    name = program.class_names.local(program.net_name + suffix)
    body.line()
    body.line()
    with body.block(f"class {name}(NamedTuple)"):
        for field, output in fields:
            body.line(f"{field}: Tensor  # {output.value.shape}")
    return name


def return_several(plan: Plan, forward: Forward, outputs: dict[str, Any]) -> None:
    forward.flush()
    network = plan.program.network
    differs = "evaluation" in outputs
    with forward.at_training("training" if differs else "always"):
        everything = [forward.variable([output.value]) for output in network.outputs]
        forward.body.line(f"{outputs['all']}({', '.join(everything)})", "return ")
    if differs:
        kept = [forward.variable([output.value]) for output in network.outputs if not output.train]
        made = f"{outputs['evaluation']}({', '.join(kept)})" if outputs["evaluation"] else kept[0]
        forward.body.line(made, "return ")


def main(program: Program, plan: Plan, outputs: dict[str, Any], body: Writer) -> None:
    """One forward on random input, when the file is run."""
    network = program.network
    several = sum(not output.train for output in network.outputs) > 1
    body.line()
    body.line()
    with body.block('if __name__ == "__main__"'):
        body.line(f"model = {plan.name}().eval()")
        names = Names(IMPORTED | {plan.name, "result"})
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
