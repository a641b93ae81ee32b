"""The zoo as the tests know it: its nets, what each is elsewhere, and how to check and build them."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from cnnspec.backends import emit
from cnnspec.compiler import Checked, check
from cnnspec.elaborate.settings import Settings, parse_shape
from cnnspec.graph.tree import Network
from cnnspec.text.files import read, read_used
from cnnspec.text.source import Source

SPECS = Path(__file__).parents[2] / "specs"

TORCHVISION = {  # net: its file, torchvision's name for it
    "AlexNet": ("alexnet", "alexnet"),
    "ConvNeXtTiny": ("convnext", "convnext_tiny"),
    "ConvNeXtSmall": ("convnext", "convnext_small"),
    "ConvNeXtBase": ("convnext", "convnext_base"),
    "ConvNeXtLarge": ("convnext", "convnext_large"),
    "DeepLabV3ResNet50": ("deeplab", "deeplabv3_resnet50"),
    "DeepLabV3ResNet101": ("deeplab", "deeplabv3_resnet101"),
    "DenseNet121": ("densenet", "densenet121"),
    "DenseNet161": ("densenet", "densenet161"),
    "DenseNet169": ("densenet", "densenet169"),
    "DenseNet201": ("densenet", "densenet201"),
    "EfficientNetB0": ("efficientnet", "efficientnet_b0"),
    "EfficientNetB1": ("efficientnet", "efficientnet_b1"),
    "EfficientNetB2": ("efficientnet", "efficientnet_b2"),
    "EfficientNetB3": ("efficientnet", "efficientnet_b3"),
    "EfficientNetB4": ("efficientnet", "efficientnet_b4"),
    "EfficientNetB5": ("efficientnet", "efficientnet_b5"),
    "EfficientNetB6": ("efficientnet", "efficientnet_b6"),
    "EfficientNetB7": ("efficientnet", "efficientnet_b7"),
    "FCNResNet50": ("deeplab", "fcn_resnet50"),
    "FCNResNet101": ("deeplab", "fcn_resnet101"),
    "GoogLeNet": ("googlenet", "googlenet"),
    "InceptionV3": ("inception_v3", "inception_v3"),
    "MNASNet1": ("mnasnet", "mnasnet1_0"),
    "MNASNet05": ("mnasnet", "mnasnet0_5"),
    "MNASNet075": ("mnasnet", "mnasnet0_75"),
    "MNASNet13": ("mnasnet", "mnasnet1_3"),
    "MobileNetV2": ("mobilenet_v2", "mobilenet_v2"),
    "MobileNetV3Large": ("mobilenet_v3", "mobilenet_v3_large"),
    "MobileNetV3Small": ("mobilenet_v3", "mobilenet_v3_small"),
    "RegNetY400MF": ("regnet", "regnet_y_400mf"),
    "RegNetY800MF": ("regnet", "regnet_y_800mf"),
    "RegNetY1_6GF": ("regnet", "regnet_y_1_6gf"),
    "RegNetY3_2GF": ("regnet", "regnet_y_3_2gf"),
    "RegNetY8GF": ("regnet", "regnet_y_8gf"),
    "RegNetY16GF": ("regnet", "regnet_y_16gf"),
    "RegNetY32GF": ("regnet", "regnet_y_32gf"),
    "RegNetY128GF": ("regnet", "regnet_y_128gf"),
    "RegNetX400MF": ("regnet", "regnet_x_400mf"),
    "RegNetX800MF": ("regnet", "regnet_x_800mf"),
    "RegNetX1_6GF": ("regnet", "regnet_x_1_6gf"),
    "RegNetX3_2GF": ("regnet", "regnet_x_3_2gf"),
    "RegNetX8GF": ("regnet", "regnet_x_8gf"),
    "RegNetX16GF": ("regnet", "regnet_x_16gf"),
    "RegNetX32GF": ("regnet", "regnet_x_32gf"),
    "ResNet18": ("resnet", "resnet18"),
    "ResNet34": ("resnet", "resnet34"),
    "ResNet50": ("resnet", "resnet50"),
    "ResNet101": ("resnet", "resnet101"),
    "ResNet152": ("resnet", "resnet152"),
    "ResNeXt50": ("resnet", "resnext50_32x4d"),
    "ResNeXt101": ("resnet", "resnext101_32x8d"),
    "ResNeXt101_64x4d": ("resnet", "resnext101_64x4d"),
    "WideResNet50": ("resnet", "wide_resnet50_2"),
    "WideResNet101": ("resnet", "wide_resnet101_2"),
    "ShuffleNetV2x1": ("shufflenet_v2", "shufflenet_v2_x1_0"),
    "ShuffleNetV2x05": ("shufflenet_v2", "shufflenet_v2_x0_5"),
    "ShuffleNetV2x15": ("shufflenet_v2", "shufflenet_v2_x1_5"),
    "ShuffleNetV2x2": ("shufflenet_v2", "shufflenet_v2_x2_0"),
    "SqueezeNet": ("squeezenet", "squeezenet1_1"),
    "VGG11": ("vgg", "vgg11"),
    "VGG13": ("vgg", "vgg13"),
    "VGG16": ("vgg", "vgg16"),
    "VGG19": ("vgg", "vgg19"),
    "VGG11BN": ("vgg", "vgg11_bn"),
    "VGG13BN": ("vgg", "vgg13_bn"),
    "VGG16BN": ("vgg", "vgg16_bn"),
    "VGG19BN": ("vgg", "vgg19_bn"),
}

OWN = {  # net: its file; torchvision has none of these, originals.py has
    "AllCNNC": "allcnn",
    "Blur": "edges",
    "Digits": "digits",
    "Edges": "edges",
    "FCN32s": "fcn",
    "LeNet5": "lenet",
    "LeNet1998": "lenet1998",
    "PaddedUNet": "unet",
    "ResUNet": "resunet",
    "RPN": "rpn",
    "Siamese": "siamese",
    "UNet": "unet",
}

FILES = {net: file for net, (file, _) in TORCHVISION.items()} | OWN

SMALL = dict.fromkeys(TORCHVISION, "3@64x64") | {  # images smaller than the nets are made for
    "DeepLabV3ResNet50": "3@104x104",  # a map of 13x13: the nearest of the pyramid's taps are on it
    "DeepLabV3ResNet101": "3@104x104",
    "FCN32s": "3@32x40",
    "InceptionV3": "3@299x299",  # its auxiliary head needs all of an image
    "PaddedUNet": "1@48x80",
    "ResUNet": "3@48x80",
    "RPN": "3@64x96",
    "UNet": "1@188x188",
    **{net: "3@32x32" for net in TORCHVISION if net.startswith("VGG")},
}

LARGE = re.compile(
    r"ConvNeXt(Base|Large)|DeepLabV3ResNet101|EfficientNetB[4-7]|FCNResNet|RegNet[XY](8|16|32|128)GF"
    r"|ResNeXt101_64x4d|WideResNet101"
)
"""Nets whose numbers are compared only where CNNSPEC_LONG is set: they take seconds and gigabytes each."""

LONG = "CNNSPEC_LONG" in os.environ


def check_file(name: str, net: str | None = None, settings: Settings | None = None) -> Checked:
    source = read(str(SPECS / f"{name}.cnn"))
    assert isinstance(source, Source)
    return check(source, read_used, net, settings)


def network(net: str, parameters: Mapping[str, Any] = {}, input: str = "") -> Network:  # noqa: A002
    """A net of the zoo, checked, with other parameters or another input shape."""
    shapes = {"": parse_shape(input)} if input else {}
    found = check_file(FILES[net], net, Settings(parameters, shapes))
    assert found.ok, found.diagnostics
    return found.networks[0]


def small(net: str) -> Network:
    """A net of the zoo on small images."""
    return network(net, input=SMALL.get(net, ""))


def published(torchvision: ModuleType, net: str) -> Any:
    """torchvision's model of a net, its tensors without memory."""
    import torch

    name = TORCHVISION[net][1]
    extra: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if TORCHVISION[net][0] == "deeplab":
        extra = {"weights_backbone": None, "aux_loss": True}
    params = torchvision.models.regnet.BlockParams
    compute = params.from_init_params

    def computed(**given: Any) -> Any:  # with tensors, which need memory
        with torch.device("cpu"):
            return compute(**given)

    params.from_init_params = computed
    try:
        with torch.device("meta"):
            return torchvision.models.get_model(name, weights=None, **extra)
    finally:
        params.from_init_params = compute


def load(checked: Network, folder: Path) -> Any:
    """The class that is emitted for a network, imported from a file in `folder` as a user imports it."""
    file = folder / f"emitted_{checked.name}_{len(list(folder.iterdir()))}.py"
    file.write_text(emit("torch", checked, f"{FILES.get(checked.name, checked.name)}.cnn"), "utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, checked.name)
