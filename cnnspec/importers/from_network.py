"""The flat model of a checked network: what the proof compares, and a source like any other."""

from __future__ import annotations

from collections.abc import Mapping

from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.graph.tree import Network
from cnnspec.importers.model import Input, Model, Operation, Output, Scope, Value


def model_of(network: Network) -> Model:
    """The model of a network without faults.

    The use of a block is a scope of the block's kind, labelled braces are one of no kind. An input or an
    output without a label has no name.
    """
    graph = unroll(network)
    values: dict[str, Value] = {}
    for name, shape in graph.inputs:
        values[name] = Value(len(values), shape)
    operations = []
    for node in graph.nodes:
        inputs = tuple(values[name] for name in node.inputs)
        values[node.path] = Value(len(values), node.output)
        operations.append(operation(node, inputs, values[node.path], graph.blocks))
    return Model(
        network.name,
        tuple(Input(name_of_input(name, graph), values[name]) for name, _ in graph.inputs),
        tuple(operations),
        tuple(
            Output("" if name == "output" else name, values[node], train)
            for name, node, train in graph.outputs
        ),
    )


def name_of_input(name: str, graph: Graph) -> str:
    return "" if name == "input" and len(graph.inputs) == 1 else name


def operation(node: Node, inputs: tuple[Value, ...], output: Value, blocks: Mapping[str, str]) -> Operation:
    """A node that runs for the second time is named `path (2)`; a scope's calls are counted from 0."""
    path = node.first if node.shared else node.path
    call = int(node.path[len(path) + 2 : -1]) - 1 if node.shared else 0
    around = [path[:place] for place, character in enumerate(path) if character == "."]
    keys = {weight.name: f"{path}.{weight.name}" if weight.name else path for weight in node.weights}
    scopes = tuple(Scope(prefix, blocks.get(prefix, ""), call) for prefix in around)
    return Operation(node.layer, inputs, output, keys, scopes, node.train)
