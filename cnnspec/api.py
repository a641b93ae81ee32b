"""The door for other programs: check a specification, report its faults, build and draw its networks.

Nothing here prints or exits: what is wrong with a specification comes as diagnostics, what is wrong with
a call as an exception. `import cnnspec` offers these functions, and loads each with the first use of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from cnnspec import compiler
from cnnspec.compiler import Checked
from cnnspec.elaborate.load import Reader
from cnnspec.elaborate.settings import Misuse, Settings, bounds, parse_shape, parse_value
from cnnspec.failures import Keep, give_up, sparing
from cnnspec.graph.tree import Network
from cnnspec.text import files
from cnnspec.text.decoding import decode
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.source import Source
from cnnspec.values.limits import allow_deep_calls, pause_collector
from cnnspec.values.shapes import Shape

if TYPE_CHECKING:
    from torch import nn

    from cnnspec.draw.look import Look
    from cnnspec.draw.picture import Picture

Size = Shape | tuple[int, ...] | str
"""An input as a Shape, as (C, H, W), or as `"3@320x320"`."""


def check(
    path: str | os.PathLike[str],
    net: str | None = None,
    *,
    parameters: Mapping[str, Any] = {},
    inputs: Mapping[str, Size] = {},
    limits: Mapping[str, int] = {},
) -> Checked:
    """Check every size and every name of the specification at a path, and look for warnings and for fixes.

    `net` names the net to check; without it all nets are checked, or with `parameters` or `inputs` the first.
    A parameter is a number, a bool or a list of them, or text as the language writes a value: `"hardswish"`,
    `"64@3x3"`, `'"same"'`. An input is a Shape, (C, H, W), or text, `"3@320x320"`, by its label; one
    without is called `input`. `limits` are bounds by the names that messages use, as `max_layers`.

    Raises FileProblem where the file cannot be read, Misuse where a net, a parameter or an input of that name
    is not there, ValueError for a value that is none.
    """
    settings = settings_of(parameters, inputs, limits)
    source = files.read(os.fspath(path), settings.text_limits.max_source)
    return check_source(source, files.read_used, net, settings, lint=True)


def check_text(
    text: str,
    net: str | None = None,
    *,
    name: str = "net.cnn",
    parameters: Mapping[str, Any] = {},
    inputs: Mapping[str, Size] = {},
    limits: Mapping[str, int] = {},
) -> Checked:
    """Check a specification given as text, as `check` does; it can use nothing but the shipped blocks.

    `name` is what diagnostics call it. Raises Misuse and ValueError as `check` does.
    """
    settings = settings_of(parameters, inputs, limits)
    return check_source(source_of(text, name, settings), files.read_library, net, settings, lint=True)


def source_of(text: str, name: str, settings: Settings) -> Source | Diagnostic:
    """A specification given as text, under a name."""
    # A lone surrogate, "\ud800", becomes bytes that are no UTF-8: `decode` reports it at its place.
    return decode(name, text.encode("utf-8", "surrogatepass"), settings.text_limits.max_source)


def settings_of(
    parameters: Mapping[str, Any], inputs: Mapping[str, Size], limits: Mapping[str, int] = {}
) -> Settings:
    """Settings of values that may be text. Raises ValueError."""
    values = {
        name: parse_value(value) if isinstance(value, str) else value for name, value in parameters.items()
    }
    shapes = {name: shape_of(given) for name, given in inputs.items()}
    return Settings(values, shapes, *bounds(limits))


def shape_of(given: Any) -> Shape:
    """A shape as it is given. Raises ValueError."""
    if isinstance(given, str):
        return parse_shape(given)
    if not isinstance(given, tuple | list):
        raise ValueError(f"an input is 3@320x320, or (3, 320, 320), not {given!r}")
    (shape,) = shapes_of(given)
    return shape


def check_source(
    source: Source | Diagnostic,
    read: Reader,
    net: str | None,
    settings: Settings,
    first: bool = False,
    lint: bool = False,
    keep: Keep = give_up,
    skip: int = 0,
    wants: Callable[[Diagnostic], bool] | None = None,
    pause: Callable[[], None] = lambda: None,
) -> Checked:
    """Check what was read, and look for fixes of its faults; `read` reads the files that it uses.

    `first`: the first net alone, if none is named. `lint`: with warnings. `skip`: no fixes are sought of so
    many faults, the first ones. Faults that `wants` is false of are left out. Where a lint or the search for
    fixes fails, `keep` takes the failure, and the diagnostics come without. `pause` is called before each
    check, and may raise what ends the search. Raises Misuse.
    """
    if isinstance(source, Diagnostic):
        return Checked((), (source,))
    pause()
    found = compiler.check(source, read, net, settings, first, lint, keep)
    found = found._replace(diagnostics=tuple(filter(wants, found.diagnostics))) if wants else found
    if not found.diagnostics:
        return found
    from cnnspec.faults.fixes import with_fixes
    from cnnspec.faults.fixes.trial import MOST_LAYERS

    bound = min(settings.limits.max_layers, MOST_LAYERS)
    narrow = settings._replace(limits=settings.limits._replace(max_layers=bound))

    def recheck(text: str, *, inputs: Mapping[str, Shape] = settings.inputs, lint: bool = False) -> Checked:
        pause()
        try:
            edited = Source(source.name, text)
            return compiler.check(edited, read, net, narrow._replace(inputs=inputs), first, lint)
        except Misuse:  # the edit took away what the settings name: as faulty as before
            return Checked((), found.diagnostics)

    # What fails in here is kept, and leaves the faults without fixes.
    with sparing(keep), pause_collector(), allow_deep_calls():
        return found._replace(diagnostics=tuple(with_fixes(source, found, recheck, keep, skip)))
    return found


def report(
    diagnostics: Sequence[Diagnostic], style: Literal["text", "concise", "sarif", "github"] = "text"
) -> str:
    """Diagnostics as people or machines read them: a text that ends in a newline, or "" of none."""
    from cnnspec.faults import reports

    return reports.render(style, diagnostics)


@overload
def build(
    network: Network,
    backend: Literal["torch", "numpy"] = "torch",
    *,
    inference: bool = False,
    plain: bool = False,
    optimize: bool = False,
    explicit: bool = False,
) -> str: ...


@overload
def build(
    network: Network,
    backend: Literal["onnx"],
    *,
    optimize: bool = False,
    weights: Mapping[str, Any] | None = None,
    opset: int | None = None,
    functions: bool = False,
    free_size: bool = False,
) -> bytes: ...


def build(
    network: Network,
    backend: Literal["torch", "numpy", "onnx"] = "torch",
    *,
    inference: bool = False,
    plain: bool = False,
    optimize: bool = False,
    explicit: bool = False,
    weights: Mapping[str, Any] | None = None,
    opset: int | None = None,
    functions: bool = False,
    free_size: bool = False,
) -> str | bytes:
    """The text of a program that computes a network, and needs PyTorch or NumPy alone; or its ONNX model.

    `inference` (numpy): training is left out. `plain` (numpy): written out to be read. `optimize`: for
    inference alone, batch norms folded, pads merged, what idles left out. `explicit` (torch): arguments
    that equal PyTorch's defaults are written, too. A model (onnx) is for inference in any case, and holds
    `weights`, arrays of NumPy by their keys in PyTorch, or those that the NumPy program starts from; `opset`
    is the version of its operators; `functions`: each block is a function; `free_size`: height and width are
    free, as far as the net is valid.

    Raises Refusal where the back end has no form of a layer, or one that fixes a size, ValueError for a flag
    of another back end, for `plain` with `optimize`, for weights of which one is missing or of another shape.
    """
    from cnnspec.backends import BACKENDS, ONLY, emit

    if backend not in BACKENDS:
        raise ValueError(f"there is no back end {backend!r}; there is {', '.join(BACKENDS)}")
    flags = {"inference": inference, "plain": plain, "optimize": optimize, "explicit": explicit}
    flags |= {"functions": functions, "free_size": free_size}
    chosen: dict[str, Any] = {name: flag for name, flag in flags.items() if flag}
    chosen |= {name: value for name, value in (("weights", weights), ("opset", opset)) if value is not None}
    for name in chosen:
        # {"plain": "numpy", …}: what one back end alone takes.
        if ONLY.get(name, backend) != backend:
            raise ValueError(f"{name} is not for {backend}")
    if plain and optimize:
        raise ValueError("plain writes the net as it is, optimize changes it")
    if chosen.pop("free_size", False):
        chosen["others"] = for_other_sizes(network, Settings(network.arguments))
    return emit(backend, network, network.net.span.source.name, **chosen)


def for_other_sizes(network: Network, settings: Settings) -> list[Network]:
    """The network for larger inputs, as it was checked by settings."""
    from cnnspec.analysis.sizes.near import for_other_sizes

    source = network.net.span.source
    recheck = compiler.rechecker(source, files.read_used, network.name, settings._replace(inputs={}))
    return for_other_sizes(network, recheck)


def from_torch(
    module: nn.Module,
    input: Sequence[int] | Sequence[Sequence[int]] = (3, 224, 224),  # noqa: A002  # as the option is called
    *,
    name: str = "",
    flat: bool = False,
) -> str:
    """The specification of a PyTorch module, its weights under the same keys; the module stays as it is.

    `input` is the shape (C, H, W) of an image, or (C,) of a vector, the batch left out; of several inputs a
    list of shapes, as `[(3, 224, 224), (10,)]`. `name`: what the net is called, if not as its class. `flat`:
    neither blocks nor repeats.

    Raises Refusal with all reasons, and the lines of the module's source, where the language cannot say what
    the module computes; ValueError for an input or a name that is none.
    """
    from cnnspec.importers.torch.read import read
    from cnnspec.importers.wording.free_names import is_free
    from cnnspec.importers.write import write

    if name and not is_free(name):
        raise ValueError(f"a net cannot be called {name!r}")
    return write(read(module, shapes_of(input), name), flat)


def shapes_of(given: Sequence[Any]) -> list[Shape]:
    """One shape, or a list of them. Raises ValueError."""
    several = [tuple(each) if isinstance(each, Sequence) else each for each in given]
    found = several if any(isinstance(each, tuple) for each in several) else [tuple(several)]
    for shape in found:
        is_shape = isinstance(shape, tuple) and len(shape) in (1, 3)
        if not is_shape or not all(isinstance(size, int) and size > 0 for size in shape):
            raise ValueError(f"an input is (C, H, W) or (C,), or several are a list of those, not {given!r}")
    return [Shape(*shape) for shape in found]


def picture(
    network: Network,
    suffix: Literal[".svg", ".png", ".pdf", ".tex", ".dot", ".html"] = ".svg",
    look: Look | None = None,
    faults: Sequence[Diagnostic] = (),
) -> Picture:
    """A network as the content of a file with that suffix: `picture(network).content`, bytes.

    `network` may be one of `Checked.partial`, and a page (.html) then tells `faults`. Raises DrawProblem.
    """
    from cnnspec.draw.picture import picture

    return picture(network, suffix, look, faults)
