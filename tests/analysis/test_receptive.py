"""Receptive fields: against gradients on random nets, and against published values."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn

from cnnspec.analysis.receptive import WHOLE, AxisField, ReceptiveField, fields
from cnnspec.analysis.unroll import Graph, Node, unroll
from cnnspec.compiler import check_text
from tests import nets
from tests.backends.interpreter import join
from tests.layers.instantiate import instantiate
from tests.zoo.shipped import network

pytestmark = pytest.mark.slow

SIZE = (101, 97)
RIM = 12  # so far inside no padding is seen, not that of a map in between


def graph(text: str) -> Graph:
    return unroll(nets.network(text))


def line(draw: random.Random) -> str:
    """A random layer, or a join of layers that keep the size."""
    k, k2, s, d, p = (draw.randint(1, most) for most in (5, 4, 3, 2, 3))
    odd = draw.choice((1, 3, 5))
    return draw.choice(
        (
            f"conv 2@{k}x{k2} stride={s}x{draw.randint(1, 2)} dilation={d} pad={p}",
            f"conv 2@{k}x{k2} pad=[{p}, 0, 1, {p}]",
            f'conv 2@{k}x{k2} stride={s} pad="same"',
            f"depthwise {k2}x{k} stride={s}",
            f"maxpool {k + 1}x3 stride={s} dilation={d}",
            f"avgpool {k}x{k} pad={k // 2}",
            f"convtranspose 2@{s + k}x{k2 + 2} stride={s}x2 pad={min(p, 2)}",
            f"convtranspose 2@{k + 2}x3 stride=1x3 dilation=2x1",
            f"upsample {draw.choice((2, 3, 1.5, [2, 1]))}",
            f'upsample {draw.choice((2, 3, 0.5))} mode="bilinear"',
            'upsample size=41x30 mode="bilinear" align=yes',
            "adaptiveavgpool 20x18",
            "conv 8@1x1, pixelshuffle 2",
            "pad [1, 0, 2, 3]",
            "crop sides=[1, 2, 0, 3]",
            f"add {{ | conv 2@{odd}x{odd} pad={odd // 2} | conv 2@3x3 dilation={d} pad={d}, conv 2@1x1 }}",
            "concat { | conv 2@3x3 stride=2 pad=1, upsample 2 | conv 2@2x2 stride=2, upsample 2 }",
        )
    )


def module(node: Node) -> nn.Module:
    """The layer as a sum with positive weights over all that it reads: gradients vanish nowhere else."""
    layer, channels = node.layer, node.shapes[0].channels
    if layer.name == "maxpool":
        keywords = {name: layer.value(name) for name in ("stride", "dilation")}
        made: nn.Module = nn.Conv2d(
            channels,
            channels,
            layer.value("window"),
            padding=layer.value("pad")[::2],
            groups=channels,
            **keywords,
        )
    else:
        made = instantiate(layer.torch(node.shapes[0]))
    for weight in made.parameters():
        nn.init.constant_(weight, 1 / weight[0].numel())
    return made.double()


def run(graph: Graph, x: Tensor) -> Tensor:
    values = {graph.inputs[0][0]: x}
    for node in graph.nodes:
        arriving = [values[name] for name in node.inputs]
        if node.layer.is_join:
            values[node.path] = join(node.layer, arriving)
        else:
            values[node.path] = module(node)(arriving[0])
    return values[graph.outputs[0][1]]


def place(axis: AxisField, q: int) -> tuple[int, int]:
    """The first and the last pixel that pixel q depends on."""
    turn, rest = divmod(q, len(axis.low))
    return axis.low[rest] + turn * axis.step, axis.high[rest] + turn * axis.step


def seen(gradient: Tensor, dimension: int) -> tuple[int, int]:
    """The first and the last row (0) or column (1) with a gradient."""
    there = (gradient.abs().amax(1 - dimension) > 1e-12 * gradient.abs().max()).nonzero().flatten()
    return int(there[0]), int(there[-1])


@pytest.mark.parametrize("seed", range(12))
def test_fields_are_where_gradients_are(seed: int) -> None:
    draw, compared = random.Random(seed), 0
    for _ in range(12):
        layers = "\n".join(line(draw) for _ in range(draw.randint(1, 4)))
        found = check_text(f"net N {{\n input 1@{SIZE[0]}x{SIZE[1]}\n{layers}\n}}")
        if not found.ok:
            continue
        flat = unroll(found.networks[0])
        field = fields(flat)[flat.outputs[0][1]]
        if field is None:  # paths with unlike jumps
            continue
        x = torch.ones(1, 1, *SIZE, dtype=torch.float64, requires_grad=True)
        y = run(flat, x)
        middle = [n // 2 for n in y.shape[2:]]
        for row, column in [(middle[0] + i, middle[1] + i) for i in range(-2, 3)]:
            if not (0 <= row < y.shape[2] and 0 <= column < y.shape[3]):
                continue
            wanted = place(field.down, row), place(field.across, column)
            inside = all(low >= RIM and high < n - RIM for (low, high), n in zip(wanted, SIZE, strict=True))
            if inside:
                (gradient,) = torch.autograd.grad(y[0, :, row, column].sum(), x, retain_graph=True)
                assert (seen(gradient[0, 0], 0), seen(gradient[0, 0], 1)) == wanted, (layers, row, column)
                compared += 1
    assert compared > 5


def told(field: ReceptiveField | None) -> tuple[int, str, int]:
    """Size, jump and padding of a square field."""
    assert field is not None and field.down == field.across
    return field.size[0], str(field.jump[0]), -field.start[0]


# Araujo, Norris and Sim 2019, and their table of end points. AlexNet pads its first convolution here, by 2.
PUBLISHED = [
    ("AlexNet", "features.0", (11, "4", 2)),
    ("AlexNet", "features.2", (19, "8", 2)),
    ("AlexNet", "features.3", (51, "8", 18)),
    ("AlexNet", "features.6", (99, "16", 34)),
    ("AlexNet", "features.8", (131, "16", 50)),
    ("AlexNet", "features.10", (163, "16", 66)),
    ("AlexNet", "features.12", (195, "32", 66)),
    ("VGG11", "features.5", (10, "4", 3)),
    ("VGG11", "features.20", (150, "32", 59)),
    ("VGG16", "features.0", (3, "1", 1)),
    ("VGG16", "features.4", (6, "2", 2)),
    ("VGG16", "features.16", (44, "8", 18)),
    ("VGG16", "features.23", (100, "16", 42)),
    ("VGG16", "features.30", (212, "32", 90)),
]


@pytest.mark.parametrize(("net", "path", "published"), PUBLISHED)
def test_published_fields(net: str, path: str, published: tuple[int, str, int]) -> None:
    assert told(fields(unroll(network(net)))[path]) == published


SLIM = """block Unit(width, stride=1) {{
    add {{
        | conv width@1x1, conv width@3x3 stride=stride pad=1, conv (4*width)@1x1
        | if stride > 1 or in.channels != 4*width {{ conv (4*width)@1x1 stride=stride }} else {{ identity }}
    }}
}}
net ResNet {{
    input 3@224x224
    conv 64@7x7 stride=2 pad=3
    maxpool 3x3 stride=2 pad=1
    repeat width, units, stride in [[64, {0}, 2], [128, {1}, 2], [256, {2}, 2], [512, {3}, 1]] {{
        repeat i in units {{ Unit width stride=(stride if i == units - 1 else 1) }}
    }}
}}"""
"""The published figures are those of a ResNet that strides in the last unit of a stage, on the 3x3."""


@pytest.mark.parametrize(
    ("units", "size", "padding"),
    [((3, 4, 6, 3), 483, 239), ((3, 4, 23, 3), 1027, 511), ((3, 8, 36, 3), 1507, 751)],
)
def test_published_residual_fields(units: tuple[int, ...], size: int, padding: int) -> None:
    flat = graph(SLIM.format(*units))
    found = told(fields(flat)[flat.outputs[0][1]])
    assert found == (size, "32", found[2])
    assert abs(found[2] - padding) <= 2  # the pool is padded there so that nothing hangs over


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("conv 4@3x3, globalavgpool", "all"),
        ("conv 4@3x3, adaptiveavgpool 1x1", "all"),
        ("conv 4@3x3, flatten, linear 9", "all"),
        ("conv 4@3x3, mul { | identity | globalavgpool, sigmoid }", "all"),
        ("conv 4@3x3, batchnorm, relu, linear 7 pointwise=yes", "3x3 1x1 0x0"),
        ("conv 4@3x5 stride=2x1 pad=1x2", "3x5 2x1 -1x-2"),
        ("maxpool 4x4, upsample 4", "4x4 1x1 0x0"),
        ("maxunpool 2x3 { | maxpool 2x3 | identity }", "2x3 1x1 0x0"),
        ("maxpool 2x2, upsample 4", "2x2 1/2x1/2 0x0"),
        ("upsample 0.5", "1x1 2x2 0x0"),
        ("adaptiveavgpool 8x4", "4x8 4x8 0x0"),
        ("adaptiveavgpool 6x4", "6x8 16/3x8 0x0"),
        ("conv 4@3x3 dilation=2", "5x5 1x1 0x0"),
        ("convtranspose 4@2x2 stride=2", "1x1 1/2x1/2 0x0"),
        ("convtranspose 4@1x1 stride=2", "1x1 1/2x1/2 0x0"),
        ("crop 30x30, pad 3", "1x1 1x1 -2x-2"),
        ("concat { | upsample size=24x24 | adaptiveavgpool 24x24, conv 1@1x1 }", "2x2 4/3x4/3 0x0"),
        ("concat { | conv 4@3x3 | conv 4@2x2 stride=2, upsample size=30x30 }", None),  # jumps of 1 and 16/15
        ("upsample size=8191x1, conv 1@2x1 stride=2", None),  # a very long period
    ],
)
def test_small_fields(body: str, expected: str | None) -> None:
    flat = graph(f"net N {{\n input 1@32x32\n {body}\n}}")
    field = fields(flat)[flat.outputs[0][1]]
    words = [field.size, field.jump, field.start] if field is not None else []
    shown = "all" if field is WHOLE else " ".join(f"{down}x{across}" for down, across in words) or None
    assert shown == expected


def test_inputs_that_are_vectors_and_several_inputs() -> None:
    flat = graph("net N {\n input 20\n linear 4\n}")
    assert fields(flat) == {"input": WHOLE, "linear1": WHOLE}
    two = "a: input 1@9x9\n b: input 1@9x9\n concat { | from a, conv 1@3x3 pad=1 | from b, conv 1@5x5 pad=2 }"
    field = fields(graph(f"net N {{ {two} }}"))["concat1"]
    assert field is not None and field.size == (5, 5)
    assert field.jump == (Fraction(1), Fraction(1))
