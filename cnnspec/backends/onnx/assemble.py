"""Bodies from the flat graph: of all of it and, where blocks are functions, of each run of a block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from cnnspec.analysis.unroll import BlockRun, Graph, Node
from cnnspec.backends.onnx.body import Body, Op
from cnnspec.backends.onnx.lowering import lower


def assemble(graph: Graph, opset: int, functions: bool = False) -> Body:
    """The body of a graph of evaluation; with `functions` the runs of blocks are calls.

    Raises Unsupported.
    """
    inputs = [(name, name) for name, _ in graph.inputs]
    outputs = [(name, at) for name, at, _ in graph.outputs]
    body = Body(opset, inputs, outputs, keys=keys_of(graph.nodes))
    body.dimensions |= {body.values[name]: [*shape.dimensions] for name, shape in graph.inputs}
    if functions:
        fill(body, graph.nodes, {at for _, at in outputs}, 0)
    else:
        for node in graph.nodes:
            lower(body, node)
    body.close()
    return body


def keys_of(nodes: Sequence[Node], prefix: str = "") -> Iterator[str]:
    """The keys of all tensors, without the prefix."""
    return (key.removeprefix(prefix) for node in nodes for key in node.by_key)


def fill(body: Body, nodes: Sequence[Node], kept: set[str], depth: int) -> None:
    """Add the layers of `depth` blocks to a body, and the runs of blocks in them as calls.

    `kept` are values that are read beyond these nodes.
    """
    reads = Counter(name for node in nodes for name in node.inputs) + Counter(kept)
    # `within` of a layer two blocks deep: (the run of the outer block, that of the inner one).
    for run, grouped in groupby(nodes, lambda node: node.within[depth] if len(node.within) > depth else None):
        inside = list(grouped)
        if run is None:
            for node in inside:
                lower(body, node)
        else:
            own = Counter(name for node in inside for name in node.inputs)
            # A value that is read as often in here as in all stays inside; of the others one leaves the run.
            leaving = {node.path for node in inside if reads[node.path] > own[node.path]}
            call(body, run, inside, leaving, depth)


def call(body: Body, run: BlockRun, nodes: Sequence[Node], leaving: set[str], depth: int) -> None:
    """Add a run of a block as the call of a function: its input and its tensors go in, one value leaves."""
    made = {node.path for node in nodes}
    # A block has one input and one output: each of these sets has one member.
    (given,) = {name for node in nodes for name in node.inputs} - made
    (at,) = leaving
    # Outside "layer1.0.conv1.weight", within "conv1.weight": runs of a block have equal bodies.
    prefix = f"{run.path}."
    function = Body(body.opset, [("input", given)], [("output", at)], prefix, keys_of(nodes, prefix))
    fill(function, nodes, leaving, depth + 1)
    function.close()
    outer = prefix.removeprefix(body.prefix)
    tensors = [body.tensor(outer + key, shape) for key, shape in function.tensors.items()]
    name = body.path(run.path if run.number == 1 else f"{run.path} ({run.number})", run.path)
    scopes = body.scopes(run.path, run.block, nodes[0].within)
    op = Op(run.block, (body.values[given], *tensors), name, name, {}, function, scopes, run.span)
    shape = next(node.output for node in nodes if node.path == at)
    body.finish([op], name, at, shape)
