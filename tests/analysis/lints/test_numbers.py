"""Lints that count, held to counting by hand: arrays of what is read, sets of taps, all paths in turn."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnspec.analysis.lints.gridding import Taps
from cnnspec.analysis.lints.lint_context import LintContext
from cnnspec.analysis.lints.sight import Sights
from cnnspec.analysis.lints.silences import Silences
from cnnspec.analysis.lints.structure import overlaps
from cnnspec.analysis.receptive import WHOLE, fields
from cnnspec.analysis.unroll import unroll
from cnnspec.elaborate.settings import Settings
from cnnspec.graph.tree import Network
from cnnspec.run.programs import module_of
from cnnspec.values.shapes import Shape
from tests.analysis.lints.warned import linted
from tests.zoo.shipped import check_file


def codes(text: str) -> list[str]:
    return [warning.code for warning in linted(text).diagnostics]


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [2, 3, 4])
def test_dropped_are_the_pixels_that_no_window_covers(kernel: int, stride: int) -> None:
    """Windows are laid over a row of pixels: some may be left at its end, besides what each gap leaves."""
    lines, expected = [], []
    for n, lo, hi, d in product(range(1, 12), range(3), range(3), (1, 2)):
        e = d * (kernel - 1) + 1
        if n + lo + hi < e:
            continue
        seen = np.zeros(n + lo + hi, bool)
        for start in range(0, n + lo + hi - e + 1, stride):
            seen[start : start + e] = True
        left = n - 1 - int(np.flatnonzero(seen)[-1]) + lo
        argument = f"stride={stride}x1 pad=[{lo}, {hi}, 0, 0] dilation={d}"
        lines.append(f"crop {n}x32, a{len(lines)}: conv 1@{kernel}x1 {argument}, relu, from x")
        expected.append(left > max(0, stride - e))
    text = "x: relu\n" + "\n".join(lines)
    told = {w.span.line for w in linted(text).diagnostics if w.code == "W0504"}
    first = 4  # the lines that `whole` puts before, and x
    assert [first + i in told for i in range(len(lines))] == expected
    assert any(expected) is (kernel > 1)  # a 1x1 leaves at the end what it leaves everywhere


def test_overlaps_are_counted() -> None:
    for k, s, d in product(range(1, 8), range(1, 6), range(1, 5)):
        e, places = d * (k - 1) + 1, 80
        counts = np.zeros((places - 1) * s + e, int)
        for place in range(places):
            counts[place * s : place * s + e : d] += 1
        middle = counts[e + s : -(e + s)]
        assert overlaps(k, s, d) == (middle.min(), middle.max()), (k, s, d)


windows = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5)), min_size=1, max_size=5)


@given(windows)
def test_taps_are_the_sums_of_taps(row: list[tuple[int, int]]) -> None:
    taps, read = Taps(), {0}
    for k, d in row:
        taps = taps.behind(k, d, 0)
        read = {pixel + tap * d for pixel in read for tap in range(k)}
    assert {i for i in range(taps.read.bit_length()) if taps.read >> i & 1} == read
    dilated = sum(k > 1 and d > 1 for k, d in row)
    assert taps.has_holes == (dilated > 1 and len(read) < max(read) + 1)


@given(windows, windows, st.booleans())
def test_gridding_is_told_of_what_both_paths_leave_unread(
    one: list[tuple[int, int]], two: list[tuple[int, int]], joined: bool
) -> None:
    def path(row: list[tuple[int, int]]) -> str:
        pads = [(d * (k - 1) // 2, d * (k - 1) - d * (k - 1) // 2) for k, d in row]
        convs = [
            f"conv 3@{k}x1 dilation={d} pad=[{lo}, {hi}, 0, 0], relu"
            for (k, d), (lo, hi) in zip(row, pads, strict=True)
        ]
        return ", ".join(convs)

    def read(row: list[tuple[int, int]]) -> set[int]:
        found = {0}
        for k, d in row:
            found = {p + tap * d - d * (k - 1) // 2 for p in found for tap in range(k)}
        return found

    text = f"add {{\n    | {path(one)}\n    | {path(two)}\n}}" if joined else path(one)
    seen = read(one) | read(two) if joined else read(one)
    deepest = max(sum(k > 1 and d > 1 for k, d in row) for row in ([one, two] if joined else [one]))
    holes = len(seen) < max(seen) - min(seen) + 1
    assert ("W0507" in codes(text)) == (holes and deepest > 1)


def survey_of(network: Network) -> LintContext:
    return LintContext([network], Silences())


@pytest.mark.parametrize("size", [32, 64, 96, 224])
@pytest.mark.parametrize(("file", "net"), [("vgg", "VGG16"), ("vgg", "VGG19BN"), ("alexnet", "AlexNet")])
def test_in_a_chain_the_least_field_is_the_field(file: str, net: str, size: int) -> None:
    """Without joins there is one path: what analysis/receptive.py says of the flat graph is the oracle."""
    size = max(size, 64) if net == "AlexNet" else size
    (network,) = check_file(file, net, Settings(inputs={"": Shape(3, size, size)})).networks
    graph = unroll(network)
    known = fields(graph)
    expected = 0
    for node in graph.nodes:
        if node.layer.name == "conv":
            field = known[node.inputs[0]]
            assert field is not None and node.layer.value("filter").kernel != (1, 1)
            expected += field is WHOLE or min(field.size) >= size
    context = survey_of(network)
    blind = Sights(context).blind(context.nets[0][1], (size, size))
    assert blind.number == expected
    assert (blind.first is not None) == (expected > 0)


steps = st.deferred(
    lambda: st.lists(
        st.one_of(
            st.sampled_from(["conv 3@3x3 pad=1", "conv 3@5x5 pad=2", "conv 3@1x1", "relu"]),
            st.tuples(st.sampled_from(["add", "concat"]), steps, steps),
        ),
        max_size=4,
    )
)
Steps = list[object]


def text_of(chain: Steps) -> str:
    parts = []
    for step in chain:
        if isinstance(step, tuple):
            kind, one, two = step
            parts.append(
                f"{kind} {{ | {text_of(one) or 'identity'} | {text_of(two) or 'identity'} }}, conv 3@1x1"
            )
        else:
            parts.append(str(step))
    return ", ".join(parts)


def least(chain: Steps, size: int = 1) -> int:
    """The least field behind a chain: every path is tried."""
    for step in chain:
        if isinstance(step, tuple):
            size = min(least(step[1], size), least(step[2], size))
        else:
            size += {"conv 3@3x3 pad=1": 2, "conv 3@5x5 pad=2": 4}.get(str(step), 0)
    return size


@pytest.mark.slow
@given(steps, st.sampled_from(["", "block"]))
def test_of_several_paths_the_least_counts(chain: Steps, block: str) -> None:
    inner = text_of(chain) or "relu"
    text = f"net N {{ input 3@64x64, {inner} }}"
    if block:
        text = f"block B {{ relu, {inner} }}\nnet N {{ input 3@64x64, B }}"
    context = survey_of(linted(text).networks[0])
    scope = context.nets[0][1]
    field = Sights(context).of(scope).fields[scope.outputs[0]]
    assert field is not None and field.size == (least(chain), least(chain))


LEARNING = """block Norm { batchnorm, relu }
net N {
    input 3@8x8
    a: conv 4@3x3
    Norm
    b: conv 4@3x3, tanh
    Norm
    side: conv 4@1x1
    c: batchnorm
    add { | from side | from c }
    relu, flatten, linear 6, batchnorm, relu
    linear 5
}
"""


@pytest.mark.slow
def test_biases_told_of_learn_nothing_and_all_others_do() -> None:
    found = linted(LEARNING)
    told = {warning.span.line for warning in found.diagnostics if warning.code == "W0601"}
    (checked,) = found.networks
    net = module_of("numpy", checked).N(seed=0)
    rng = np.random.default_rng(0)
    _, grads = net.loss_and_grads(rng.random((8, 3, 8, 8), np.float32), rng.integers(0, 5, 8))
    lines = {
        node.path: node.span.line for node in unroll(checked).nodes if node.layer.name in ("conv", "linear")
    }
    learns = {lines[key[:-5]]: np.abs(grad).max() > 1e-5 for key, grad in grads.items() if key[:-5] in lines}
    assert learns == {line: line not in told for line in lines.values()}
    assert len(told) == 2


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_cross_entropy_of_shares_has_a_floor(classes: int) -> None:
    """The figure that W0602 tells, against the loss of shares: the surest, and a thousand others."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(1000, classes)) * rng.integers(1, 100, (1000, 1))
    shares = np.vstack([np.eye(classes)[:1], np.exp(logits - logits.max(1, keepdims=True))])
    shares /= shares.sum(1, keepdims=True)
    loss = np.log(np.exp(shares).sum(1)) - shares.max(1)
    floor = math.log(math.e + classes - 1) - 1
    assert abs(loss[0] - floor) < 1e-12 and loss.min() > floor - 1e-12
    (warning,) = linted(f"conv {classes}@1x1, relu, globalavgpool, flatten, softmax").diagnostics
    assert f"never below {floor:.3f}" in warning.label
