"""The zoo as the tests know it: its nets, what each is elsewhere, and how to check and build them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from cnnspec.backends import emit
from cnnspec.compiler import Checked, check
from cnnspec.elaborate.network import Settings
from cnnspec.files import read, read_used
from cnnspec.graph import Network
from cnnspec.options import parse_shape
from cnnspec.source import Source

SPECS = Path(__file__).parents[2] / "specs"

TORCHVISION = {  # net: its file, torchvision's name for it
    "AlexNet": ("alexnet", "alexnet"),
    "DenseNet121": ("densenet", "densenet121"),
    "DenseNet161": ("densenet", "densenet161"),
    "DenseNet169": ("densenet", "densenet169"),
    "DenseNet201": ("densenet", "densenet201"),
    "GoogLeNet": ("googlenet", "googlenet"),
    "MobileNetV2": ("mobilenet_v2", "mobilenet_v2"),
    "ResNet18": ("resnet", "resnet18"),
    "ResNet34": ("resnet", "resnet34"),
    "ResNet50": ("resnet", "resnet50"),
    "ResNet101": ("resnet", "resnet101"),
    "ResNet152": ("resnet", "resnet152"),
    "ResNeXt50": ("resnext", "resnext50_32x4d"),
    "ResNeXt101": ("resnext", "resnext101_32x8d"),
    "SqueezeNet": ("squeezenet", "squeezenet1_1"),
    "VGG11": ("vgg", "vgg11"),
    "VGG13": ("vgg", "vgg13"),
    "VGG16": ("vgg", "vgg16"),
    "VGG19": ("vgg", "vgg19"),
    "VGG11BN": ("vgg", "vgg11_bn"),
    "VGG13BN": ("vgg", "vgg13_bn"),
    "VGG16BN": ("vgg", "vgg16_bn"),
    "VGG19BN": ("vgg", "vgg19_bn"),
    "WideResNet50": ("resnext", "wide_resnet50_2"),
    "WideResNet101": ("resnext", "wide_resnet101_2"),
}

OWN = {  # net: its file; torchvision has none of these, originals.py has
    "Blur": "edges",
    "Digits": "digits",
    "Edges": "edges",
    "LeNet5": "lenet",
    "LeNet1998": "lenet1998",
    "PaddedUNet": "unet",
    "Siamese": "siamese",
    "UNet": "unet",
}

FILES = {net: file for net, (file, _) in TORCHVISION.items()} | OWN


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


def published(torchvision: ModuleType, net: str) -> Any:
    """torchvision's model of a net, its tensors without memory."""
    import torch

    name = TORCHVISION[net][1]
    extra = {"init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        return torchvision.models.get_model(name, weights=None, **extra)


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
