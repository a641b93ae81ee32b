"""What does not fit, and what the reader is told."""

from __future__ import annotations

from typing import Any

import pytest

from cnnspec.layers import NAMES, find
from cnnspec.layers.base import Misfit
from cnnspec.values.kinds import Filter, describe
from cnnspec.values.shapes import Shape
from tests.layers.instantiate import KERNEL, misfit

F3 = Filter(8, (3, 3))
MAP, LARGE, VECTOR, PIXEL = Shape(4, 6, 6), Shape(64, 32, 32), Shape(12), Shape(4, 1, 1)

Row = tuple[str, str, dict[str, Any], tuple[Shape, ...], str | None, str]

TABLE: list[Row] = [
    ("E0301", "relu", {"slope": 1}, (), "slope", "`relu` has no argument `slope`"),
    ("E0302", "conv", {}, (), None, "`conv` needs its `filter`, as in `conv 64@3x3 stride=2 pad=1`"),
    ("E0302", "linear", {"bias": False}, (), None, "`linear` needs its `units`, as in `linear 120`"),
    ("E0303", "conv", {"filter": 64}, (), "filter", "`filter` wants filters such as 64@3x3, not 64"),
    ("E0303", "conv", {"filter": Filter(2.5, (3, 3))}, (), "filter", "not 2.5@3x3"),  # type: ignore[arg-type]
    ("E0303", "conv", {"filter": Filter(2, (1.5, 3))}, (), "filter", "not 2@1.5x3"),  # type: ignore[arg-type]
    ("E0303", "conv", {"filter": F3, "stride": 1.5}, (), "stride", "wants a size such as 3x3, not 1.5"),
    ("E0303", "conv", {"filter": F3, "stride": (1, 2, 3)}, (), "stride", "not 1x2x3"),
    ("E0303", "conv", {"filter": F3, "pad": "full"}, (), "pad", 'or "same", not "full"'),
    ("E0303", "conv", {"filter": F3, "pad": [1, 2, 3]}, (), "pad", "[top, bottom, left, right]"),
    ("E0303", "conv", {"filter": F3, "bias": 1}, (), "bias", "`bias` wants yes or no, not 1"),
    ("E0303", "conv", {"filter": F3, "groups": True}, (), "groups", "wants an integer, not yes"),
    ("E0303", "conv", {"filter": F3, "mode": 3}, (), "mode", '"zeros" or "reflect" or'),
    ("E0303", "conv", {"filter": F3, "init": "hee"}, (), "init", 'not "hee"'),
    ("E0303", "conv", {"filter": F3, "init": "normal(1)"}, (), "init", '"normal(mean, deviation)"'),
    ("E0303", "conv", {"filter": F3, "init": "normal(1, nan)"}, (), "init", 'not "normal(1, nan)"'),
    ("E0303", "conv", {"filter": F3, "init": "he("}, (), "init", 'not "he("'),
    ("E0303", "conv", {"filter": F3, "init": "he()"}, (), "init", 'not "he()"'),
    ("E0303", "conv", {"filter": F3, "weights": "sobel"}, (), "weights", "a number or a list of numbers"),
    ("E0303", "conv", {"filter": F3, "weights": [[]]}, (), "weights", "a number or a list of numbers"),
    ("E0303", "pick", {"channels": []}, (), "channels", "a list of integers, not []"),
    ("E0303", "pick", {"channels": 3}, (), "channels", "a list of integers, not 3"),
    ("E0303", "dropout", {"p": "half"}, (), "p", '`p` wants a number, not "half"'),
    ("E0303", "batchnorm", {"momentum": "none"}, (), "momentum", 'a number or "average", not "none"'),
    ("E0303", "dropout", {"p": find("relu")}, (), "p", "not `relu`"),
    ("E0303", "dropout", {"p": float("inf")}, (), "p", "a number"),
    ("E0303", "upsample", {"factor": "2"}, (), "factor", "a number, or one an axis"),
    ("E0303", "normalize", {"mean": [[1]], "std": 1}, (), "mean", "a number or a list of numbers"),
    ("E0304", "conv", {"filter": F3, "stride": 0}, (), "stride", "`stride` must be at least 1, not 0"),
    ("E0304", "conv", {"filter": F3, "pad": -1}, (), "pad", "must be at least 0, not -1"),
    (
        "E0304",
        "conv",
        {"filter": Filter(0, (3, 3))},
        (),
        "filter",
        "the count of `filter` must be at least 1",
    ),
    (
        "E0304",
        "conv",
        {"filter": Filter(1, (3, 0))},
        (),
        "filter",
        "the kernel of `filter` must be at least 1",
    ),
    ("E0304", "linear", {"units": 2**31}, (), "units", "`units` must stay below 2^31"),
    ("E0304", "conv", {"filter": F3, "bias": False, "biases": 1}, (), "biases", "but `bias=no`"),
    ("E0304", "conv", {"filter": F3, "init": "normal(0, -1)"}, (), "init", "must be at least 0, not -1"),
    ("E0304", "conv", {"filter": F3, "init": "uniform(1, -1)"}, (), "init", "the lower bound first"),
    ("E0304", "linear", {"units": 3, "init": "bilinear"}, (), "init", "`linear` has none"),
    (
        "E0304",
        "conv",
        {"filter": F3, "weights": [[1]]},
        (MAP,),
        "weights",
        "must be 3x3 numbers, or 8 of such",
    ),
    ("E0304", "conv", {"filter": F3, "weights": [KERNEL] * 7}, (MAP,), "weights", "not 7x3x3 numbers"),
    ("E0304", "conv", {"filter": F3, "weights": [[1], [1, 2], [3]]}, (MAP,), "weights", "differ in length"),
    ("E0304", "conv", {"filter": F3, "weights": [1, [1, 2, 3], 1]}, (MAP,), "weights", "differ in length"),
    ("E0304", "conv", {"filter": F3, "biases": [1, 2]}, (MAP,), "biases", "a list of 8, not 2 numbers"),
    (
        "E0304",
        "convtranspose",
        {"filter": Filter(4, (3, 3)), "weights": [KERNEL] * 4, "groups": 2},
        (MAP,),
        "weights",
        "not 4x3x3",
    ),
    ("E0304", "convtranspose", {"filter": F3, "stride": 2, "extra": 2}, (), "extra", "below the stride 2"),
    ("E0304", "linear", {"units": 2, "weights": [[1] * 12]}, (VECTOR,), "weights", "2 rows of 12 numbers"),
    ("E0304", "hardtanh", {"low": 1}, (), "high", "`high=1` must be above `low=1`"),
    ("E0304", "conv", {"filter": F3, "gain": True}, (), "gain", "`gain` is for `standardize=yes`"),
    ("E0304", "conv", {"filter": F3, "standardize": True, "gamma": 2}, (), "gamma", "is for `gain=yes`"),
    ("E0304", "conv", {"filter": F3, "eps": 1}, (), "eps", "`eps` is for `standardize=yes`"),
    ("E0413", "depthwise", {"kernel": 1, "standardize": True}, (MAP,), "standardize", "no deviation"),
    ("E0304", "scale", {"trained": False, "dims": 1}, (), "dims", "`dims` is for a trained tensor"),
    ("E0304", "scale", {"dims": 2}, (MAP,), "dims", "no tensor of 2 axes scales a map per channel"),
    ("E0304", "scale", {"dims": 0}, (VECTOR,), "dims", "no tensor of 0 axes scales a vector per channel"),
    ("E0304", "scale", {"dims": 3, "per": "layer"}, (VECTOR,), "dims", "scales a vector per layer"),
    ("E0304", "blurpool", {"window": 3, "pad": 2}, (), "pad", "`pad=2` is more than half the window's 3"),
    ("E0304", "channelconv", {"kernel": 4}, (), "kernel", "`kernel` must be odd, not 4"),
    ("E0411", "channelconv", {"kernel": 11, "mode": "circular"}, (MAP,), "kernel", "the 4 channels"),
    ("E0411", "blurpool", {"window": 4, "pad": 2}, (Shape(4, 2, 6),), "pad", "the map's height 2"),
    ("E0404", "softmax", {"paths": 3}, (MAP,), "paths", "3 paths do not divide the 4 channels"),
    ("E0304", "maxpool", {"window": 3, "pad": 2}, (), "pad", "`pad=2` is more than half the window's 3"),
    ("E0304", "dropout", {"p": 1.5}, (), "p", "`p` must be at most 1, not 1.5"),
    ("E0304", "avgpool", {"window": 2, "divisor": 0}, (), "divisor", "`divisor` must not be 0"),
    ("E0304", "upsample", {}, (), "size", "either a factor or a `size`"),
    ("E0304", "upsample", {"factor": 2, "size": 3}, (), "size", "either a factor or a `size`"),
    ("E0304", "upsample", {"factor": 2, "align": True}, (), "align", 'needs `mode="bilinear"`'),
    ("E0304", "pad", {"pad": 1, "mode": "reflect", "value": 1}, (), "value", "`value` is for"),
    ("E0304", "crop", {}, (), "sides", "either a size or `sides`"),
    ("E0304", "batchnorm", {"eps": 0}, (), "eps", "must be above 0: PyTorch does not train it"),
    ("E0304", "normalize", {"mean": 0, "std": [1, 0]}, (), "std", "`std` must be above 0"),
    (
        "E0401",
        "conv",
        {"filter": Filter(8, (7, 3))},
        (MAP,),
        "filter",
        "the kernel's height 7 is larger than the map's 6",
    ),
    (
        "E0401",
        "conv",
        {"filter": F3, "dilation": (1, 4), "pad": 1},
        (MAP,),
        "filter",
        "width 9, 3 with dilation 4,",
    ),
    ("E0401", "depthwise", {"kernel": 7}, (MAP,), "kernel", "larger than the map's 6"),
    ("E0401", "convtranspose", {"filter": F3, "pad": 9}, (MAP,), "pad", "`pad=9` leaves no height"),
    (
        "E0401",
        "maxpool",
        {"window": (2, 9), "pad": 1},
        (MAP,),
        "window",
        "width 9 is larger than the padded map's 8",
    ),
    ("E0401", "upsample", {"factor": 0.1}, (MAP,), "factor", "`factor=0.1` leaves nothing of the height 6"),
    ("E0401", "pixelunshuffle", {"factor": 7}, (MAP,), "factor", "squares of 7x7, and the map's height is 6"),
    ("E0402", "add", {}, (MAP, LARGE), None, "`add` wants equal shapes, but 4@6x6 and 64@32x32 arrive"),
    ("E0402", "add", {}, (MAP, MAP, Shape(1, 6, 6)), None, "4@6x6 and 1@6x6"),
    ("E0402", "add", {}, (Shape(4, 6, 6), PIXEL), None, "4@6x6 and 4@1x1"),
    ("E0402", "sub", {}, (MAP, MAP, MAP), None, "`sub` takes two paths, not 3"),
    ("E0402", "sub", {}, (VECTOR, MAP), None, "12 and 4@6x6"),
    ("E0402", "maximum", {}, (MAP, Shape(1, 6, 6)), None, "`maximum` wants equal shapes"),
    ("E0402", "mul", {}, (MAP, Shape(2, 6, 6)), None, "equal shapes or gates such as C@1x1, 1@HxW or C@Hx1"),
    ("E0402", "mul", {}, (MAP, Shape(1, 6, 5)), None, "4@6x6 and 1@6x5"),
    ("E0402", "mul", {}, (MAP, Shape(8, 1, 1)), None, "4@6x6 and 8@1x1"),
    ("E0402", "mul", {}, (MAP, Shape(4, 3, 1)), None, "4@6x6 and 4@3x1"),
    ("E0402", "mul", {}, (MAP, Shape(4)), None, "4@6x6 and 4"),
    ("E0402", "mul", {}, (MAP, Shape(4)), None, "4@6x6 and 4 arrive"),
    ("E0402", "concat", {}, (MAP, Shape(4, 6, 5)), None, "equal heights and widths"),
    ("E0402", "maxunpool", {"window": 2}, (MAP, MAP), None, "map 4@6x6 wants values 4@3x3, but 4@6x6"),
    ("E0402", "maxunpool", {"window": 3}, (PIXEL, PIXEL, MAP), None, "takes two paths, not 3"),
    ("E0401", "maxunpool", {"window": 7}, (PIXEL, MAP), "window", "height 7 is larger than the map's 6"),
    ("E0402", "concat", {}, (MAP, VECTOR), None, "4@6x6 and 12"),
    ("E0404", "conv", {"filter": F3, "groups": 3}, (MAP,), "groups", "3 groups do not divide the 4 channels"),
    ("E0404", "conv", {"filter": Filter(6, (1, 1)), "groups": 4}, (MAP,), "groups", "divide the 6 filters"),
    ("E0404", "convtranspose", {"filter": Filter(6, (1, 1)), "groups": 4}, (MAP,), "groups", "the 6 filters"),
    ("E0404", "groupnorm", {"groups": 32}, (MAP,), "groups", "32 groups do not divide the 4 channels"),
    ("E0404", "evonorms0", {"groups": 3}, (MAP,), "groups", "3 groups do not divide the 4 channels"),
    ("E0404", "channelshuffle", {"groups": 3}, (MAP,), "groups", "3 groups do not divide the 4 channels"),
    ("E0404", "pixelshuffle", {"factor": 3}, (MAP,), "factor", "needs 9 channels for one"),
    ("E0405", "conv", {"filter": F3}, (VECTOR,), None, "works on feature maps, but a vector of 12 features"),
    *[
        ("E0405", name, {}, (VECTOR,), None, f"`{name}` works on feature maps")
        for name in ("grn", "frn", "evonormb0")
    ],
    ("E0405", "dropout", {"mode": "channels"}, (VECTOR,), None, "`dropout` works on feature maps"),
    ("E0405", "linear", {"units": 2, "pointwise": True}, (VECTOR,), None, "`linear` works on feature maps"),
    ("E0406", "unflatten", {"shape": F3}, (MAP,), None, "`unflatten` works on vectors, but a map 4@6x6"),
    ("E0304", "unflatten", {"shape": F3}, (VECTOR,), "shape", "`unflatten 8@3x3` takes 72 features, but 12"),
    ("E0406", "linear", {"units": 2}, (MAP,), None, "`linear` works on vectors, but a map 4@6x6 arrives"),
    (
        "E0410",
        "linear",
        {"units": 2, "in": 400},
        (Shape(256),),
        "in",
        "`linear` takes 400 features but 256 arrive",
    ),
    ("E0410", "conv", {"filter": F3, "in": 3}, (MAP,), "in", "`conv` takes 3 channels but 4 arrive"),
    (
        "E0304",
        "normalize",
        {"mean": [1, 2, 3], "std": 1},
        (MAP,),
        "mean",
        "`mean` has 3 numbers, but 4 channels",
    ),
    ("E0411", "pad", {"pad": 6, "mode": "reflect"}, (MAP,), "pad", "more than the map's height 6"),
    (
        "E0411",
        "conv",
        {"filter": F3, "pad": [0, 0, 7, 0], "mode": "circular"},
        (MAP,),
        "pad",
        "the map's width 6",
    ),
    ("E0412", "crop", {"size": 7}, (MAP,), "size", "`crop 7x7` is larger than the map 4@6x6"),
    ("E0412", "crop", {"sides": 3}, (MAP,), "sides", "leaves nothing of the map 4@6x6"),
    ("E0412", "slice", {"start": 2, "stop": 5}, (MAP,), "stop", "lies behind the 4 channels"),
    ("E0412", "slice", {"start": 4}, (MAP,), "start", "no channel lies from 4 up to 4"),
    ("E0412", "pick", {"channels": [1, 4]}, (MAP,), "channels", "channel 4 is picked, but 4 arrive, 0 to 3"),
    ("E0413", "instancenorm", {}, (PIXEL,), None, "one value a channel has no deviation"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-{row[1]}-{row[5][:30]}")
def test_misfit(row: Row) -> None:
    code, name, arguments, shapes, argument, part = row
    raised = misfit(name, arguments, *shapes)
    assert raised is not None
    assert (raised.code, raised.argument) == (code, argument)
    assert part in raised.message
    assert len(raised.message) < 130
    assert raised.message[-1] != "."


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("linear", "flatten", "unflatten")])
def test_a_vector_is_taken_or_refused_by_name(name: str) -> None:
    given = {"filter": F3, "kernel": 1, "window": 1, "size": 1, "factor": 1, "groups": 2, "channels": [0]}
    given |= {"p": 0.5, "pad": 1, "start": 0, "mean": 0, "std": 1}
    cls = find(name)
    assert cls is not None
    if cls.is_join:
        return
    arguments = {a: given[a] for a, declared in cls.arguments.items() if declared.required}
    if name in ("upsample", "crop"):
        arguments = {"size": 1}
    try:
        assert not cls(**arguments).output(Shape(12)).is_map
    except Misfit as raised:
        assert raised.code == "E0405"
        assert name in raised.message


def test_a_claim_shows_its_numbers() -> None:
    raised = misfit("linear", {"units": 120}, Shape(16, 5, 5))
    assert raised is not None
    assert raised.formula == "flatten makes 16*5*5 = 400 features of it"
    raised = misfit("conv", {"filter": Filter(8, (5, 5))}, Shape(16, 4, 4))
    assert raised is not None
    assert raised.formula == "map 4 < kernel 5"


def test_a_join_says_which_paths_differ() -> None:
    raised = misfit("add", {}, MAP, MAP, LARGE)
    assert raised is not None
    assert raised.message.endswith(f"but {MAP} and {LARGE} arrive")
    raised = misfit("mul", {}, PIXEL, MAP, LARGE)
    assert raised is not None
    assert raised.message.endswith(f"but {MAP} and {LARGE} arrive")


def test_joins_that_fit() -> None:
    for name, shapes, expected in [
        ("add", (MAP, MAP, MAP), MAP),
        ("sub", (VECTOR, VECTOR), VECTOR),
        ("mul", (MAP, PIXEL), MAP),
        ("mul", (PIXEL, MAP, PIXEL), MAP),
        ("mul", (Shape(1, 6, 6), MAP, PIXEL, Shape(1, 1, 1)), MAP),
        ("mul", (Shape(1, 1, 1), PIXEL), PIXEL),
        ("mul", (Shape(4, 6, 1), MAP, Shape(1, 1, 6)), MAP),
        ("mul", (Shape(4, 6, 1), Shape(1, 1, 6)), MAP),
        ("mul", (PIXEL, PIXEL), PIXEL),
        ("maximum", (MAP, MAP), MAP),
        ("minimum", (VECTOR, VECTOR, VECTOR), VECTOR),
        ("mul", (VECTOR, VECTOR), VECTOR),
        ("concat", (MAP, Shape(3, 6, 6)), Shape(7, 6, 6)),
        ("concat", (VECTOR, Shape(3)), Shape(15)),
    ]:
        cls = find(name)
        assert cls is not None
        assert cls().join(shapes) == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "yes"),
        ((3, 3), "3x3"),
        ([1, [2.5, False]], "[1, [2.5, no]]"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, 6, 7, …]"),
        ("x" * 100, '"' + "x" * 58 + "…"),
        (Filter(6, (5, 5)), "6@5x5"),
        (None, "None"),
    ],
)
def test_values_are_shown_as_written(value: object, shown: str) -> None:
    assert describe(value) == shown
