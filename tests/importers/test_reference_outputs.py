"""Published networks of Caffe and Darknet with weights made at random: their outputs are those of OpenCV.

OpenCV has readers of its own for both. Some networks are tried here, and all that it reads, those of up to 70
million weights, by `CNNSPEC_LONG=1 python -m pytest tests/importers/test_reference_outputs.py`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
cv2 = pytest.importorskip("cv2")

from cnnspec.importers.caffe.loaded import LoadedPrototxt  # noqa: E402
from cnnspec.importers.darknet.loaded import LoadedCfg  # noqa: E402
from cnnspec.run.programs import Array  # noqa: E402
from tests.importers.classic import caffemodel, darknet_weights, outputs, specification  # noqa: E402
from tests.importers.reference import FOLDER, first_head, table  # noqa: E402
from tests.importers.test_reference_tables import KINDS, REFUSED  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not KINDS, reason="the reference networks are not there"),
]

MOST_WEIGHTS = 70e6

UNEQUAL = "a shortcut of unequal maps"
NOT_OF_OPENCV = {
    "alexeyab/cfg_efficientnet-lite3.cfg": "relu6",
    "alexeyab/cfg_yolov4-sam-mish-csp-reorg-bfm.cfg": "reorg3d",
    "alexeyab/cfg_go.test.cfg": "a softmax over the pixels of a map, too",
    "pjreddie/cfg_go.cfg": "a softmax over the pixels of a map, too",
    "alexeyab/cfg_cifar.test.cfg": "a temperature",
    "pjreddie/cfg_cifar.test.cfg": "a temperature",
    "alexeyab/cfg_strided.cfg": "crop",
    **{
        f"{author}/cfg_{net}.cfg": UNEQUAL
        for author in ("alexeyab", "pjreddie")
        for net in ("resnet34", "resnet50", "resnet101", "resnet152", "resnext101-32x4d", "resnext152-32x4d")
    },
    "alexeyab/cfg_resnet152_trident.cfg": UNEQUAL,
}
"""What it does not know, or, as the temperature, passes over."""

SAMPLE = ["soeaver/cls_resnet_deploy_resnet10-1x32d.prototxt", "pjreddie/cfg_yolov3-tiny.cfg"]
FILES = [file for file in KINDS if file not in REFUSED and file not in NOT_OF_OPENCV]


def random(key: str, shape: tuple[int, ...], chance: Any) -> Array:
    """Numbers that keep values near 1 in a deep network, and classes near each other."""
    name = key.rpartition(".")[2]
    if name == "running_var":
        found = chance.uniform(0.5, 1.5, shape)
    elif name in ("running_mean", "bias"):
        found = chance.normal(0, 0.1, shape)
    elif len(shape) == 1:
        found = chance.uniform(0.2, 0.5, shape)
    else:
        found = chance.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        found *= 0.02 if shape[0] == 1000 else 1
    made: Array = found.astype("f4")
    return made


def with_caffe(file: str, folder: Path) -> tuple[Path, Path, Any]:
    """Its source, its weights, and OpenCV's net of both."""
    source, weights = FOLDER / "caffe" / file, folder / "net.caffemodel"
    loaded = LoadedPrototxt(source, "", "")
    loaded.read([], "Net")
    chance = np.random.default_rng(0)
    layers: dict[str, dict[int, Array]] = {}
    for key, blob in loaded.blobs.items():
        blobs = layers.setdefault(blob.layer, {})
        blobs[blob.number] = random(key, loaded.shapes[key], chance)
        if blob.how == "average":
            blobs[2] = np.ones(1, "f4")
    numbers = {name: [blobs[place] for place in sorted(blobs)] for name, blobs in layers.items()}
    weights.write_bytes(caffemodel(numbers))
    return source, weights, cv2.dnn.readNetFromCaffe(str(source), str(weights))


def with_darknet(file: str, folder: Path, until: str) -> tuple[Path, Path, Any]:
    """Its source, its weights, and OpenCV's net of both, without losses and what lies behind the backbone."""
    source, weights, part = FOLDER / "darknet" / file, folder / "net.weights", folder / "part.cfg"
    loaded = LoadedCfg(source, "", until)
    loaded.read([], "Net")
    chance = np.random.default_rng(0)
    weights.write_bytes(
        darknet_weights(np.concatenate([random(t.key, t.shape, chance).ravel() for t in loaded.slots]))
    )
    text = source.read_text()
    starts = [found.start() for found in re.finditer(r"(?m)^\s*\[", text)]
    text = text[: starts[int(until) + 1]] if until else text
    part.write_text(re.sub(r"(?m)^\s*\[cost\][^\[]*", "", text))
    return source, weights, cv2.dnn.readNetFromDarknet(str(part), str(weights))


@pytest.mark.parametrize("file", FILES if os.environ.get("CNNSPEC_LONG") else SAMPLE)
def test_outputs_are_those_of_opencv(file: str, tmp_path: Path) -> None:
    row = table(KINDS[file])[file]
    if row.get("params", row.get("weights_floats", 0)) > MOST_WEIGHTS:
        pytest.skip("it is large")
    until = "" if KINDS[file] == "caffe" else first_head(row)
    if KINDS[file] == "caffe":
        source, weights, net = with_caffe(file, tmp_path)
    else:
        source, weights, net = with_darknet(file, tmp_path, until)
    text, tensors = specification(source, weights, until)
    sizes = [int(size) for size in re.findall(r"\d+", text.partition("input ")[2].partition("\n")[0])]
    image = np.random.default_rng(1).normal(size=(1, *sizes)).astype("f4")
    net.setInput(image)
    theirs = net.forward(net.getUnconnectedOutLayersNames())
    for ours in outputs(text, tensors, image):
        alike = [other for other in theirs if other.size == ours.size]
        gaps = [np.abs(ours.ravel() - other.ravel()).max() / np.abs(other).max() for other in alike]
        assert min(gaps) < 2e-5  # OpenCV's epsilon for Darknet is 1e-6
