"""Published networks of Caffe and Darknet: every size, multiply-accumulate and weight is as is known of them.

What is refused is listed here with its reason; nothing else is. The texts are written and proved for some
here, and for all by `CNNSPEC_LONG=1 python -m pytest tests/importers/test_reference_tables.py`.
"""

from __future__ import annotations

import os
from statistics import median

import pytest

from cnnspec.importers.refusals import Refused
from cnnspec.importers.write import write
from tests.importers.reference import difference, read, table

KINDS = {file: kind for kind in ("caffe", "darknet") for file in table(kind)}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not KINDS, reason="the reference networks are not there"),
]

REFUSED = {
    "alexeyab/cfg_darknet53_448_xnor.cfg": "`xnor` is `1`",
    "alexeyab/cfg_tiny-yolo_xnor.cfg": "`xnor` is `1`",
    "alexeyab/cfg_yolov3-tiny_xnor.cfg": "`xnor` is `1`",
    "bvlc/examples_cifar10_cifar10_full.prototxt": "`LRN` within channels has no layer",
    "netscope/presets_ResNet-34.prototxt": "`use_global_stats` is `false`",
}
"""Signs in place of numbers; squares summed within channels; norms over the batch in evaluation."""

SAMPLE = ["soeaver/cls_resnet_deploy_resnet101.prototxt", "pjreddie/cfg_darknet53.cfg"]


@pytest.mark.parametrize("file", sorted(REFUSED))
def test_what_is_refused_and_why(file: str) -> None:
    with pytest.raises(Refused) as caught:
        read(KINDS[file], file)
    assert REFUSED[file] in str(caught.value)


@pytest.mark.parametrize("file", [file for file in KINDS if file not in REFUSED])
def test_a_network_has_the_figures_of_its_table(file: str) -> None:
    assert difference(KINDS[file], file, read(KINDS[file], file)) == ""


@pytest.mark.slow
def test_texts_are_proved_and_short() -> None:
    files = KINDS if os.environ.get("CNNSPEC_LONG") else SAMPLE
    counts = [write(read(KINDS[file], file).model).count("\n") for file in files if file not in REFUSED]
    assert median(counts) <= 25
