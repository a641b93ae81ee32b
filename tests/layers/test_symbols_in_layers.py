"""Widths may be Symbols: what they were computed from survives a layer."""

from __future__ import annotations

from typing import Any

import pytest

from cnnspec.layers import find
from cnnspec.layers.base import Construction
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape
from cnnspec.values.symbols import Polynomial, Symbol, constant, named, polynomial, substitute
from tests.layers.instantiate import make

C, W = named(8, "c"), named(16, "w")
MAP = Shape(C, 6, 6)


def value(number: int, c: int, w: int) -> int:
    """The number, were the widths others."""
    table: dict[str, Polynomial] = {"c": constant(c), "w": constant(w)}
    terms = substitute(polynomial(number), table)
    assert terms == () or terms[0][0] == ()
    return terms[0][1] if terms else 0


ROWS: list[tuple[str, dict[str, Any], Shape]] = [
    ("conv", {"filter": Filter(W, (3, 3))}, MAP),
    ("conv", {"filter": Filter(2 * C, (3, 3)), "groups": C}, MAP),
    ("depthwise", {"kernel": 3, "multiplier": 2}, MAP),
    ("convtranspose", {"filter": Filter(W, (2, 2)), "stride": 2}, MAP),
    ("batchnorm", {}, MAP),
    ("layernorm", {"over": "all"}, MAP),
    ("groupnorm", {"groups": C}, MAP),
    ("prelu", {"per": "channel"}, MAP),
    ("flatten", {}, MAP),
    ("linear", {"units": W}, MAP._replace(height=None, width=None)),
    ("pixelshuffle", {"factor": 2}, Shape(4 * C, 6, 6)),
    ("slice", {"start": 0, "stop": C // 2}, MAP),
    ("slice", {"start": C // 2}, MAP),
    ("scale", {}, MAP),
    ("scale", {"dims": 1}, MAP),
    ("maxpool", {"window": 2}, MAP),
    ("dropout", {}, MAP),
]


def integers(item: Any) -> list[int]:
    if isinstance(item, Construction):
        return integers([*item.args, *item.kwargs.values()])
    if isinstance(item, list | tuple):
        return [n for part in item for n in integers(part)]
    return [item] if isinstance(item, int) and not isinstance(item, bool) else []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_layer_of_other_widths_is_the_same_polynomial(row: tuple[str, dict[str, Any], Shape]) -> None:
    """Widths 8 and 16 with their names, put to 12 and 20, give what 12 and 20 give themselves."""
    name, arguments, x = row

    def at(item: Any) -> Any:
        if isinstance(item, Filter):
            return Filter(at(item.count), item.kernel)
        return value(item, 12, 20) if isinstance(item, Symbol) else item

    layer, other = make(name, **arguments), make(name, **{k: at(v) for k, v in arguments.items()})
    y = x.with_channels(at(x.channels))
    assert at(layer.output(x).channels) == other.output(y).channels
    assert [tuple(map(at, w.shape)) for w in layer.weights(x)] == [w.shape for w in other.weights(y)]
    assert list(map(at, integers(layer.torch(x)))) == integers(other.torch(y))
    assert at(layer.macs(x)) == other.macs(y)


def test_concat_adds_polynomials() -> None:
    concat = find("concat")
    assert concat is not None
    joined = concat().join((MAP, Shape(W, 6, 6), Shape(3, 6, 6)))  # type: ignore[attr-defined]
    assert joined.channels == 27
    assert value(joined.channels, 1, 2) == 6
