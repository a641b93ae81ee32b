"""The flat model of a checked network: what the proof compares, and a source like any other."""

from __future__ import annotations

from collections.abc import Collection, Mapping

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
    # layer1.0.conv1 stands in layer1 and layer1.0; a labelled join is a scope if steps stand in it
    scopes = {path[:place] for path in map(path_of, graph.nodes) for place in dots(path)}
    for node in graph.nodes:
        inputs = tuple(values[name] for name in node.inputs)
        values[node.path] = Value(len(values), node.output)
        operations.append(operation(node, inputs, values[node.path], scopes, graph.blocks))
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


def path_of(node: Node) -> str:
    """Its path in the state_dict: a node that runs for the second time is named `path (2)`."""
    return node.first if node.shared else node.path


def dots(path: str) -> list[int]:
    return [place for place, character in enumerate(path) if character == "."]


def operation(
    node: Node, inputs: tuple[Value, ...], output: Value, scopes: Collection[str], blocks: Mapping[str, str]
) -> Operation:
    """A node in its scopes, whose calls are counted from 0; a join with a label stands in its own scope."""
    path = path_of(node)
    # "conv1 (2)"[len("conv1") + 2 : -1] is "2": the second run is call 1
    call = int(node.path[len(path) + 2 : -1]) - 1 if node.shared else 0
    around = [path[:place] for place in dots(path)]
    around += [path] if node.layer.is_join and path in scopes else []
    keys = {weight.name: f"{path}.{weight.name}" if weight.name else path for weight in node.weights}
    inside = tuple(Scope(prefix, blocks.get(prefix, ""), call) for prefix in around)
    return Operation(node.layer, inputs, output, keys, inside, node.train)
