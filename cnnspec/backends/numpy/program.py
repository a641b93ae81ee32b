"""NumPy source from a checked network: its layers as a table, the kernels they use, and what runs them.

As with every backend the text is made of fixed words, literals of checked values, and names that
the tables of names.py hand out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from cnnspec.analysis.costs import costs
from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.backends.names import Names
from cnnspec.backends.numpy.kernel_sources import by_axis, definitions, imports, needed
from cnnspec.backends.numpy.lowering import Lowered, lower_node
from cnnspec.backends.writer import Arguments, Text, Writer, dictionary, first_line
from cnnspec.graph.tree import Network
from cnnspec.layers.base import Construction
from cnnspec.passes.fold_batchnorm import folds
from cnnspec.passes.inference import evaluation
from cnnspec.passes.optimize import optimize as optimised


def emit(network: Network, source: str, inference: bool = False, optimize: bool = False) -> str:
    """The file for a network. `source` names its specification; `inference` leaves training out.

    `optimize` leaves it out, too, and all else that inference can do without.
    """
    if optimize:
        network = optimised(network, "numpy")
    inference = inference or optimize
    graph = unroll(network)
    if inference:
        graph = evaluation(graph)
    names = Names({*definitions(), *imports(), "NamedTuple", "net", "result"})
    name = names.local(network.name)
    table, body = Writer(), Writer()
    tuples = write_tuples(graph, name, names, inference, body)
    calls = [lower_node(node, inference) for node in graph.nodes]
    layers, values = names.local("net_layers"), value_names(graph)
    program = Program(network, graph, calls, inference, name, layers, values, tuples)
    write_layers(program, table)
    write_class(program, body)
    write_main(graph, name, names, body)
    # SGD and Adam are offered: the program does not call them, its user does
    offered = () if inference else ("SGD", "Adam")
    found = needed(table.text() + body.text(), offered, definitions())
    parts = [found.imports, table.text(), found.constants, found.functions, body.text()]
    return heading(program, source, optimize) + "\n\n".join(parts)


class Program(NamedTuple):
    """A network and the kernels of its nodes; what the file calls its class and its function of layers.

    `values` are the names of what inputs and nodes make, `tuples` those of several outputs' types.
    """

    network: Network
    graph: Graph
    calls: list[Lowered]
    inference: bool
    name: str
    layers: str
    values: dict[str, str]
    tuples: dict[str, str]


def heading(program: Program, source: str, optimize: bool) -> str:
    network, name = program.network, program.name
    total = costs(network)
    images = ", ".join(f"images{i + 1}" for i in range(len(network.inputs)))
    lines = [
        first_line(name, source),
        f'"""{name} in NumPy: {network.sizes}.',
        "",
        f"{total.params:,} parameters, {total.macs:,} multiply-accumulates an image.",
        "",
        "The network comes first, a table of its layers; its class is at the end. Between",
        "them are the plain kernels, and what is called quick, and Plan: the fast path,",
        "which fast=False leaves aside.",
        "",
        f"    net = {name}(seed=0)",
        '    net.load("weights.safetensors")  # or .npz, with the keys of PyTorch',
        f"    result = net({images if len(network.inputs) > 1 else 'images'})",
    ]
    if optimize:
        lines += [
            "",
            "For inference alone: batch norms are folded into the layers before them, so it",
            "takes the weights that `cnnspec weights fold` writes.",
        ]
    if not program.inference and len(network.inputs) == 1:
        lines += [
            "",
            "    optimiser = Adam(net)",
            "    loss, grads = net.loss_and_grads(images, labels)",
            "    optimiser.step(grads)",
        ]
    return "\n".join([*lines, '"""', "", ""])


# The class


def write_tuples(graph: Graph, name: str, names: Names, inference: bool, body: Writer) -> dict[str, str]:
    """The named tuples of several outputs: of evaluation and of training, where they differ."""
    # a tuple has methods of these names already, and no field of a NamedTuple may begin with _
    fields = Names({"count", "index"})
    every = [(fields.local(output.strip("_")), at, train) for output, at, train in graph.outputs]
    kept = [item for item in every if not item[2]]
    made: dict[str, str] = {}
    if len(every) > 1:
        made["training_named"] = names.local(f"{name}Outputs")
        write_tuple(made["training_named"], every, body)
    # GoogLeNet trains with three outputs, and evaluates with one, which needs no tuple
    if len(kept) == len(every) > 1:
        made["named"] = made["training_named"]
    elif len(kept) > 1:
        made["named"] = names.local(f"{name}EvaluationOutputs")
        write_tuple(made["named"], kept, body)
    if inference:
        made.pop("training_named", None)
    return made


def write_tuple(name: str, fields: list[tuple[str, str, bool]], body: Writer) -> None:
    with body.block(f"class {name}(NamedTuple)"):
        for field, _, _ in fields:
            body.line(f"{field}: Array")
    body.line()
    body.line()


def write_layers(program: Program, table: Writer) -> None:
    """The network, a layer a line: a function, for what it names is defined behind it."""
    graph = program.graph
    with table.block(f'def {program.layers}() -> "tuple[Layer, ...]"'):
        sizes = " and ".join(str(shape) for _, shape in graph.inputs)
        table.line(f'"""{program.network.name} for {sizes}.')
        table.line()
        table.line("A layer a line: its name, its kernel, its tensors, its arguments; behind it")
        table.line("the output for one image, channels@heightxwidth.")
        table.line('"""')
        if not graph.nodes:
            table.line("return ()")
            return
        table.line("return (")
        with table.indented():
            before = program.values[graph.inputs[0][0]]
            for node, call in zip(graph.nodes, program.calls, strict=True):
                table.expression(
                    layer(node, call, before, program.values), after=",", comment=str(node.output)
                )
                before = node.path
        table.line(")")


def write_class(program: Program, body: Writer) -> None:
    graph, values = program.graph, program.values
    with body.block(f"class {program.name}({'BaseNet' if program.inference else 'TrainableNet'})"):
        body.line(f'"""{program.network.name} with its weights; `{program.layers}` is what it does."""')
        body.line()
        shapes = {quote(values[key]): repr(tuple(shape.dimensions)) for key, shape in graph.inputs}
        body.expression(dictionary(shapes), "inputs: ClassVar = ")
        body.line(f"layers = {program.layers}()")
        write_outputs(program, body)
        write_quick(program, body)
        if not program.inference:
            gradients = {call.kernel: f"{call.kernel}_backward" for call in program.calls}
            body.expression(dictionary(gradients), "gradients: ClassVar = ")
        # a file of weights may hold what only training has, such as GoogLeNet's aux1.…: load() lets it be
        elif spare := left_out(program.network, graph):
            body.expression(text(spare), "spare = ")


def value_names(graph: Graph) -> dict[str, str]:
    """The names of inputs and nodes; those of inputs are changed where a layer bears the same."""
    names = Names({node.path for node in graph.nodes})
    return {name: name if name not in names.taken else names.local(name) for name, _ in graph.inputs} | {
        node.path: node.path for node in graph.nodes
    }


def layer(node: Node, call: Lowered, before: str, values: dict[str, str]) -> Text:
    items: list[tuple[str, Text]] = [("", text(node.path)), ("", call.kernel)]
    if call.tensors is not None:
        items.append(("", text(node.first if node.shared else call.tensors)))
    sources = tuple(values[name] for name in node.inputs)
    # a chain needs no `of=`: each layer takes what the line before it made
    if sources != (before,):
        items.append(("of=", text(sources)))
    if node.train:
        items.append(("train=", "True"))
    for name, value in call.arguments.items():
        # stride=2 for (2, 2), pads=1 for (1, 1, 1, 1): the program spreads them again
        equal = name in by_axis() and len(set(value)) == 1
        items.append((f"{name}=", text(value[0] if equal else value)))
    return Arguments("Layer", tuple(items))


def write_outputs(program: Program, body: Writer) -> None:
    """Those of evaluation, and those of a training run, which may be more."""
    outputs, tuples = program.graph.outputs, program.tuples
    kept = tuple(program.values[at] for _, at, train in outputs if not train)
    every = tuple(program.values[at] for _, at, _ in outputs)
    runs = {"": kept} if program.inference else {"": kept, "training_": every}
    for prefix, found in runs.items():
        body.expression(text(found), f"{prefix}outputs = ")
        if f"{prefix}named" in tuples:
            body.line(f"{prefix}named = {tuples[f'{prefix}named']}")


def write_quick(program: Program, body: Writer) -> None:
    """The fast path: the kernels that have a form of their own there, the norms that fold."""
    body.line("planner = Plan")
    tables = form_tables(call.kernel for call in program.calls)
    tables["folds"] = {quote(node): quote(norm) for node, norm in folds(program.graph).items()}
    for name, table in tables.items():
        if table:
            body.expression(dictionary(table), f"{name}: ClassVar = ")


def form_tables(kernels: Iterable[str]) -> dict[str, dict[str, str]]:
    """The tables `quick` and `in_place` of a net: the forms that its kernels have, by the kernels' names."""
    tables: dict[str, dict[str, str]] = {"quick": {}, "in_place": {}}
    for kernel in kernels:
        # relu: "quick_in_place", as its facts say, and relu_in_place; conv2d: quick_conv2d, by its name alone
        forms = definitions()[kernel].facts.get("quick", f"quick_{kernel}"), f"{kernel}_in_place"
        for table, form in zip(tables.values(), forms, strict=True):
            if form in definitions():
                table[kernel] = form
    return tables


def left_out(network: Network, graph: Graph) -> tuple[str, ...]:
    """The keys of what only training has, which files of weights hold."""
    there = {node.path for node in graph.nodes}
    gone = [node for node in unroll(network).nodes if node.path not in there and not node.shared]
    return tuple(key for node in gone for key in node.by_key)


def write_main(graph: Graph, name: str, names: Names, body: Writer) -> None:
    """One forward on random input, when the file is run."""
    body.line()
    body.line()
    with body.block('if __name__ == "__main__"'):
        body.line(f"net = {name}()")
        body.line("rng = np.random.default_rng(0)")
        inputs = []
        for given, shape in graph.inputs:
            variable = names.local(given if len(graph.inputs) > 1 else "images")
            size = ", ".join(map(str, (1, *shape.dimensions)))
            body.line(f"{variable} = rng.random(({size}), np.float32)")
            inputs.append(variable)
        body.line(f"result = net({', '.join(inputs)})")
        for variable in inputs:
            body.line(f'print("input ", {variable}.shape)')
        if len([train for _, _, train in graph.outputs if not train]) > 1:
            body.line("for output in result:")
            body.line('    print("output", output.shape)')
        else:
            body.line('print("output", result.shape)')


# Literals


def text(value: Any) -> Text:
    """A checked value as Python source; calls and long lists may break over lines."""
    if isinstance(value, Construction):
        items = [("", text(item)) for item in value.args]
        items += [(f"{name}=", text(item)) for name, item in value.kwargs.items()]
        return Arguments(value.name, tuple(items))
    if isinstance(value, list | tuple):
        brackets = ("[", "]") if isinstance(value, list) else ("(", ")")
        return Arguments("", tuple(("", text(item)) for item in value), *brackets)
    # bool before int, which it is a kind of
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return repr(value)
    if isinstance(value, int):
        # int() takes the symbols off: `4 * width` is 256 here
        return repr(int(value))
    return quote(str(value))


def quote(words: str) -> str:
    """A string as Python source, of ASCII alone."""
    quoted = ascii(words)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in quoted else quoted
