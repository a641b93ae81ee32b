"""The walk knows every kind of step, and goes through them in the order of execution."""

from __future__ import annotations

from typing import get_args

from cnnspec.graph.tree import Leaf, Merge, Step
from cnnspec.graph.walk import ROWS, Steps, arriving, live, rebuild, rows, walk
from cnnspec.text.source import Span
from tests.nets import network

TEXT = """net N {
    input 3@8x8
    g: { relu, if in.height > 4 { repeat 2 { tanh, add { | gelu, silu | identity } } } }
    again g
}
"""
NETWORK = network(TEXT)
ONCE = ["relu", *["tanh", "gelu", "silu", "add"] * 2]


def names(again: bool) -> list[str]:
    steps = walk(NETWORK.steps, again)
    return [step.layer.name for step in steps if isinstance(step, Leaf | Merge)]


def test_every_kind_that_holds_steps_has_its_row() -> None:
    def holds(kind: type) -> bool:
        fields = " ".join(map(str, kind.__annotations__.values()))
        return "Step" in fields or "Path" in fields

    assert set(ROWS) == {kind for kind in get_args(Step) if holds(kind)}


def test_the_order_is_that_of_execution() -> None:
    assert names(again=True) == ONCE + ONCE
    assert names(again=False) == ONCE


def test_rebuild_changes_every_row() -> None:
    elsewhere = Span(NETWORK.span.source, 0, 0)

    def moved(row: Steps) -> Steps:
        return tuple(step._replace(span=elsewhere) for step in row)

    steps = list(walk(NETWORK.steps))
    assert {type(step) for step in steps} >= set(ROWS)
    for step in steps:
        made = rebuild(step, moved)
        assert list(rows(made)) == [moved(row) for row in rows(step)]


def test_what_an_output_needs_is_live() -> None:
    (output,) = NETWORK.outputs
    needed = live(NETWORK.steps, {output.value})
    made = [step for step in walk(NETWORK.steps) if arriving(step)]
    assert {step.output for step in made} < needed  # an input is needed, too
    first = made[0]
    assert live(NETWORK.steps, {first.output}) == {first.output, *arriving(first)}
