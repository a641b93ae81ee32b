"""A layer's formula with its numbers, as errors, pages and the tutorial show it."""

from __future__ import annotations

import re

import pytest

from cnnspec import layers
from cnnspec.analysis.unroll import Node, unroll
from cnnspec.compiler import check
from cnnspec.elaborate.settings import parse_value
from cnnspec.layers.worked_sums import work_out
from cnnspec.text.files import read_used
from cnnspec.text.shipped import shipped, source_of
from tests.nets import network


@pytest.mark.parametrize(
    ("layer", "sums"),
    [
        ("conv 4@5x5 pad=1", ("(28 + 2*1 - 5)//1 + 1 = 26",)),
        ("conv 4@5x5", ("(28 - 5)//1 + 1 = 24",)),
        ("conv 4@3x3 pad=[0, 1, 0, 1] stride=2", ("(28 + 1 - 3)//2 + 1 = 14",)),
        ("conv 4@3x1 dilation=2", ("height: (28 - 5)//1 + 1 = 24", "width: (28 - 1)//1 + 1 = 28")),
        ("maxpool 3x3 stride=2 ceil=yes", ("(28 - 3 + (2 - 1))//2 + 1 = 14",)),
        ("convtranspose 4@2x2 stride=2", ("(28 - 1)*2 + 2 = 56",)),
        ("convtranspose 4@3x3 stride=2 pad=1 extra=1", ("(28 - 1)*2 - 2*1 + 3 + 1 = 56",)),
        ("flatten", ("1*28*28 = 784",)),
        ("relu", ()),
    ],
)
def test_what_adds_nothing_is_left_out(layer: str, sums: tuple[str, ...]) -> None:
    (node,) = unroll(network(layer, shape="1@28x28")).nodes
    assert work_out(node.layer, node.shapes, node.output) == sums


def checked_lines(node: Node) -> tuple[str, ...]:
    """The sums of a layer, each of which comes out."""
    lines = work_out(node.layer, node.shapes, node.output)
    for line in lines:
        left, _, right = line.rpartition(": ")[2].partition(" = ")
        left = re.sub(r"floor\((.*)\)", r"(\1)//1", left)  # as the language writes it
        assert parse_value(left) == int(right.removesuffix(" channels")), (node.layer.name, line)
    return lines


def test_sums_of_every_layer_come_out() -> None:
    joined = set()
    for name in layers.NAMES:
        cls = layers.find(name)
        assert cls is not None
        for node in unroll(network(cls.example, shape=cls.example_input)).nodes:
            joined |= {node.layer.name} if checked_lines(node) and node.layer.is_join else set()
    assert joined == {"concat"}


@pytest.mark.slow
def test_sums_of_the_zoo_come_out() -> None:
    """Numbers stand in the formula of every convolution and pool of the zoo, and make its output's size."""
    done = 0
    for file in shipped():
        for net in check(source_of(file.name), read_used).networks:
            for node in unroll(net).nodes:
                if node.layer.name in ("conv", "depthwise", "maxpool", "avgpool"):
                    assert checked_lines(node), (file.name, node)
                    done += 1
    assert done > 100
