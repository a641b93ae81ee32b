"""One network in the hand of a Python program or a notebook: load it, look at it, compute with it.

>>> import cnnspec
>>> net = cnnspec.load("specs/lenet.cnn", classes=7)
>>> net
<Net LeNet5: 1@28x28 -> 7, 61,451 parameters, 416,268 MACs>
>>> [layer.path for layer in net.layers if layer.params]
['conv1', 'conv2', 'linear1', 'linear2', 'linear3']
>>> net.layers[0].output
Shape(channels=6, height=28, width=28)

What is wrong with a specification is raised as SpecError, whose text is the report of `cnnspec check`:

>>> cnnspec.loads("net A { input 1@8x8, conv 4@9x9 }")
Traceback (most recent call last):
    ...
cnnspec.SpecError: error[E0401]: the kernel's height 9 is larger than the map's 8
...
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from cnnspec.analysis.costs import Costs, costs
from cnnspec.api import Size, build, check_source, report, settings_of, source_of
from cnnspec.compiler import rechecker
from cnnspec.elaborate.load import Reader
from cnnspec.elaborate.settings import Settings
from cnnspec.graph.tree import Network
from cnnspec.tables.layer_info import LayerInfo, layers
from cnnspec.text import files, shipped
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.source import Source

if TYPE_CHECKING:
    from torch import nn

    from cnnspec.draw.picture import Picture

Given = Mapping[str, Size] | Size
"""Another input, as `"3@320x320"`, (3, 320, 320) or a Shape; where a net has several, each by its label."""

FEW = 200
"""So many boxes a notebook draws unasked."""

SHOWN = ("layer", "kernel", "output", "params", "macs", "field")
"""The columns of the table that a notebook shows."""


class SpecError(ValueError):
    """A specification has faults: the text is their report, `diagnostics` are the faults themselves."""

    __module__ = "cnnspec"  # as users know it

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(report(diagnostics).rstrip("\n"))
        self.diagnostics = diagnostics

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback, which would lead into cnnspec."""
        return str(self).split("\n")


class Text(str):
    """A text of several lines, which Python and notebooks show as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self).rstrip("\n")


def load(
    path: str | os.PathLike[str],
    net: str | None = None,
    *,
    input: Given | None = None,  # noqa: A002  # as the option is called
    **parameters: Any,
) -> Net:
    """The net of the file at a path: the first, or the one called `net`, with other parameters and input.

    A parameter is a number, a bool or a list of them, or text as the language writes a value, as
    `act="hardswish"`; one that is called `path`, `net` or `input` wants `cnnspec.check`. Raises SpecError for
    faults in the specification, FileProblem where it cannot be read, Misuse where a net, a parameter or an
    input of that name is not there, ValueError for what is no value.

    >>> load("specs/resnet.cnn", net="ResNet18", classes=7, input="3@160x160").shapes
    '3@160x160 -> 7'
    """
    settings = settings_from(input, parameters)
    source = files.read(os.fspath(path), settings.text_limits.max_source)
    return nets_of(source, files.read_used, net, settings)[0]


def loads(
    text: str,
    net: str | None = None,
    *,
    name: str = "net.cnn",
    input: Given | None = None,  # noqa: A002
    **parameters: Any,
) -> Net:
    """The net of a specification given as text, as `load` has it; it can use nothing but the shipped blocks.

    `name` is what the report of faults calls it.

    >>> loads("net Tiny { input 1@8x8, conv 4@3x3, relu, globalavgpool, flatten, linear 2 }").params
    50
    """
    settings = settings_from(input, parameters)
    return nets_of(source_of(text, name, settings), files.read_library, net, settings)[0]


def zoo(name: str, *, input: Given | None = None, **parameters: Any) -> Net:  # noqa: A002
    """A net that ships with cnnspec, by its name or its file's: `"ResNet18"`, `"unet"`.

    Raises FileProblem where there is none of that name; it names the nearest.

    >>> zoo("ResNet18")
    <Net ResNet18: 3@224x224 -> 1000, 11,689,512 parameters, 1,814,073,344 MACs>
    """
    source, net = shipped.read_named(name)
    return nets_of(source, files.read_library, net, settings_from(input, parameters))[0]


def comparison(nets: Sequence[Net], style: str = "text", *, stages: bool = False) -> Text:
    """The table of `cnnspec summary` for several nets, a row each; with `stages` a column each.

    A row is then a size of the maps. Styles are text, csv, json, markdown, latex and html; ValueError else.

    >>> comparison([zoo("ResNet18"), zoo("ResNet50")], stages=True)  # doctest: +ELLIPSIS
    output      ResNet18                 ResNet50
    ───...
    112x112     7x7, 64 /2               7x7, 64 /2
    56x56       maxpool 3x3 /2           maxpool 3x3 /2
                [3x3, 64; 3x3, 64] ×2    [1x1, 64; 3x3, 64; 1x1, 256] ×3
    ...
    """
    from cnnspec.tables.summary import comparison

    return Text(comparison([net.network for net in nets], style, stages))


def settings_from(given: Given | None, parameters: Mapping[str, Any]) -> Settings:
    """Raises ValueError."""
    return settings_of(parameters, given if isinstance(given, Mapping) else {"": given} if given else {})


def nets_of(
    source: Source | Diagnostic, read: Reader, net: str | None, settings: Settings, first: bool = True
) -> list[Net]:
    """The net of that name; else the first, or all. Raises SpecError, Misuse."""
    found = check_source(source, read, net, settings, first, lint=True)
    if not found.ok or not found.networks:
        raise SpecError(found.diagnostics)
    return [Net(network, found.diagnostics, read, settings) for network in found.networks]


class Net:
    """A network without faults, as `load`, `loads` and `zoo` make it.

    `network` is what the functions of `cnnspec` take; `diagnostics` are the warnings and notes of its file.
    """

    def __init__(
        self, network: Network, diagnostics: tuple[Diagnostic, ...], read: Reader, settings: Settings
    ) -> None:
        self.network, self.diagnostics = network, diagnostics
        self._read, self._settings = read, settings

    @property
    def name(self) -> str:
        """As the specification has it."""
        return self.network.name

    @property
    def shapes(self) -> str:
        """What arrives and what leaves, for one image: `1@28x28 -> 10`."""
        return self.network.sizes

    @property
    def text(self) -> Text:
        """The specification, the whole file."""
        return Text(self.network.net.span.source.text)

    @cached_property
    def layers(self) -> tuple[LayerInfo, ...]:
        """Every layer of every block and repeat, in the order in which they run."""
        return layers(self.network)

    @property
    def params(self) -> int:
        """The numbers that training changes; shared ones count once."""
        return self._costs.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image, of convolutions and linear layers; FLOPs are twice as many."""
        return self._costs.macs

    @cached_property
    def _costs(self) -> Costs:
        return costs(self.network)

    def summary(
        self, style: str = "text", columns: str | Sequence[str] = (), depth: int | None = None
    ) -> Text:
        """The table of `cnnspec summary`: as text, csv, json, markdown, latex or html.

        `columns` are layer, kernel, output, params, share, macs, field, jump and memory, or some of them;
        sections deeper than `depth` levels add up. Raises ValueError for what is none of these.

        >>> loads("net Tiny { input 1@8x8, conv 4@3x3, relu }").summary(columns=["layer", "output"])
        Tiny
        layer  output
        ─────────────
        conv1   4@6x6
        relu1   4@6x6
        ─────────────
        total
        ...
        """
        from cnnspec.tables.summary import summary

        return Text(summary(self.network, style, columns, depth))

    def sizes(self, up_to: int = 1024) -> Text:
        """For which heights and widths up to that bound the net is valid: the report of `cnnspec sizes`.

        Raises ValueError where the net takes no maps, or is too long to be looked at.

        >>> zoo("unet").sizes(up_to=300)  # doctest: +ELLIPSIS
        UNet at 1@572x572; sizes up to 300
        ...
        """
        from cnnspec.analysis.sizes.explore import Explorer
        from cnnspec.analysis.sizes.size_program import TooMuch
        from cnnspec.analysis.sizes.survey import survey
        from cnnspec.tables.size_report import report

        recheck = rechecker(self.network.net.span.source, self._read, self.name, self._settings)
        try:
            surveys = survey(Explorer(self.network, recheck, self._settings.limits), up_to)
            if not surveys:
                raise ValueError(f"{self.name} takes no maps: it has no heights and widths to choose")
            return Text(report(surveys, None))
        except TooMuch:
            raise ValueError(f"{self.name} is too long for its sizes to be looked at") from None

    def diff(self, other: Net, style: str = "text") -> Text:
        """What was changed from this net to another: the report of `cnnspec diff`, as text, json or markdown.

        >>> print(zoo("ResNet18").diff(zoo("ResNet34")))  # doctest: +ELLIPSIS
        --- ResNet18  <cnnspec>/resnet.cnn
        +++ ResNet34  <cnnspec>/resnet.cnn
        ...
        """
        from cnnspec.analysis.compare import compare
        from cnnspec.tables.changes import DiffSide
        from cnnspec.tables.diff import diff

        sides = [DiffSide(net.network.net.span.source.name, net.name) for net in (self, other)]
        return Text(diff(compare(self.network, other.network), (sides[0], sides[1]), style))

    def draw(
        self,
        path: str | os.PathLike[str] | None = None,
        view: Literal["graph", "volume"] = "graph",
        theme: Literal["light", "dark", "mono"] = "light",
        *,
        detail: Literal["chains", "parts", "blocks", "folded", "fused", "full"] | None = None,
        direction: Literal["tb", "lr"] | None = None,
        width: str | None = None,
        show: str | Collection[str] | None = None,
        font: str | None = None,
        blocks: bool = False,
        title: str | None = None,
        caption: bool = True,
        force: bool = False,
    ) -> Picture:
        """The picture of `cnnspec draw`, which notebooks show; with a path, as a file too.

        The path ends in .svg, .png, .pdf, .tex, .dot or .html. `width` is that of a page, as "6.875in";
        `show` are those of shapes, params, macs, kernel to show; `font` is a family or a file; `blocks` opens
        those of volumes. `title` stands in place of the net's name, and sizes and costs in the caption.
        `force`: a file that cnnspec did not write is overwritten, too. Raises DrawProblem, FileProblem, and
        ValueError for a look that is none.
        """
        from cnnspec.draw.look import look_of
        from cnnspec.draw.picture import picture, suffix_of

        suffix = ".svg" if path is None else suffix_of(os.fspath(path))
        look = look_of(view, theme, detail, direction, width, show, font, blocks, title, caption)
        made = picture(self.network, suffix, look)
        if path is not None:
            from cnnspec.text.output import write

            write(os.fspath(path), made.content, force)
        return made

    def source(self, backend: Literal["torch", "numpy"] = "torch", **options: bool) -> Text:
        """The text of the program that `cnnspec.build` writes, with its options. Raises as that does."""
        return Text(build(self.network, backend, **options))

    def torch(self) -> nn.Module:
        """A PyTorch module of the emitted class, with fresh weights; ImportError where there is no PyTorch.

        It takes images (N, C, H, W) and has the keys of the specification: `load_state_dict` takes weights.

        >>> import torch
        >>> model = load("specs/lenet.cnn").torch().eval()
        >>> model(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
        """
        from cnnspec.run.programs import torch_class

        module: nn.Module = torch_class(self.network)()
        return module

    def numpy(self, seed: int | None = None) -> Any:
        """A net of the emitted NumPy program, its weights drawn from `seed`; README.md says what it can do.

        >>> import numpy
        >>> load("specs/lenet.cnn").numpy(seed=0)(numpy.zeros((2, 1, 28, 28), "float32")).shape
        (2, 10)
        """
        from cnnspec.run.programs import numpy_class

        return numpy_class(self.network)(seed=seed)

    def __repr__(self) -> str:
        return f"<Net {self.name}: {self.shapes}, {self.params:,} parameters, {self.macs:,} MACs>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the picture, unless it would be very large, the table, and warnings."""
        from cnnspec.draw.diagram.model import boxes
        from cnnspec.draw.diagram.simplify import simplify
        from cnnspec.draw.graph.graphviz_engine import DrawProblem

        count = sum(1 for _ in boxes(simplify(self.network).items))
        try:
            image = self.draw()._repr_html_() if count <= FEW else f"<p>draw() draws its {count} boxes.</p>"
        except DrawProblem as problem:
            image = f"<p>{escape(str(problem))}</p>"
        warnings = f"<pre>{escape(report(self.diagnostics))}</pre>" if self.diagnostics else ""
        return f"{image}\n{self.summary('html', SHOWN)}{warnings}"
