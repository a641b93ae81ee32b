"""PyTorch source from a checked network: one class a block, the net's class last.

The text is made of three things alone: fixed words, literals of checked values, and names that the
tables of names.py hand out. No text of a specification is copied.
"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from cnnspec.backends.names import Names
from cnnspec.backends.torch.print.file import assemble, heading, helpers, printable
from cnnspec.backends.torch.print.lines import Printer
from cnnspec.backends.torch.print.spelling import Speller
from cnnspec.backends.torch.solve.classes import Plan, Program, Row
from cnnspec.backends.torch.solve.constructor import Constructor
from cnnspec.backends.torch.solve.expressions import call
from cnnspec.backends.torch.solve.forward import Forward
from cnnspec.backends.torch.solve.roots import Root, as_class
from cnnspec.backends.torch.solve.solutions import Line, Return
from cnnspec.backends.torch.solve.values import same
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
        write_class(plan, None, body)
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
            plan.parameters.defaults[each.name.name] = as_class(default)  # the class is right for it
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
    plan.is_net = True
    plan.parameters.defaults.update(network.arguments)
    find_form(plan, outputs, False)
    write_class(plan, outputs, body)
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


def solve_class(plan: Plan, outputs: dict[str, Any] | None) -> None:
    """Find the constructor and the forward of a class. Raises Unaligned where none is right for all rows."""
    plan.start()
    constructor = Constructor(plan).solve()
    plan.parameters.collect(constructor)
    for name in plan.parameters.columns:
        plan.names.parameter(name)
    plan.solved = constructor, None if outputs is None and plan.is_chain else solve_forward(plan, outputs)


def write_class(plan: Plan, outputs: dict[str, Any] | None, body: Writer) -> None:
    """A class with its constructor and its forward."""
    assert plan.solved is not None
    constructor, forward = plan.solved
    local = Names(plan.names.taken | plan.program.class_names.taken | {"x"})
    base = "nn.Module" if forward else "nn.Sequential"
    body.line()
    body.line()
    with body.block(f"class {plan.name}({base})"):
        docstring(plan, outputs, body)
        body.line()
        body.expression(call("def __init__", "self", *plan.parameters.declared()), after=" -> None:")
        body.lines += Printer(Speller(plan, local)).body(constructor)
        if outputs is not None and plan.program.optimised:
            body.line("    self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]")
        if forward:
            kind = outputs["annotation"] if outputs is not None else "Tensor"
            arguments = ", ".join(f"{name}: Tensor" for name in forward.inputs)
            body.line()
            with body.block(f"def forward(self, {arguments}) -> {kind}"):
                body.lines += Printer(forward.speller).body(forward.body.statements)


def docstring(plan: Plan, outputs: dict[str, Any] | None, body: Writer) -> None:
    if outputs is None:
        body.line(f'"""{plan.where}."""')
        return
    network = plan.program.network
    fixed = [
        f"{name}={shown(value)}"
        for name, value in network.arguments.items()
        if name not in plan.parameters.columns and "..." not in shown(value)
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
                packed = f"{name}.contiguous(memory_format=torch.channels_last)"
                forward.body.statements.append(Line(packed, name))
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
        forward.body.statements.append(Return(f"{outputs['all']}({', '.join(everything)})"))
    if differs:
        kept = [forward.variable([output.value]) for output in network.outputs if not output.train]
        made = f"{outputs['evaluation']}({', '.join(kept)})" if outputs["evaluation"] else kept[0]
        forward.body.statements.append(Return(made))


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
