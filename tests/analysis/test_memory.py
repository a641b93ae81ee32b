"""The live-tensor peak, by hand on small nets and by brute force on the zoo."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnspec.analysis.memory import VIEWS, Peak, peak
from cnnspec.analysis.unroll import Graph, unroll
from cnnspec.compiler import check
from cnnspec.text.files import read, read_used
from cnnspec.text.source import Source
from tests.nets import network

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.cnn"))

BY_HAND = {
    "net N { input 1@4x4\n conv 2@1x1, conv 3@1x1, conv 1@1x1 }": Peak(80, "conv2"),
    "net N { input 1@4x4\n conv 2@1x1, flatten, linear 100 }": Peak(132, "linear1"),
    "net N { input 2@4x4\n add { | identity | conv 2@1x1, conv 2@1x1 } }": Peak(96, "conv2"),
    "net N { input 9@4x4\n conv 1@1x1 }": Peak(160, "conv1"),
    "net N { input 1@4x4\n a: conv 3@1x1\n b: conv 1@1x1\n c: conv 1@1x1\n output a c }": Peak(80, "c"),
}


@pytest.mark.parametrize("text", BY_HAND)
def test_peaks_by_hand(text: str) -> None:
    assert peak(unroll(network(text))) == BY_HAND[text]


def brute_force(graph: Graph) -> int:
    """At every step, all that exists by then and is still read at it or later."""
    nodes = [node for node in graph.nodes if not node.train]
    made = {name: (-1, shape.features) for name, shape in graph.inputs}
    source = {name: name for name, _ in graph.inputs}
    for step, node in enumerate(nodes):
        if node.layer.name in VIEWS:
            source[node.path] = source[node.inputs[0]]
        else:
            source[node.path] = node.path
            made[node.path] = (step, node.output.features)
    reads = [{source[name] for name in node.inputs} for node in nodes]
    reads.append({source[name] for _, name, train in graph.outputs if not train})
    totals = []
    for step in range(len(nodes)):
        wanted = set().union(*reads[step:], {source[nodes[step].path]})
        totals.append(sum(size for name, (born, size) in made.items() if born <= step and name in wanted))
    return max(totals)


@pytest.mark.slow
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_peaks_by_brute_force(path: Path) -> None:
    source = read(str(path))
    assert isinstance(source, Source)
    (network,) = check(source, read_used, first=True).networks
    graph = unroll(network)
    assert peak(graph).elements == brute_force(graph)
