"""Read a .prototxt: the layers that evaluation runs, one after the other, become one model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import repeat

from cnnspec.importers.caffe.layers import CaffeLayer, layers_of, scales_behind
from cnnspec.importers.caffe.net import CaffeNet, LayerReading
from cnnspec.importers.caffe.rows import ROWS
from cnnspec.importers.model import Model, Value
from cnnspec.importers.reading.fields import Field, Fields
from cnnspec.importers.refusals import Refuse, Refused, did_you_mean
from cnnspec.values.shapes import Shape

DATA = ("Data", "DummyData", "HDF5Data", "ImageData", "MemoryData")
LOSSES = (*DATA, "Accuracy", "EuclideanLoss", "SoftmaxLoss", "SoftmaxWithLoss")
"""Types that a file for training has, and one for use has not."""


def read(net: CaffeNet, fields: Fields, inputs: Sequence[Shape], name: str, until: str = "") -> Model:
    """The model of a file's fields, or of the layers before `until`. Raises Refused with all reasons."""
    try:
        fields.skip("name", "force_backward", "debug_info")
        reader = Reader(net, before(layers_of(fields, (*ROWS, *LOSSES)), until), inputs)
        reader.begin(fields)
    except Refuse as refuse:
        net.refuse(refuse)
        raise Refused(net.refusals) from None
    reader.run()
    net.check("the net", fields)
    return net.finish(name, reader.outputs())


def before(parts: list[CaffeLayer], until: str) -> list[CaffeLayer]:
    """The layers before one; all where none is named. Raises Refuse."""
    if not until:
        return parts
    places = [place for place, part in enumerate(parts) if part.name == until]
    if not places or not places[0]:
        what = "there is nothing before" if places else "there is no layer"
        raise Refuse("E1001", f"{what} `{until}`")
    return parts[: places[0]]


class Reader:
    """One reading of a net."""

    def __init__(self, net: CaffeNet, parts: list[CaffeLayer], inputs: Sequence[Shape]) -> None:
        self.net, self.parts = net, parts
        self.given = [*inputs]
        self.count = 0  # of inputs
        # A dict, not a set: outputs come in the order in which they were made.
        self.unread: dict[str, None] = {}
        self.scales = scales_behind(parts)

    def begin(self, fields: Fields) -> None:
        """The inputs, in either form. Raises Refuse."""
        names = [field.scalar for field in fields.all("input")]
        dims = [field.integer() for field in fields.all("input_dim")]
        # The oldest form: four `input_dim` for each `input`.
        shapes = [dims[i : i + 4] for i in range(0, len(dims), 4)]
        shapes += [sizes_of(field) for field in fields.all("input_shape")]
        layers = [part for part in self.parts if part.kind == "Input"]
        self.count = len(names) + sum(len(part.tops) for part in layers)
        if self.given and len(self.given) != self.count:
            raise Refuse("E1001", f"{len(self.given)} shapes are given, and the net has {self.count} inputs")
        if len(shapes) != len(names) and (shapes or not self.given):
            raise Refuse("E1001", f"{len(names)} inputs with {len(shapes)} shapes")
        # Without shapes in the file `input` takes the user's.
        for name, shape in zip(names, shapes or [[]] * len(names), strict=True):
            self.make(name, self.input(name, shape))

    def input(self, name: str, sizes: list[int]) -> Value:
        """An input; its shape is the user's, if he gives any. Raises Refuse."""
        if self.given:
            shape = self.given.pop(0)
        elif len(sizes) not in (2, 4) or min(sizes) < 1:
            raise Refuse("E1005", f"an input of {sizes}: it wants images, channels, height and width")
        else:
            shape = Shape(*sizes[1:])
        return self.net.input(self.net.label(name) if self.count > 1 else "", shape)

    def run(self) -> None:
        for place, part in enumerate(self.parts):
            self.net.line = part.fields.line
            made = self.net.attempt(partial(self.read_part, place, part))
            for top, value in zip(part.tops, made or repeat(None), strict=False):
                self.make(top, value)

    def read_part(self, place: int, part: CaffeLayer) -> list[Value]:
        """What the layer at a place makes, a value for each of its tops. Raises Refuse, Misfit, Unknown."""
        scale = self.parts[self.scales[place]] if place in self.scales else None
        reading = LayerReading(self.net, part, tuple(map(self.take, part.bottoms)), scale)
        # A Scale that was read with its batch norm hands on what that made.
        made = [reading.value] if place in self.scales.values() else self.row(reading)
        if len(made) != len(part.tops):
            raise Refuse("E1004", f"`{part.kind}` with {len(part.tops)} tops")
        self.net.check(f"`{part.kind}`", *part.fields.parts())
        for top in part.tops:
            if top in self.net.values and top not in part.bottoms:
                raise Refuse("E1001", f"`{top}` is made twice")
        return made

    def row(self, reading: LayerReading) -> list[Value]:
        """What a layer makes. Raises Refuse, Misfit, Unknown."""
        part = reading.part
        if part.kind == "Input":
            shapes = [sizes_of(field) for field in part.fields.part("input_param").all("shape")]
            # One shape is that of all tops.
            tops = zip(part.tops, shapes * (len(part.tops) if len(shapes) == 1 else 1), strict=False)
            return [self.input(top, sizes) for top, sizes in tops]
        row = ROWS.get(part.kind)
        if row is None:
            is_loss = part.kind in LOSSES
            hint = ": import the file that is made for use" if is_loss else did_you_mean(part.kind, ROWS)
            raise Refuse("E1003", f"`{part.kind}` has no layer{hint}")
        made = row(reading)
        return made if isinstance(made, list) else [made]

    def take(self, blob: str) -> Value | None:
        """A blob that a layer reads. Raises Refuse."""
        if blob not in self.net.values:
            raise Refuse("E1001", f"nothing makes `{blob}`")
        self.unread.pop(blob, None)
        return self.net.values[blob]

    def make(self, blob: str, value: Value | None) -> None:
        """Note what is under a name from here on; None: a refused layer would have made it."""
        self.net.values[blob] = value
        self.unread[blob] = None

    def outputs(self) -> dict[str, Value]:
        """What no layer reads."""
        found = {blob: self.net.values[blob] for blob in self.unread}
        known = {blob: value for blob, value in found.items() if value is not None}
        return {self.net.label(blob) if len(known) > 1 else "": value for blob, value in known.items()}


def sizes_of(field: Field) -> list[int]:
    """The sizes of a shape. Raises Refuse."""
    return [dim.integer() for dim in field.part.all("dim")]
