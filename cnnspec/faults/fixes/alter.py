"""Another argument of one layer, such that a size comes out as it is wanted: computed, before it is tried.

From a value back along what it is made of, each layer is asked what another value of an argument would lead
to, the layers after it as they are. Height and width are solved each for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from cnnspec.faults.fixes.flow import ValueStep, runs
from cnnspec.faults.fixes.syntax_tree import (
    KERNELS,
    WINDOWED,
    Tree,
    WrittenCall,
    keyword,
    size_text,
    window_of,
)
from cnnspec.graph.tree import From, Leaf, Lost, Merge, Network, Use, Value
from cnnspec.layers.base import Layer, Misfit
from cnnspec.text import syntax
from cnnspec.text.edits import Edit, insert
from cnnspec.values.kinds import Filter
from cnnspec.values.shapes import Shape, effective

FARTHEST = 24
"""The most layers before a value that are tried."""

MOST = 32
"""The most values of an argument that are tried, however large a kernel or a stride is written."""

Size = tuple[int, int]


class Alteration(NamedTuple):
    """The layer written at `start` with other values for some arguments, each as the language writes it."""

    start: int
    file: str
    texts: Mapping[str, str]


def makers(networks: Sequence[Network]) -> dict[int, ValueStep]:
    """By the id of a value the step that makes it.

    One whose output is its input, a join of a wire, makes none: so who goes from a value to the input of what
    made it comes nearer to the start with every step.
    """
    found = (step for step in runs(networks) if not isinstance(step, From | Lost))
    return {id(step.output): step for step in found if step.output is not step.input}


def upstream(value: Value, made: Mapping[int, ValueStep]) -> list[Leaf]:
    """The layers that a value went through, the last first, up to where its size is not followed further.

    Into blocks, and past joins that leave the size as it was.
    """
    found: list[Leaf] = []
    callers: list[Value] = []
    while len(found) < FARTHEST:
        step = made.get(id(value))
        if isinstance(step, Leaf):
            found.append(step)
            value = step.input
        elif isinstance(step, Use):
            callers.append(step.input)
            value = step.instance.output
        elif isinstance(step, Merge) and map_size(step.input.shape) == map_size(step.output.shape):
            value = step.input
        # No step makes a block's input: it is followed on from what the innermost use reads.
        elif step is None and callers:
            value = callers.pop()
        else:
            break
    return found


def map_size(shape: Shape | None) -> Size | None:
    return shape.size if shape is not None and shape.is_map else None


def changes(layers: Sequence[Leaf], wanted: Size, kind: str) -> Iterator[Alteration]:
    """Changes of a kind to one of the layers, the last first, that make the value's size the wanted one."""
    for i, leaf in enumerate(layers):
        if map_size(leaf.input.shape) is None:
            return
        after = [each.layer for each in reversed(layers[:i])]
        if kind == "factor" and any(map(_loses, layers[i:])):
            return  # pixels were lost on the way: no factor brings them back
        for names, candidates in _candidates(leaf.layer, kind, wanted):
            found = _solve(leaf, after, wanted, names, candidates)
            if found is not None:
                yield Alteration(leaf.span.start, leaf.span.source.name, found)


def _loses(leaf: Leaf) -> bool:
    """Whether a layer leaves pixels unread."""
    shape = leaf.input.shape
    return map_size(shape) is not None and shape is not None and leaf.layer.unread(shape) != (0, 0)


def _candidates(layer: Layer, kind: str, wanted: Size) -> Iterator[tuple[tuple[str, ...], Sequence[Any]]]:
    """Arguments, and what may be tried for them along one axis, the likeliest first."""
    name = layer.name
    if kind == "ceil" and "ceil" in layer.arguments:
        yield ("ceil",), [(not layer.value("ceil"),)]
    elif kind == "extra" and name == "convtranspose":
        extras = range(max(*layer.value("stride"), *layer.value("dilation")))[:MOST]
        pads = range(max(layer.value("filter").kernel))[:MOST]
        yield ("extra",), [(extra,) for extra in extras]
        yield ("pad",), [(pad,) for pad in pads]
        yield ("pad", "extra"), sorted(product(pads, extras), key=lambda both: both[1])
    elif kind == "factor" and name == "upsample":
        argument = "factor" if layer.value("size") is None else "size"
        yield (argument,), [(n,) for n in (range(1, 17) if argument == "factor" else sorted({*wanted}))]
    elif kind == "kernel" and (argument := kernel_argument(layer)) and name in ("conv", "depthwise"):
        kernel = _sides(layer, argument)
        # An odd kernel stays odd: an even one would move the map by half a pixel.
        near = [n for k in kernel for n in range(max(1, k - 8), k + 9) if n % 2 == k % 2 and n > 1]
        yield (argument,), [(n,) for n in sorted({*near}, key=lambda n: abs(n - kernel[0]))]
    elif kind == "pad" and "pad" in layer.arguments and (argument := kernel_argument(layer)):
        if isinstance(layer.value("pad"), str):
            return
        # A 3x3 takes 2 rows away, and 1 on each side keeps the size; an even kernel takes an odd number.
        reach = max(map(effective, _sides(layer, argument), getattr(layer, "dilation", (1, 1)))) - 1
        least = reach // 2
        if name in ("conv", "depthwise") and reach % 2:
            yield ("pad",), [("same",)]
        now = max(layer.value("pad"))
        yield ("pad",), [(pad,) for pad in [least, *range(now + 1, least)[:MOST]]]


def kernel_argument(layer: Layer) -> str:
    """The argument that holds the kernel of what slides a window over a map; "" where nothing does."""
    return next((name for name in KERNELS if name in layer.arguments and layer.name in WINDOWED), "")


def _sides(layer: Layer, argument: str) -> tuple[Any, ...]:
    """A value for each axis, of a pad one for each side."""
    value = layer.value(argument)
    sides: tuple[Any, ...] = value.kernel if isinstance(value, Filter) else value
    return sides


def _solve(
    leaf: Leaf, after: Sequence[Layer], wanted: Size, names: tuple[str, ...], candidates: Sequence[Any]
) -> Mapping[str, str] | None:
    """The first values that make the wanted size, as text; None where there are none."""

    def leads_to(layer: Layer) -> Size | None:
        try:
            layer.settle()
            assert leaf.input.shape is not None
            shape = layer.output(leaf.input.shape)
            for each in after:
                shape = each.output(shape)
        except Misfit:
            return None
        return map_size(shape)

    if isinstance(candidates[0][0], bool | str):  # for both axes together
        fits = (
            value
            for (value,) in candidates
            if leads_to(leaf.layer.with_arguments(**{names[0]: value})) == wanted
        )
        return next(({names[0]: _text(value)} for value in fits), None)
    layer, values = leaf.layer, []
    for axis in (0, 1):
        # Height and width are independent here, so n candidates take 2n trials, not n*n.
        now = tuple(_along(leaf.layer, name, axis) for name in names)
        # First as it is: often one axis alone is wrong.
        tried = ((each, _with(layer, names, axis, each)) for each in [now, *candidates])
        good = ((each, new) for each, new in tried if (size := leads_to(new)) and size[axis] == wanted[axis])
        found, layer = next(good, (None, layer))
        if found is None:
            return None
        values.append(found)
    return {name: _text(down, across) for name, down, across in zip(names, *values, strict=True)}


def _along(layer: Layer, name: str, axis: int) -> Any:
    """An argument's value along one axis."""
    sides = _sides(layer, name)
    return sides[axis * (len(sides) // 2)]


def _with(layer: Layer, names: tuple[str, ...], axis: int, values: tuple[Any, ...]) -> Layer:
    """The layer with other values along one axis."""
    changed: dict[str, Any] = {}
    for name, new in zip(names, values, strict=True):
        old = layer.value(name)
        sides = list(_sides(layer, name))
        each = len(sides) // 2  # two where a pad has four sides
        sides[axis * each : (axis + 1) * each] = [new] * each
        changed[name] = Filter(old.count, tuple(sides)) if isinstance(old, Filter) else tuple(sides)
    return layer.with_arguments(**changed)


def _text(down: Any, across: Any = None) -> str:
    if isinstance(down, bool):
        return "yes" if down else "no"
    if isinstance(down, str):
        return f'"{down}"'
    return size_text(down, across)


def change_edits(tree: Tree, change: Alteration) -> tuple[Edit, ...] | None:
    """The edits that make a change of a layer; None where it is written otherwise.

    Only what is written in figures is written anew, and the kernel where it stands.
    """
    found = next((at.call for at in tree.calls if at.call.span.start == change.start), None)
    if found is None or change.file != tree.source.name:
        return None
    edits: list[Edit] = []
    for name, text in change.texts.items():
        given = keyword(found, name)
        if name in KERNELS:
            node: syntax.Expression | None = window_of(found)
        elif name == "factor" and found.positional:
            node = found.positional[0]
        else:
            node = given.value if given is not None else None
            if node is None:
                edits.append(insert(found.span.source, found.span.end, f" {name}={text}"))
                continue
        if not isinstance(node, syntax.Literal):
            return None
        edits.append(Edit(node.span, text_like(text, node.value)))
    return tuple(edits)


def text_like(text: str, old: object) -> str:
    """A size in the form that the old one had: `5x5` in place of `3x3`."""
    return f"{text}x{text}" if isinstance(old, tuple) and text.isdigit() else text


def change_words(tree: Tree, change: Alteration) -> tuple[str, WrittenCall]:
    """`pad=2 extra=1`, a kernel without its argument's name, as it is written; and the call."""
    words = (
        text_like(text, ()) if name in KERNELS else f"{name}={text}" for name, text in change.texts.items()
    )
    return " ".join(words), tree.call_from(change.start)
