"""Nets of Caffe and Darknet for tests: their weights made at random, written as files, and run."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from cnnspec.analysis.unroll import unroll
from cnnspec.compiler import check_text
from cnnspec.importers.readers import load
from cnnspec.importers.write import specify
from cnnspec.run import programs
from cnnspec.run.programs import Array


def record(number: int, data: bytes) -> bytes:
    """A field of protocol buffers that is bytes, a string or a message."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def blob(numbers: Array, old: bool = False) -> bytes:
    """A BlobProto; `old` has four sizes in fields of their own."""
    data = record(5, numbers.astype("<f4").tobytes())
    if not old:
        return record(7, record(1, b"".join(map(varint, numbers.shape)))) + data
    sizes = (1,) * (4 - numbers.ndim) + numbers.shape
    return b"".join(varint(i << 3) + varint(size) for i, size in enumerate(sizes, 1)) + data


def caffemodel(layers: dict[str, list[Array]], old: bool = False) -> bytes:
    """A NetParameter with the blobs of each layer, in the syntax V2 or, `old`, V1."""
    layer, name, number = (2, 4, 6) if old else (100, 1, 7)
    return record(1, b"net") + b"".join(
        record(
            layer, record(name, label.encode()) + b"".join(record(number, blob(each, old)) for each in blobs)
        )
        for label, blobs in layers.items()
    )


def specification(source: Path, weights: Path, until: str = "") -> tuple[str, dict[str, Array]]:
    """The text of a source, and its weights under the text's keys."""
    loaded = load(str(source), str(weights), until)
    text, keys = specify(loaded.read([], loaded.name))
    tensors = loaded.weights([*keys.values()])
    return text, {own: tensors[key] for own, key in keys.items()}


def outputs(text: str, weights: dict[str, Array], *images: Array, backend: str = "numpy") -> list[Array]:
    """What the program of a text makes of images (N, C, H, W)."""
    (network,) = check_text(text).networks
    program: Any = programs.load(backend, network, unroll(network))
    assert weights.keys() == program.state().keys()
    program.put(weights)
    return [value for name, value in program.run([*images]).items() if name.startswith("output")]


def darknet_weights(numbers: Array, revision: int = 5) -> bytes:
    """A file of this revision of the version 0.2 that has these numbers."""
    return struct.pack("<iiiq", 0, 2, revision, 0) + numbers.astype("<f4").tobytes()
