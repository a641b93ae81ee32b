"""Broken and hostile sources: whatever the bytes, a specification or reasons come out, in bounded memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from cnnspec.importers.readers import load  # noqa: E402
from cnnspec.importers.refusals import Refused  # noqa: E402
from cnnspec.importers.write import write  # noqa: E402
from tests.importers.classic import caffemodel, darknet_weights  # noqa: E402
from tests.importers.test_caffe_reader import NEW  # noqa: E402

pytestmark = pytest.mark.slow

CFG = """[net]
height=24
width=24
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
pad=1
activation=leaky
[maxpool]
size=2
stride=2
[convolutional]
filters=8
size=1
activation=linear
[shortcut]
from=-2
[route]
layers=-1,-2
[connected]
output=5
activation=linear
[softmax]
"""
SOURCES = {"net.prototxt": NEW.encode(), "net.cfg": CFG.encode()}
NUMBERS = (b"0", b"-1", b"2147483647", b"99999999999999999999", b"1e9", b"0.5", b"")


def bring(folder: Path, name: str, data: bytes, weights: str = "") -> str:
    """What comes out of a source, or of the reasons against it."""
    path = folder / name
    path.write_bytes(data)
    try:
        loaded = load(str(path), weights)
        model = loaded.read([], loaded.name)
        if weights:
            loaded.weights([key for operation in model.operations for key in operation.keys.values()])
        return write(model)
    except Refused as refused:
        return f"refused: {refused}"


def variants(data: bytes, step: int, flips: int) -> Iterator[bytes]:
    """The bytes cut off at every so many-th, and so many times with some bits turned."""
    chance = random.Random(0)
    yield from (data[:stop] for stop in range(0, len(data), step))
    for _ in range(flips):
        turned = bytearray(data)
        for _ in range(chance.choice((1, 1, 3))):
            turned[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield bytes(turned)


@pytest.mark.parametrize("name", SOURCES)
def test_cut_off_and_turned_sources(name: str, tmp_path: Path) -> None:
    data = SOURCES[name]
    assert bring(tmp_path, name, data).startswith("net ")
    found = [bring(tmp_path, name, each) for each in variants(data, 23, 150)]
    assert sum(each.startswith("refused") for each in found) > len(found) // 2


@pytest.mark.parametrize("name", SOURCES)
def test_numbers_of_any_size(name: str, tmp_path: Path) -> None:
    data = SOURCES[name]
    digits = [place for place, byte in enumerate(data) if 48 <= byte < 58]
    for place in digits:
        for number in NUMBERS:
            bring(tmp_path, name, data[:place] + number + data[place + 1 :])


@pytest.mark.parametrize("name", SOURCES)
def test_weights_of_any_bytes(name: str, tmp_path: Path) -> None:
    if name == "net.cfg":
        count = 8 * 3 + 8 + 8 * 27 + 8 + 64 + 5 + 5 * 16 * 144
        whole = darknet_weights(np.zeros(count))
    else:
        shapes = {"conv1/3x3": [(8, 3, 3, 3), (8,)], "fc": [(10, 2048), (10,)]}
        whole = caffemodel({layer: [np.zeros(shape) for shape in each] for layer, each in shapes.items()})
    weights = tmp_path / "net.weights"
    weights.write_bytes(whole)
    assert bring(tmp_path, name, SOURCES[name], str(weights)).startswith("net ")
    head = whole[:600]  # the tensors behind are zeros
    for part in variants(head, 13, 60):
        weights.write_bytes(part + whole[600:] if len(part) == 600 else part)
        bring(tmp_path, name, SOURCES[name], str(weights))
    weights.unlink()
    assert bring(tmp_path, name, SOURCES[name], str(weights)).startswith("refused")


BIG = {
    "braces": ("net.prototxt", b"a{" * 50_000, "the file ends in the midst of a field"),
    "closed braces": ("net.prototxt", b"a{" * 20_000 + b"}" * 20_000, "the net with `a`"),
    "braces in a layer": ("net.prototxt", b"layer{" + b"a{" * 9_000 + b"}" * 9_001, "has no layer"),
    "list": ("net.prototxt", b"a: [" + b"1," * 20_000 + b"1]", "the net with `a`"),
    "string": ("net.prototxt", b'a: "' + b"x" * 100_000, "has no meaning here"),
    "layers": ("net.cfg", CFG.encode() + b"[logistic]\n" * 6_000, "more than 3,000 layers"),
    "paths": ("net.cfg", CFG.encode() + b"[route]\nlayers=" + b"-1," * 101, "a join of 101 values"),
    "doubling": ("net.cfg", CFG.encode() + b"[route]\nlayers=-1,-1\n" * 100, "more than 2^40 numbers"),
    "filters": (
        "net.cfg",
        CFG.replace("filters=8", "filters=2147483647").encode(),
        "more than 2^40 numbers",
    ),
    "length": ("net.cfg", bytes(1_100_000), "has more than 1,048,576 bytes"),
}


@pytest.mark.parametrize("name", BIG)
def test_what_is_too_much_is_refused(name: str, tmp_path: Path) -> None:
    file, data, wanted = BIG[name]
    assert wanted in bring(tmp_path, file, data)
