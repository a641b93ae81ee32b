"""A file and the files it uses: constants, blocks and nets by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

from cnnspec import layers
from cnnspec.elaborate.evaluate import Evaluator
from cnnspec.elaborate.faults import Fault, Meter, fault
from cnnspec.elaborate.special_values import UNKNOWN, BlockName, LayerName
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Note
from cnnspec.text.parser import parse
from cnnspec.text.scanner import BUILT_IN
from cnnspec.text.source import Source, Span
from cnnspec.values.limits import DEFAULT_TEXT_LIMITS, Limits, TextLimits

Reader = Callable[[str, Source], "Source | Diagnostic | None"]
"""Reads the file that a `use` names: its source, why it cannot be read, or None where there is none."""

Parser = Callable[[Source, TextLimits], tuple[syntax.File, list[Diagnostic]]]

DEEPEST = 32
"""The most files that may be open, each used by the one before."""

DEEPEST_VARIANT = Limits().max_depth
"""The most variants, each of the one before."""


def is_built_in(name: str) -> bool:
    """Whether a step's first name is a word of the language: a layer, `input` or `none`."""
    return name in layers.NAMES or name in BUILT_IN


class Module:
    """What a file defines or brings in by `use`; it keeps the files that it uses, whose names blocks see."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.tree = syntax.File((), Span(source, 0, 0))  # what was read of it
        self.constants: dict[str, Any] = {}
        self.blocks: dict[str, BlockName] = {}
        self.nets: dict[str, syntax.Net | syntax.Variant] = {}  # none of other files
        self.places: dict[str, Span] = {}
        self.used: list[Module] = []
        self.incomplete = False  # a file that it uses may define more

    def lookup(self, name: str) -> LayerName | BlockName | None:
        """The layer or block that a name means, as a step's first name or as a value, if it means one."""
        return LayerName(name) if is_built_in(name) else self.blocks.get(name)

    def lineage(self, name: str) -> list[syntax.Net | syntax.Variant]:
        """The net or the variant of a name, what that varies, and so on: one more than may be at most."""
        found: dict[str, syntax.Net | syntax.Variant] = {}
        while name in self.nets and name not in found and len(found) <= DEEPEST_VARIANT:
            item = found[name] = self.nets[name]
            name = item.pattern.name if isinstance(item, syntax.Variant) else name
        return [*found.values()]

    def pattern(self, name: str) -> syntax.Net | None:
        """The net of a name, or the one that a variant varies in the end; None where that is not there."""
        last = self.lineage(name)[-1:]
        return last[0] if last and isinstance(last[0], syntax.Net) else None


class Loader:
    """Loads a file and, once each, the files that it uses."""

    def __init__(self, read: Reader, limits: TextLimits = DEFAULT_TEXT_LIMITS, parse: Parser = parse) -> None:
        self.read, self.limits, self.parse = read, limits, parse
        self.diagnostics: list[Diagnostic] = []
        # "nets/blocks/a.cnn", and as those in a folder name it: ("nets", "blocks/a.cnn").
        self._loaded: dict[str | tuple[str, str], Module] = {}
        self._open: list[str] = []
        self.meter = Meter()

    def load(self, source: Source) -> Module:
        module = Module(source)
        self._open.append(source.name)
        module.tree, faults = self.parse(source, self.limits)
        self.diagnostics += faults
        for item in module.tree.items:
            try:
                _ITEMS[type(item)](self, item, module)
            except Fault as caught:
                self.diagnostics += filter(None, [caught.diagnostic])
                module.incomplete |= isinstance(item, syntax.UsedFile)
        self._open.pop()
        self._loaded[source.name] = module
        return module

    def define(self, name: syntax.Name, module: Module) -> None:
        if is_built_in(name.name):
            raise fault("E0203", f"`{name.name}` is a layer: give this another name", name.span)
        earlier = module.places.get(name.name)
        if earlier is not None:
            raise fault("E0203", f"`{name.name}` is defined twice", name.span, Note("first here", earlier))
        module.places[name.name] = name.span

    def constant(self, item: syntax.Constant, module: Module) -> None:
        self.define(item.name, module)
        try:
            evaluate = Evaluator(module.constants, module.lookup, meter=self.meter)
            module.constants[item.name.name] = evaluate(item.value)
        except Fault:
            module.constants[item.name.name] = UNKNOWN
            raise

    def block(self, item: syntax.Block, module: Module) -> None:
        self.define(item.name, module)
        self.parameters(item.parameters)
        module.blocks[item.name.name] = BlockName(item, ref(module))

    def net(self, item: syntax.Net | syntax.Variant, module: Module) -> None:
        self.define(item.name, module)
        if isinstance(item, syntax.Net):
            self.parameters(item.parameters)
        module.nets[item.name.name] = item

    def parameters(self, parameters: tuple[syntax.Parameter, ...]) -> None:
        first: dict[str, Span] = {}
        for parameter in parameters:
            earlier = first.setdefault(parameter.name.name, parameter.name.span)
            if earlier is not parameter.name.span:
                message = f"parameter `{parameter.name.name}` stands here twice"
                raise fault("E0203", message, parameter.name.span, Note("first here", earlier))

    def use(self, item: syntax.UsedFile, module: Module) -> None:
        path = str(item.path.value)
        seen_from = module.source.name.rpartition("/")[0], path
        used = self._loaded.get(seen_from)
        if used is None:
            source = self.read(path, module.source)
            if source is None:
                raise unknown_file(item.path)
            if isinstance(source, Diagnostic):
                raise Fault(source._replace(span=item.path.span))
            if source.name in self._open:
                circle = " uses ".join([*self._open[self._open.index(source.name) :], source.name])
                raise fault("E0207", f"a file cannot use itself: {circle}", item.path.span)
            if len(self._open) > DEEPEST:
                raise fault("E0307", f"files use one another more than {DEEPEST} deep", item.path.span)
            used = self._loaded[seen_from] = self._loaded.get(source.name) or self.load(source)
        module.used.append(used)
        for name, place in used.places.items():
            if name in used.nets:
                continue
            earlier = module.places.get(name)
            # The same file may come in by several ways: its names have the same places.
            if earlier is not None and earlier != place:
                note = Note("first here", earlier)
                raise fault("E0203", f'`{name}` of "{path}" is defined already', item.path.span, note)
            module.places[name] = place
        module.constants |= used.constants
        module.blocks |= used.blocks


def unknown_file(path: syntax.Literal) -> Fault:
    from cnnspec.text.shipped import names  # loaded on demand: most files are found
    from cnnspec.text.spelling import hints

    message = f"no file `{path.value}` beside this one or in the shipped library"
    within = path.span._replace(start=path.span.start + 1, end=path.span.end - 1)
    fixes = hints(within, path.value, [f"{name}.cnn" for name in names()])
    return fault("E0206", message, path.span, fixes=fixes)


_ITEMS: dict[type, Callable[[Loader, Any, Module], None]] = {
    syntax.Constant: Loader.constant,
    syntax.Block: Loader.block,
    syntax.Net: Loader.net,
    syntax.Variant: Loader.net,
    syntax.UsedFile: Loader.use,
}
