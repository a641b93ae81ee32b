"""The fast path of NumPy: every layer and every way of running it gives what the plain path gives."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnspec.backends import emit
from cnnspec.backends.numpy.kernels import arrays, plan
from cnnspec.backends.numpy.kernels import net as machine
from cnnspec.backends.numpy.kernels.plan import Plan
from cnnspec.backends.numpy.lowering import lower_node
from cnnspec.backends.numpy.program import form_tables
from cnnspec.layers.base import Construction
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from tests.backends.pair import load
from tests.backends.test_numpy_kernels import CASES, KERNELS
from tests.layers.instantiate import Case, make, title
from tests.nets import network
from tests.zoo.shipped import small

pytestmark = pytest.mark.slow

BOUNDS = {"float32": 2e-5, "float64": 1e-10}

LARGE: list[Case] = [
    ("conv", {"filter": Filter(32, (3, 3)), "pad": 1}, Shape(32, 14, 14)),
    ("conv", {"filter": Filter(40, (3, 3)), "pad": [2, 0, 1, 3]}, Shape(36, 17, 19)),
    ("conv", {"filter": Filter(32, (3, 3)), "bias": False}, Shape(48, 31, 15)),
    ("conv", {"filter": Filter(16, (1, 1))}, Shape(64, 9, 9)),
    ("conv", {"filter": Filter(16, (7, 7)), "stride": 2, "pad": 3}, Shape(3, 33, 33)),
    ("depthwise", {"kernel": 3, "pad": 1, "stride": 2}, Shape(32, 15, 15)),
    ("avgpool", {"window": (3, 2), "stride": (1, 2), "divisor": 7}, Shape(5, 9, 12)),
    ("avgpool", {"window": 3, "stride": 3}, Shape(17, 9, 12)),
]


def built(call: Any) -> Any:
    """What a Construction of the lowering makes."""
    if isinstance(call, Construction):
        keywords = {name: built(value) for name, value in call.kwargs.items()}
        return KERNELS[call.name](*call.args, **keywords)
    return call


def forms(kernels: list[str]) -> dict[str, dict[Any, Any]]:
    """The tables of forms of kernels, as an emitted class has them."""
    return {
        name: {KERNELS[kernel]: KERNELS[form] for kernel, form in table.items()}
        for name, table in form_tables(kernels).items()
    }


def net_of(case: Case, after: tuple[str, ...]) -> Any:
    """A net of one layer, and of some that work value by value."""
    name, arguments, x = case
    layer = make(name, **arguments)

    class Node:
        shapes = (x,)

    Node.layer = layer  # type: ignore[attr-defined]
    lowered = lower_node(Node, inference=False)  # type: ignore[arg-type]
    tensors = built(lowered.tensors) if lowered.tensors is not None else {}
    first = machine.Layer("first", KERNELS[lowered.kernel], tensors, **lowered.arguments)
    others = [machine.Layer(kernel, KERNELS[kernel]) for kernel in after]

    class One(machine.BaseNet):
        inputs = {"input": tuple(x.dimensions)}
        layers = (first, *others)
        outputs = (([first, *others])[-1].name,)
        planner = Plan
        quick = forms([lowered.kernel, *after])["quick"]
        in_place = forms([lowered.kernel, *after])["in_place"]

    return One()


def agree(net: Any, *images: Any, bound: float) -> None:
    """Two runs of the fast path, the second on used buffers, and the plain path."""
    net.fast = False
    wanted = net(*images)
    net.fast = True
    for _ in range(2):
        made = net(*images)
        assert made.shape == wanted.shape and made.dtype == wanted.dtype
        assert np.abs(made - wanted).max(initial=0) <= bound * np.abs(wanted).max(initial=1e-30)


@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize("cache", [1, 1 << 20], ids=["pieces", "whole"])
@pytest.mark.parametrize("case", CASES + LARGE, ids=title)
def test_a_layer(case: Case, cache: int, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "CACHE", cache)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, *case[2].dimensions)).astype(precision)
    for after in ((), ("relu6",), ("sigmoid", "tanh")):
        net = net_of(case, after)
        for name, tensor in net.params.items():
            if tensor.dtype.kind == "f" and tensor.ndim < 2:
                net.params[name] = rng.uniform(0.5, 1.5, tensor.shape).astype(precision)
            elif tensor.dtype.kind == "f":
                net.params[name] = tensor.astype(precision)
        net.refresh()
        agree(net, x, bound=BOUNDS[precision])


WIRED = """net Wired { input 8@12x12
    add { | conv 8@3x3 pad=1, batchnorm | identity }
    a: relu
    b: conv 8@1x1
    add { | from a, relu6 | from b | from b, conv 8@3x3 pad=1, tanh }
    concat { | identity | batchnorm, relu | from a | dropout 0.5, identity }
    mul { | identity | globalavgpool, sigmoid | channelmean, sigmoid | channelmax, abs }
    maxunpool 2x3 { | maxpool 2x3, tanh | identity }
    mul { | identity | adaptiveavgpool 12x1, sigmoid | adaptiveavgpool 1x12, abs }
    mul { | globalavgpool | channelmean }
    maximum { | conv 32@3x3 pad=1 | identity | tanh }
    minimum { | identity | conv 32@1x1 }
    c: conv 40@1x1, relu, conv 40@3x3 pad=1 groups=4, batchnorm
    sub { | from c, relu | from c }
    add { | identity | identity }
    flatten, linear 10, tanh, identity
    out: linear 4
    output out
}
"""


@pytest.mark.parametrize("inference", [False, True], ids=["whole", "inference"])
def test_wires_and_joins(inference: bool, tmp_path: Path) -> None:
    options = {"inference": True} if inference else {}
    net = load(emit("numpy", network(WIRED), "net.cnn", **options), tmp_path).Wired()
    net.params = {name: tensor.astype(float) for name, tensor in net.params.items()}
    net.refresh()
    for images in (1, 5, 2):
        agree(net, np.random.default_rng(1).standard_normal((images, 8, 12, 12)), bound=1e-10)


OVER = """net Over { input 16@24x24
    mul { | maxpool 3x3 stride=1 pad=1 | avgpool 3x3 stride=1 pad=1 | avgpool 5x5 stride=1 pad=2 }
    conv 48@1x1, maxpool 2x2, batchnorm, relu
    conv 8@1x1
}
"""


def test_a_product_does_the_step_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Part by part, but not where its output lies over what that step still reads."""
    program = load(emit("numpy", network(OVER), "net.cnn"), tmp_path)
    monkeypatch.setattr(program, "CACHE", 1 << 12)
    net = program.Over()
    net.params = {name: tensor.astype(float) for name, tensor in net.params.items()}
    net.refresh()
    x = np.random.default_rng(0).standard_normal((4, 16, 24, 24))
    net.fast = False
    wanted = net(x)
    net.fast = True
    assert np.abs(net(x) - wanted).max() <= 1e-10
    assert len(net.plans[0].steps) == 7  # the norm is done by the second convolution


BEHIND_A_RELU = [  # what reads it, the least scale of the norm: whether its weight scales and shifts
    ("conv 4@1x1, batchnorm", 0.5, True),
    ("conv 4@3x3 stride=2, batchnorm", 0.5, True),
    ("conv 4@1x1, batchnorm", -0.5, False),
    ("conv 4@1x1, batchnorm", 0.0, False),
    ("conv 4@1x1, batchnorm", 1e-310, False),
    ("conv 4@3x3 pad=1, batchnorm", 0.5, False),
    ("conv 4@1x1 groups=2, batchnorm", 0.5, False),
    ("conv 4@1x1", 0.5, False),
    ("add { | conv 8@1x1, batchnorm | identity }", 0.5, False),
]


@pytest.mark.parametrize("behind, least, is_deferred", BEHIND_A_RELU)
def test_a_weight_scales_and_shifts_for_the_norm_before(
    behind: str, least: float, is_deferred: bool, tmp_path: Path
) -> None:
    text = f"net Deferring {{ input 8@7x7\n    first: batchnorm\n    relu\n    {behind}\n}}\n"
    net = load(emit("numpy", network(text), "net.cnn"), tmp_path).Deferring()
    rng = np.random.default_rng(0)
    net.params = {
        name: rng.uniform(0.5, 1.5, x.shape) if x.ndim == 1 else x.astype(float)
        for name, x in net.params.items()
    }
    net.params["first.weight"][3] = least
    net.refresh()
    agree(net, rng.standard_normal((2, 8, 7, 7)), bound=1e-10)
    assert bool(net.plans[0].deferred) is is_deferred


@pytest.mark.parametrize("height, workers, count", [(27, 1, 5), (27, 2, 6), (27, 4, 8), (5, 4, 4), (3, 4, 3)])
def test_every_worker_gets_as_many_pieces(height: int, workers: int, count: int) -> None:
    parts = [rows for _, rows in arrays.pieces((1, height), arrays.CACHE // 6, workers)]
    assert [parts[0].start, *(rows.stop for rows in parts)] == [*(rows.start for rows in parts), height]
    sizes = {rows.stop - rows.start for rows in parts}
    assert len(parts) == count and max(sizes) - min(sizes) <= 1


def test_lenet_runs_as_few_calls_of_numpy(tmp_path: Path) -> None:
    """All else is done when it is planned: what a small net takes is the time of its calls."""
    net = load(emit("numpy", small("LeNet5"), "lenet.cnn"), tmp_path).LeNet5()
    net(np.zeros((1, 1, 28, 28), np.float32))
    (plan,) = net.plans
    assert plan.is_small and len(plan.calls) <= 26
    own = {call.func for call in plan.calls if call.func in net.in_place.values()}
    others = {getattr(call.func, "__module__", "") or "numpy" for call in plan.calls if call.func not in own}
    assert len(own) == 1 and {name.partition(".")[0] for name in others} == {"numpy"}


def test_params_count_after_refresh(tmp_path: Path) -> None:
    net = load(emit("numpy", small("LeNet5"), "lenet.cnn"), tmp_path).LeNet5()
    x = np.ones((1, 1, 28, 28), np.float32)
    net(x)
    for tensor in net.params.values():
        tensor *= 2
    net.refresh()
    agree(net, x, bound=1e-5)
    optimiser = load(emit("numpy", small("LeNet5"), "lenet.cnn"), tmp_path).SGD(net, 0.1)
    _, grads = net.loss_and_grads(x, np.array([3]))
    optimiser.step(grads)
    agree(net, x, bound=1e-5)


def test_results_are_the_callers(tmp_path: Path) -> None:
    """A later run does not write into an earlier run's result."""
    net = load(emit("numpy", small("Digits"), "digits.cnn"), tmp_path).Digits()
    x = np.random.default_rng(0).standard_normal((2, 1, 8, 8)).astype(np.float32)
    first = net(x)
    kept = first.copy()
    net(2 * x)
    assert (first == kept).all()


TILES = [  # channels, filters, side, images, room in bytes: the side of the tiles
    (32, 32, 28, 1, 1 << 20, 4),
    (32, 32, 28, 1, 1 << 15, 2),  # the larger tiles' weights have no room
    (32, 32, 28, 1, 0, 0),
    (32, 32, 14, 1, 1 << 20, 2),  # too few tiles
    (32, 32, 14, 4, 1 << 20, 4),
    (32, 16, 28, 1, 1 << 20, 0),  # too few filters
    (32, 32, 7, 1, 1 << 20, 0),
    (32, 32, 1, 64, 1 << 20, 0),  # tiles of pads
]


@pytest.mark.parametrize("channels, filters, side, images, room, tile", TILES)
def test_tiles_are_chosen(
    channels: int, filters: int, side: int, images: int, room: int, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "ROOM", room)
    net = net_of(("conv", {"filter": Filter(filters, (3, 3)), "pad": 1}, Shape(channels, side, side)), ())
    x = np.random.default_rng(0).standard_normal((images, channels, side, side))
    agree(net, x.astype(np.float32), bound=2e-5)
    forms = [form for _, form in net.plans[0].packs]
    assert forms == [tile or "taps"]


def allocates(case: Case) -> bool:
    """Whether a layer has no fast form, and so makes new arrays each time: few, and rare."""
    name, arguments, _ = case
    tracked = arguments.get("track", name == "batchnorm")
    return (
        name in ("groupnorm", "normalize", "grn", "frn", "evonorms0", "evonormb0", "blurpool")
        or (name in ("batchnorm", "instancenorm") and not tracked)
        or arguments.get("over") == "all"
        or (name == "convtranspose" and "groups" in arguments)
    )


@pytest.mark.parametrize("case", [c for c in CASES if c[2].is_map and not allocates(c)], ids=title)
def test_a_second_run_makes_nothing_large(case: Case) -> None:
    """On larger maps, a megabyte or more: what is made under way is small pieces, and the result."""
    name, arguments, x = case
    net = net_of((name, arguments, Shape(x.channels, 100, 100)), ())
    image = np.zeros((8, x.channels, 100, 100), np.float32)
    result = net(image).nbytes
    tracemalloc.start()
    net(image)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most <= result + 200_000
