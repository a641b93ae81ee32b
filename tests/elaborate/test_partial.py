"""Networks with faults, as far as they go: what is known, what is lost, where the fault stands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cnnspec.analysis.sizes.explore import Explorer
from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Again, From, Group, If, Merge, Repeat, Step, Use
from cnnspec.layers.base import Misfit
from cnnspec.tables.rows import table
from cnnspec.values.shapes import Shape
from tests.elaborate.rules import checked


def flat(steps: tuple[Step, ...]) -> Iterator[Step]:
    """All steps, those around others too."""
    for step in steps:
        yield step
        if isinstance(step, Group | If):
            yield from flat(step.steps)
        elif isinstance(step, Use):
            yield from flat(step.instance.steps)
        elif isinstance(step, Repeat):
            for iteration in step.iterations:
                yield from flat(iteration)
        elif isinstance(step, Merge):
            for path in step.paths:
                yield from flat(path.steps)
        elif isinstance(step, Again):
            yield from flat((step.step,))


def shown(text: str) -> str:
    """The only net's steps, innermost first named by their layer, each with the shape that leaves it."""
    found = checked(text)
    assert not found.ok and not found.networks
    (network,) = found.partial
    return ", ".join(
        f"{type(step).__name__.lower()} {step.span.text.partition(' ')[0]} {step.output.shape or '?'}"
        for step in flat(network.steps)
        if not isinstance(step, From)
    )


CASES = {
    "conv 8@3x3, conv 8@99x99, relu": "leaf conv 8@30x30, leaf conv ?, leaf relu ?",
    "conv 8@3x3, rleu, tanh": "leaf conv 8@30x30, lost rleu ?, leaf tanh ?",
    "a: conv n@3x3\nrelu": "lost conv ?, leaf relu ?",
    "conv 8@3x3 pad=\nrelu": "lost conv ?, leaf relu ?",
    "relu, =\ntanh": "leaf relu 3@32x32, lost  ?, leaf tanh ?",
    "relu\nfrom nowhere\ntanh": "leaf relu 3@32x32, lost from ?, leaf tanh ?",
    "add { | relu | tanh, maxpool 2x2 }\nrelu": (
        "merge add ?, leaf relu 3@32x32, leaf tanh 3@32x32, leaf maxpool 3@16x16, leaf relu ?"
    ),
    "add { | relu | tahn }": "merge add ?, leaf relu 3@32x32, lost tahn ?",
    "repeat 2 { maxpool 4x4, conv 8@6x6 }": (
        "repeat repeat ?, leaf maxpool 3@8x8, leaf conv 8@3x3, leaf maxpool ?, leaf conv ?"
    ),
    "a: { rleu }\nagain a": "group { ?, lost rleu ?, again again ?, group { ?, lost rleu ?",
    "a: conv n@3x3\nagain a": "lost conv ?, lost again ?",
    "conv 8@3x3 -> 9@9x9\nrelu -> 8@30x30": "leaf conv 8@30x30, leaf relu 8@30x30",
    "net N { conv 8@3x3, relu }": "lost conv ?, leaf relu ?",
    "block B { relu, rleu }\nnet N {\n input 1@4x4\n B\n B\n }": (
        "use B ?, leaf relu 1@4x4, lost rleu ?, use B ?, leaf relu ?, lost rleu ?"
    ),
}


@pytest.mark.parametrize("text", CASES)
def test_as_far_as_it_goes(text: str) -> None:
    assert shown(text) == CASES[text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv 8@99x99", "the kernel's height 99 is larger than the map's 32"),
        ("relu, flatten, linear 10 in=400", "`linear` takes 400 features but 3072 arrive"),
    ],
)
def test_the_layer_at_fault_tells_again(text: str, message: str) -> None:
    (network,) = checked(text).partial
    (step,) = (s for s in flat(network.steps) if s.input.shape and not s.output.shape)
    with pytest.raises(Misfit, match=message):
        step.layer.output(step.input.shape)


def test_a_false_claim_is_believed_behind_it() -> None:
    (network,) = checked("conv 8@3x3 -> 9@9x9\nrelu").partial
    assert [str(step.output.believed) for step in network.steps] == ["9@9x9", "9@9x9"]


def test_whole_nets_are_not_partial() -> None:
    found = checked("net A { input 1@4x4\n relu }\nnet B { input 1@4x4\n rleu }")
    assert [n.name for n in found.networks] == ["A"]
    assert [n.name for n in found.partial] == ["B"]


@pytest.mark.parametrize("text", ["net N { relu ]\n }", "net N { }", "net N(n) { input 1@4x4\n rleu }"])
def test_nothing_is_left(text: str) -> None:
    found = checked(text)
    assert not found.ok and not found.partial


@pytest.mark.parametrize(
    ("steps", "nodes"),
    [
        ("lost, t: T\n from x, again t", [("t.0 (2)", False)]),
        ("lost, t: T\n from x, again t\n from x, again t", [("t.0 (2)", False), ("t.0 (3)", True)]),
        ("t: T, lost, again t\n from x, again t", [("t.0", False), ("t.0 (3)", True)]),
    ],
)
def test_where_a_fault_hides_the_first_run_the_next_has_the_weights(
    steps: str, nodes: list[tuple[str, bool]]
) -> None:
    text = f"block T {{ conv 8@3x3, flatten -> 3 }}\nnet N {{ x: input 1@9x9\n {steps} }}"
    (network,) = checked(text).partial
    graph = unroll(network)
    convolutions = [node for node in graph.nodes if node.layer.name == "conv"]
    assert [(node.path, node.shared) for node in convolutions] == nodes
    assert {node.first for node in convolutions} == {nodes[0][0]}
    assert table(network).items
    assert Explorer(network, claims=True).explore([{"x": Shape(1, 12, 12)}]).valid
