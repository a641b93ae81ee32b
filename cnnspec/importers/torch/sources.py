"""A source by its name: `torchvision:resnet50`, `timm:resnet50`, or `mymodel.py:make_net`."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Iterable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnnspec.importers.refusals import Refused, did_you_mean, refused

if TYPE_CHECKING:
    from torch import nn

PICKLES = (".pth", ".pt", ".ckpt", ".pkl", ".bin")
CONVERTED = (".h5", ".keras", ".pb", ".tflite", ".mlmodel", ".pdmodel")
"""Files of frameworks that have converters to ONNX."""
MOST_NAMED = 3


def load(source: str) -> nn.Module:
    """The module that a source names. Raises Refused.

    Models of libraries come without trained weights, and with memory for their weights left out where that is
    possible. A Python file is run, and in this form alone.
    """
    # The last colon: `C:\nets\mymodel.py:make_net` has two.
    where, _, name = source.rpartition(":")
    if Path(source).suffix.lower() in PICKLES:
        raise refused(
            f"`{source}` is a pickle, which could run anything, and is not opened: name the module that it"
            " belongs to, as in `mymodel.py:make_net`; its weights load into what is built"
        )
    if name and where == "torchvision":
        return from_torchvision(name)
    if name and where == "timm":
        return from_timm(name)
    if name and where.endswith(".py"):
        return from_file(Path(where), name)
    raise refused(f"`{source}` is no source: {way_out(Path(source))}")


def way_out(source: Path) -> str:
    """What may be a source in place of this one."""
    if source.suffix == ".py":
        names = definitions(source)[:MOST_NAMED] or ["make_net"]
        there = ", ".join(f"`{source}:{name}`" for name in names)
        return f"name the module in it, or what makes one, as in {there}"
    if source.suffix in CONVERTED:
        return "convert it to ONNX, and import the .onnx file"
    return (
        "it wants `torchvision:NAME`, `timm:NAME`, `FILE.py:NAME`, or a file that ends in .onnx, .prototxt or"
        " .cfg"
    )


def definitions(path: Path) -> list[str]:
    """The names that a file gives to classes and functions, classes first; it is not run."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    kinds = (ast.ClassDef, ast.FunctionDef)
    found = [each.name for kind in kinds for each in body if isinstance(each, kind)]
    return [name for name in found if not name.startswith("_")]


def net_name(source: str, kind: str) -> str:
    """What a net is called: as its class, a library's model as there, its class spelled as it spells itself.

    `resnet50` of the class ResNet is ResNet50, `wide_resnet50_2` WideResNet50_2, `inception_v3` InceptionV3.
    """
    where, _, model = source.rpartition(":")
    if where.endswith(".py"):
        return kind
    model = re.sub(r"\W", "_", model)
    # `wide_resnet50_2` has R_?e_?s_?N_?e_?t in it: Wide, ResNet, 50, 2.
    found = re.search("_?".join(kind), model, re.IGNORECASE)
    before, after = (model[: found.start()], model[found.end() :]) if found else (model, "")
    words = [*capital(before), *([kind] if found else []), *capital(after)]
    # Words meet at a NUL; between digits an underscore stays: 50 and 2 are 50_2, not 502.
    return re.sub(r"(\d)_?\0(?=\d)", r"\1_", "\0".join(words)).replace("\0", "")


def capital(words: str) -> list[str]:
    return [word[:1].upper() + word[1:] for word in words.split("_") if word]


def library(name: str) -> Any:
    """A library of models. Raises Refused where it is not there."""
    try:
        return import_module(name)
    except ModuleNotFoundError as problem:
        # Else the library is there, and one that it needs is not.
        if problem.name == name:
            raise refused(f"{name} is not installed: `pip install {name}`") from None
        raise refused(f"{name} cannot be imported: {problem}") from problem
    except Exception as problem:  # builds of it and of torch that do not fit each other
        raise refused(f"{name} cannot be imported: {type(problem).__name__}: {problem}") from problem


def unknown(where: str, name: str, known: Iterable[str]) -> Refused:
    """Says that a library does not have a name, and the nearest ones that it has."""
    return refused(f"{where} has no `{name}`{did_you_mean(name, known)}")


def from_torchvision(name: str) -> nn.Module:
    """A model of torchvision: a classifier or a segmentation net."""
    models = library("torchvision").models
    known = [*models.list_models(models), *models.list_models(models.segmentation)]
    if name not in known:
        raise unknown("torchvision", name, known)
    builder = models.get_model_builder(name)
    # These have an auxiliary head, which torchvision leaves out where no weights are asked for.
    heads = {"aux_loss": True} if name.startswith(("fcn", "deeplab")) else {}
    nothing = {"weights": None} | (
        {"weights_backbone": None} if name in models.list_models(models.segmentation) else {}
    )
    return call(lambda: builder(**nothing, **heads), f"torchvision:{name}")


def from_timm(name: str) -> nn.Module:
    timm = library("timm")
    if not timm.is_model(name):
        raise unknown("timm", name, timm.list_models())
    return call(lambda: timm.create_model(name, pretrained=False), f"timm:{name}")


def from_file(path: Path, name: str) -> nn.Module:
    """What a Python file calls by the name: a module, or something to call that returns one.

    The file runs as if it ran by itself: its folder is on the search path.
    """
    if not path.is_file():
        raise refused(f"there is no file {path}")
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        found = getattr(run(path), name, None)
        if found is None:
            raise refused(f"{path} defines no `{name}`{did_you_mean(name, definitions(path))}")
        return made_of(found, f"{path}:{name}")
    finally:
        sys.path.remove(folder)


def run(path: Path) -> ModuleType:
    """Run a Python file as a module. Raises Refused with the error that it raises."""
    # A second `net.py` of another folder must not be the first one, nor a `torch.py` be torch.
    name = path.stem if path.stem not in sys.modules else f"{path.stem} of {path.resolve().parent}"
    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None  # of a file that ends in .py
    module = module_from_spec(spec)
    sys.modules[name] = module  # data classes look themselves up there
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        # Half a module is none: the next import of it has to run it anew.
        del sys.modules[name]
        raise refused(f"{path} raises {type(problem).__name__}: {problem}") from problem
    return module


def made_of(found: Any, source: str) -> nn.Module:
    """The module, or the one that a class or a function of no arguments returns."""
    from torch import nn

    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise refused(f"{source} is neither a module nor something to call that returns one")
    try:
        made = found()
    except Exception as problem:
        raise refused(f"{source} raises {type(problem).__name__}: {problem}") from problem
    if not isinstance(made, nn.Module):
        raise refused(f"{source} returns a value of type {type(made).__name__}, which is no module")
    return made


def call(builder: Any, source: str) -> nn.Module:
    from cnnspec.importers.torch.meta import WithoutMemory

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on how weights start, and there are none
        try:
            with WithoutMemory():
                made = made_of(builder, source)
        except Refused:  # it computes with what it makes
            return made_of(builder, source)
        # A buffer that no file brings has lost its numbers, if it was filled after torch.empty: once more.
        return made if keeps_numbers(made) else made_of(builder, source)


def keeps_numbers(module: nn.Module) -> bool:
    """Whether all buffers that no file of weights brings have their numbers."""
    kept = module.state_dict(keep_vars=True)
    return not any(buffer.is_meta for key, buffer in module.named_buffers() if key not in kept)
