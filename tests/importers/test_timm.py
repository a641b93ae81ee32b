"""timm's convolutional networks, one a family; `python -m benchmarks.imports --timm` imports all of them."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from cnnspec.compiler import check_text  # noqa: E402
from cnnspec.importers.from_network import model_of  # noqa: E402
from cnnspec.importers.torch.read import read  # noqa: E402
from cnnspec.importers.torch.sources import load  # noqa: E402
from cnnspec.importers.write import write  # noqa: E402
from cnnspec.values.shapes import Shape  # noqa: E402
from tests.importers.running import largest_difference  # noqa: E402
from tests.importers.test_blocks import lines  # noqa: E402

pytestmark = pytest.mark.slow

NETS = """
convmixer_768_32 convnext_atto convnext_atto_rms convnextv2_atto cs3darknet_focus_s cspdarknet53 densenet121
densenetblur121d dla34 dla60_res2net dpn68b eca_resnext26ts efficientnet_b0 efficientnet_blur_b0
ese_vovnet19b_dw fasternet_t0 ghostnetv2_100 hardcorenas_a hrnet_w18_small inception_next_atto inception_v4
legacy_seresnet18 mambaout_femto mixnet_s mobilenetv4_conv_small mobileone_s0 nf_regnet_b1 nf_resnet26
poolformer_s12 rdnet_tiny regnety_002 repghostnet_050 repvgg_a0 repvit_m0_9 res2net50_26w_4s resnest14d
resnetv2_50d_evos resnetv2_50d_frn rexnet_100 selecsls42b skresnet18 starnet_s1 tf_efficientnetv2_b0 vgg11_bn
xception41
"""

MOST_LINES = {"dla34": 40, "ghostnetv2_100": 59, "mixnet_s": 56, "nf_regnet_b1": 32, "rdnet_tiny": 37}
"""Lines that are neither blank nor comments."""


@pytest.fixture(scope="module")
def timm(torchvision: Any) -> Any:
    """timm, which imports torchvision."""
    del torchvision
    return pytest.importorskip("timm")


@pytest.mark.parametrize("name", NETS.split())
def test_a_net_of_timm_has_its_keys(timm: Any, name: str) -> None:
    """The text proves itself; what it proves is the model that was read, with all tensors of the module."""
    if not timm.is_model(name):
        pytest.skip("another version of timm")
    module = load(f"timm:{name}")
    text = write(read(module, [Shape(*module.default_cfg["input_size"])]))
    assert lines(text) <= MOST_LINES.get(name, 200)
    operations = model_of(check_text(text).networks[0]).operations
    found = {operation.keys[w.name]: w.shape for operation in operations for w in weights(operation)}
    assert found == {key: tuple(tensor.shape) for key, tensor in module.state_dict().items()}


def test_evonorm_b0_is_timm_s(timm: Any) -> None:
    """No net of timm has it: it is held against timm's own module, in a net of one."""
    norm = timm.layers.EvoNorm2dB0(8)
    torch.nn.init.normal_(norm.v)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), norm)
    model = read(net, [Shape(3, 8, 6)])
    assert [operation.layer.name for operation in model.operations] == ["conv", "evonormb0"]
    assert "evonormb0 eps=0.001" in write(model)
    for is_training in (True, False):
        images = torch.randn(2, 3, 8, 6)
        assert largest_difference(net, model, images, training=is_training) <= 1e-6


def weights(operation: Any) -> Any:
    """The tensors of a layer."""
    return operation.layer.weights(operation.inputs[0].shape) if operation.keys else ()
