"""A .prototxt as a source, with the .caffemodel that has its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnspec.importers import prove
from cnnspec.importers.caffe.net import Blob, CaffeNet
from cnnspec.importers.caffe.prototxt import parse
from cnnspec.importers.caffe.read import read
from cnnspec.importers.model import Model
from cnnspec.importers.reading.text_files import LoadedText
from cnnspec.importers.refusals import Refusal, Refused
from cnnspec.importers.wording.free_names import from_class, from_file
from cnnspec.values.shapes import Shape

if TYPE_CHECKING:
    from cnnspec.importers.caffe.caffemodel import BlobData
    from cnnspec.importers.reading.arrays import Array


class LoadedPrototxt(LoadedText):
    """A net as its file describes it. `name` is what the file calls it, else the file's."""

    suffix = ".caffemodel"

    def __init__(self, source: str, weights: str, until: str) -> None:
        super().__init__(source, weights, until)
        self.fields = parse(self.path.name, self.text)
        names = self.fields.fields.get("name", [])
        self.name = from_class(str(names[0].value), "Net") if names else from_file(self.path.stem)
        self.blobs: dict[str, Blob] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}

    def read(self, inputs: Sequence[Shape], name: str) -> Model:
        net = CaffeNet(self.path.name)
        model = read(net, self.fields, inputs, name, self.until)
        self.blobs, self.shapes = net.blobs, prove.keys(model)
        return model

    def read_weights(self, path: Path, keys: Sequence[str]) -> dict[str, Array]:
        from cnnspec.importers.caffe import caffemodel

        try:
            stored = caffemodel.read(path)
        except caffemodel.BrokenCaffemodel as problem:
            raise Refused(
                [Refusal("E1001", f"{path} is no .caffemodel, or not all of it: {problem}")]
            ) from None
        found: dict[str, Array] = {}
        refusals = []
        for key in filter(self.blobs.__contains__, keys):
            blob = self.blobs[key]
            try:
                found[key] = tensor(stored, blob, self.shapes[key])
            except (caffemodel.BrokenCaffemodel, LookupError) as problem:
                refusals.append(Refusal("E1006", f"{path}: `{blob.layer}`: {problem.args[0]}"))
        if refusals:
            raise Refused(refusals)
        return found


def tensor(stored: dict[str, list[BlobData]], blob: Blob, shape: tuple[int, ...]) -> Array:
    """A tensor as a layer of ours has it. Raises LookupError, Broken."""
    numbers = numbers_of(stored, blob.layer, blob.number)
    stored_as = shape[::-1] if blob.how == "transposed" else shape
    # Older files give every blob four axes, some of length 1; older batch norms give none.
    lengths, wanted = ([length for length in axes if length != 1] for axes in (numbers.shape, stored_as))
    if lengths != wanted:
        raise LookupError(f"blob {blob.number} is {words(numbers.shape)}, and {words(stored_as)} is wanted")
    if blob.how == "average":
        factor = numbers_of(stored, blob.layer, 2).ravel()
        if factor.size != 1:
            raise LookupError("the factor of its statistics is no single number")
        # Caffe's own rule: where nothing was ever added up, the statistics are 0.
        numbers = numbers / factor if factor[0] else numbers * 0
    numbers = numbers.reshape(stored_as)
    return numbers.T if blob.how == "transposed" else numbers


def numbers_of(stored: dict[str, list[BlobData]], layer: str, number: int) -> Array:
    blobs = stored.get(layer, [])
    if number >= len(blobs):
        raise LookupError(f"there is no blob {number} of it" if blobs else "it has no blobs")
    return blobs[number].numbers()


def words(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "a number"


load = LoadedPrototxt
