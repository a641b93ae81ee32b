"""What the picture says: a layer's words, shapes, numbers."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence

from cnnspec.draw.diagram.model import Box, Cluster, Count, Diagram, Edge, boxes
from cnnspec.draw.look import Look
from cnnspec.draw.names import plain
from cnnspec.layers.base import Layer
from cnnspec.values.kinds import describe, is_integer
from cnnspec.values.shapes import Shape

SILENT = frozenset(
    ("bias", "eps", "momentum", "affine", "track", "init", "weights", "biases", "in", "mean", "std")
) | {"gamma", "dims"}
"""Arguments that a picture leaves to the table."""

VARIABLE = ("p", "channels")  # arguments that copies may differ in, of dropouts and of `pick`
TITLE = 16  # characters of a line in the title of a cluster
BREAKS = re.compile(r" (?=[a-z])")  # before an argument, not between its name and its value, nor a stride
SYMBOLS = {"add": "+", "sub": "−", "mul": "×", "concat": "concat"}


def layer_words(layer: Layer, variable: str | None = None) -> str:
    """`conv 64@3x3 /2 pad 1`: the layer with the arguments that are not what they always are.

    `convtranspose 64@2x2 stride 2`, for it enlarges. `variable`: what stands for what copies differ in.
    """
    words = [layer.name]
    for name, argument in layer.arguments.items():
        value = layer.value(name)
        # `depthwise 3x3`, not `depthwise 3x3 1`: a number that is as by default is not told
        if name in SILENT or value is None or (argument.kind == "count" and value == argument.default):
            continue
        if name == "stride":
            # Behind a slash a stride is read as a division: a transposed convolution multiplies.
            sign = "stride " if "extra" in layer.arguments else "/"
            if value != (1, 1):
                words.append(sign + size_words(value))
        elif name in VARIABLE and variable is not None:
            words.append(variable)
        elif name in layer.positional:
            words.append("x".join(map(str, value)) if argument.kind == "size" else value_words(value))
        elif value != argument.default:
            words.append(
                name if value is True else f"no {name}" if value is False else f"{name} {value_words(value)}"
            )
    return " ".join(words)


def brief_words(layer: Layer) -> str:
    """`conv 64`, `linear 10`, `maxpool`: the layer and how many channels it makes, where it says so."""
    for name in layer.positional:
        if layer.arguments[name].kind == "filter":
            return f"{layer.name} {layer.value(name).count}"
        if name == "units":
            return f"{layer.name} {layer.value(name)}"
    return layer.name


def value_words(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple) and len(value) in (2, 4) and all(isinstance(side, int) for side in value):
        return size_words(value)
    if isinstance(value, float):
        return f"{value:g}"
    return describe(value).replace("`", "")


def argument_words(name: str, value: object) -> str:
    """What is said of a block's argument: `kernel 5`, `/2`, `mode=up`, a switch by its name."""
    if name == "stride":
        return "" if value in (1, (1, 1)) else f"/{plain(value_words(value))}"
    if value is True:
        return plain(name)
    between = " " if is_integer(value) or type(value) is tuple else "="
    return plain(f"{name}{between}{value_words(value)}")


def size_words(size: tuple[int, ...]) -> str:
    """`2` or `2x1`; a pad of four sides as `1`, `1x2` or `0,1,0,1`."""
    if len(size) == 4:
        top, bottom, left, right = size
        # 0,1,0,1 pads below and on the right alone; 1,1,2,2 is said as 1x2
        if (top, left) != (bottom, right):
            return ",".join(map(str, size))
        size = (top, left)
    return str(size[0]) if size[0] == size[1] else "x".join(map(str, size))


def between(count: Count) -> str:
    least, most = count.least, count.most
    return f"{least:,}" if least == most else f"{least:,}…{most:,}"


def edge_lines(edge: Edge, look: Look) -> list[str]:
    """The shape, if shapes are shown; at a fault always, and what is at odds with it."""
    shape = [shape_words(edge)] if edge.fault or "shapes" in look.show else []
    return shape + fill_lines(fault_words(edge).split(), " ", look.letters)


def fault_words(edge: Edge) -> str:
    """`400 ≠ 256`: what is at odds with the value."""
    return plain(edge.fault, 200).replace("!=", "≠")


def shape_words(edge: Edge) -> str:
    """`64@56x56`; with folded copies of growing depth `64…224@56x56`; of several values `64@56x56 ×3`."""
    first, last = edge.first, edge.last
    times = f" ×{edge.times}" if edge.times > 1 else ""
    if first == last:
        return f"{Shape(int(first.channels), first.height, first.width)}{times}"
    size = "" if first.height is None else f"@{first.height}x{first.width}"
    return f"{int(first.channels)}…{int(last.channels)}{size}{times}"


def odds(diagram: Diagram) -> dict[int, str]:
    """By box, what does not fit: of a join both shapes, of a layer both numbers, of a claim the claim."""
    kinds = {box.number: box.kind for box in boxes(diagram.items)}
    found: dict[int, str] = {}
    for edge in diagram.edges:
        if edge.fault and kinds[edge.head] != "fault":
            found[edge.tail] = fault_words(edge)
        elif edge.fault and edge.head not in found:
            # a join's `≠ 8@8x8` lacks what arrives: `4@8x8 ≠ 8@8x8`; a layer's `400 != 256` tells both
            unlike = edge.fault.startswith("≠")
            found[edge.head] = f"{shape_words(edge)} {fault_words(edge)}" if unlike else fault_words(edge)
    return found


def box_lines(box: Box, look: Look) -> list[str]:
    """The lines in a box: its layer, what follows the layer, its parameters and MACs."""
    show, width = look.show, look.letters
    first, *others = map(plain, box.parts if "kernel" in show else box.briefs)
    if box.kind == "join":
        return [SYMBOLS.get(first, first), *others]
    label, times = [f"{plain(box.label)}:"] * bool(box.label), [f"×{box.times}"] * (box.times > 1)
    # Between an argument's name and its value a line is broken only where that saves one.
    broken = (
        fill_lines([*label, *words, *times], " ", width)
        for words in (pieces(first, width), first.split() or [first])
    )
    lines = min(broken, key=len)
    for line in fill_lines(others, ", ", width):
        lines += [line] if len(line) <= width else fill_lines(pieces(line, width), " ", width)
    each = " each" if box.times > 1 else ""
    if box.shared and box.kind in ("conv", "linear", "norm", "block"):
        lines.append("shared weights")
    elif box.params.most and "params" in show:
        lines += fill_lines([between(box.params), f"params{each}"], " ", width)
    if box.macs.most and "macs" in show:
        lines += fill_lines([between(box.macs), f"MACs{each}"], " ", width)
    return lines


def pieces(words: str, width: int) -> list[str]:
    """A layer's words where they may be broken: between an argument's name and value only where they must."""
    found = BREAKS.split(words)
    return [word for piece in found for word in ([piece] if len(piece) <= width else piece.split())]


def fill_lines(
    words: Sequence[str], between: str, width: float, measure: Callable[[str], float] = len
) -> list[str]:
    """Words in lines of some width, a longer word on a line of its own."""
    lines: list[str] = []
    for word in words:
        if lines and measure(lines[-1] + between + word) <= width:
            lines[-1] += between + word
        else:
            lines.append(word)
    return lines


def cluster_lines(cluster: Cluster, params: int, macs: int, look: Look, continued: bool) -> list[str]:
    """`layer1:`, `Bottleneck ×3`, `216k params`: a title in lines, or where it has room beside it, in one."""
    width = TITLE if look.direction == "tb" else sys.maxsize
    name, times = plain(cluster.name), f" ×{cluster.times}" if cluster.times > 1 else ""
    if cluster.kind == "path":
        times = f"{cluster.times} paths"
    label = [f"{plain(cluster.label)}:"] if cluster.label else []
    said = []
    if continued:
        said.append("continued")
    elif cluster.shared:
        said.append("shared weights")
    elif params and "params" in look.show:
        said.append(f"{three_digits(params)} params")
    if macs and "macs" in look.show and not continued:
        said.append(f"{three_digits(macs)} MACs")
    # the last line of the name goes on with the facts, by commas, if there is room
    *above, last = fill_lines([*label, f"{name}{times}".strip()], " ", width)
    return [*above, *fill_lines([words for words in (last, *said) if words], ", ", width)]


def three_digits(number: int) -> str:
    """Three digits: `940`, `64.5k`, `39.1M`, `1.20G`."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        # from 999,500 on `1.00M`: rounded to three digits it would be `1000k`
        if number >= size - size // 2000:
            value = number / size
            # 9.99, 10.0, 99.9, 100: one decimal less from where rounding gives one digit more
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}{unit}"
    return str(number)
