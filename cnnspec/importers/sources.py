"""A source by its name: `torchvision:resnet50`, `timm:resnet50`, or `mymodel.py:make_net`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cnnspec.importers.refusals import Refusal, Refused
from cnnspec.text.spelling import suggest

if TYPE_CHECKING:
    from torch import nn

PICKLES = (".pth", ".pt", ".ckpt", ".pkl", ".bin")
FORMS = "`torchvision:NAME`, `timm:NAME` or `FILE.py:NAME`"


def refuse(message: str, place: str = "") -> Refused:
    return Refused([Refusal("E1001", message, (), place)])


def load(source: str) -> nn.Module:
    """The module that a source names. Raises Refused.

    Models of libraries come without trained weights, and with memory for their weights left out where that is
    possible. A Python file is run, and in this form alone.
    """
    where, colon, name = source.rpartition(":")
    if Path(source).suffix.lower() in PICKLES:
        raise refuse(
            f"`{source}` is a pickle, which could run anything, and is not opened: name the module that it"
            " belongs to, as in `mymodel.py:make_net`; its weights load into what is built"
        )
    if not colon or not where or not name:
        raise refuse(f"`{source}` is no source: it wants {FORMS}")
    if where == "torchvision":
        return from_torchvision(name)
    if where == "timm":
        return from_timm(name)
    if where.endswith(".py"):
        return from_file(Path(where), name)
    raise refuse(f"`{source}` is no source: it wants {FORMS}")


def missing(library: str) -> Refused:
    return refuse(f"{library} is not installed: `pip install {library}`")


def unknown(library: str, name: str, known: Iterable[str]) -> Refused:
    """Raised for a name that a library does not have: the nearest ones that it has."""
    near = " or ".join(f"`{each}`" for each in suggest(name, known))
    return refuse(f"{library} has no `{name}`" + (f": did you mean {near}?" if near else ""))


def from_torchvision(name: str) -> nn.Module:
    """A model of torchvision: a classifier or a segmentation net."""
    try:
        from torchvision import models
    except ImportError:
        raise missing("torchvision") from None
    known = [*models.list_models(models), *models.list_models(models.segmentation)]
    if name not in known:
        raise unknown("torchvision", name, known)
    builder = models.get_model_builder(name)
    heads = {"aux_loss": True} if name.startswith(("fcn", "deeplab")) else {}
    nothing = {"weights": None} | (
        {"weights_backbone": None} if name in models.list_models(models.segmentation) else {}
    )
    return call(lambda: builder(**nothing, **heads), f"torchvision:{name}")


def from_timm(name: str) -> nn.Module:
    try:
        import timm
    except ImportError:
        raise missing("timm") from None
    if not timm.is_model(name):
        raise unknown("timm", name, timm.list_models())
    return call(lambda: timm.create_model(name, pretrained=False), f"timm:{name}")


def from_file(path: Path, name: str) -> nn.Module:
    """What a Python file calls by the name: a module, or something to call that returns one."""
    found = getattr(run(path), name, None)
    if found is None:
        raise refuse(f"{path} defines no `{name}`")
    return made_of(found, f"{path}:{name}")


def run(path: Path) -> ModuleType:
    """Run a Python file as a module, its folder on the search path as when it is run by itself."""
    spec = spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise refuse(f"there is no file {path}")
    module = module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        raise refuse(f"{path} raises {type(problem).__name__}: {problem}") from problem
    finally:
        sys.path.remove(folder)
    return module


def made_of(found: Any, source: str) -> nn.Module:
    """The module, or the one that a class or a function of no arguments returns."""
    from torch import nn

    if isinstance(found, nn.Module):
        return found
    if not callable(found):
        raise refuse(f"{source} is neither a module nor something to call that returns one")
    try:
        made = found()
    except Exception as problem:
        raise refuse(f"{source} raises {type(problem).__name__}: {problem}") from problem
    if not isinstance(made, nn.Module):
        raise refuse(f"{source} returns a value of type {type(made).__name__}, which is no module")
    return made


def call(builder: Any, source: str) -> nn.Module:
    from cnnspec.importers.torch.meta import WithoutMemory

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on how weights start, and there are none
        try:
            with WithoutMemory():
                return made_of(builder, source)
        except Refused:  # it computes with what it makes
            return made_of(builder, source)
