"""The pipeline: a source becomes a module, its nets become checked networks, all faults are collected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

from cnnspec.elaborate.context import Watch
from cnnspec.elaborate.load import Loader, Module, Reader
from cnnspec.elaborate.network import NetworkElaborator, choose
from cnnspec.elaborate.settings import Misuse, Settings
from cnnspec.failures import Keep, give_up
from cnnspec.graph.tree import Network
from cnnspec.text.diagnostics import Diagnostic, Lacking, has_errors
from cnnspec.text.source import Source, Span
from cnnspec.text.syntax import parameter_names
from cnnspec.values.limits import allow_deep_calls, pause_collector
from cnnspec.values.shapes import Shape


class Checked(NamedTuple):
    """What a file holds: its nets without faults are `networks`, those with faults `partial`.

    A partial network goes as far as it can: a value that a fault hides has no shape, and a step that a
    fault left without a meaning is a `Lost` one. The fault itself stands where all that arrives is known
    and what leaves is not: asked again, the layer there raises its Misfit again. A false claim hides no
    shape: the value that it is about is `believed` to have another.
    """

    networks: tuple[Network, ...]
    diagnostics: tuple[Diagnostic, ...]
    expanded: int = 0  # layers that all nets unfolded to
    partial: tuple[Network, ...] = ()
    work: int = 0  # steps, operations and list items that were computed for all nets
    blocks: tuple[str, ...] = ()  # of a file without nets, which others use; their sizes are theirs to say

    @property
    def all_networks(self) -> tuple[Network, ...]:
        """Those with faults, as far as they go, before those without."""
        return *self.partial, *self.networks

    @property
    def ok(self) -> bool:
        return not has_errors(self.diagnostics)


def nothing(path: str, source: Source) -> None:
    """A Reader that finds no file."""


def check_text(text: str, name: str = "net.cnn") -> Checked:
    """Check a specification given as a string; it can use nothing but the shipped blocks."""
    from cnnspec.text.files import read_library

    return check(Source(name, text), read_library)


def check(
    source: Source,
    read: Reader = nothing,
    net: str | None = None,
    settings: Settings | None = None,
    first: bool = False,
    lint: bool = False,
    keep: Keep = give_up,
) -> Checked:
    """Check the nets of a file: the one of that name, else the first if so wanted or set, else all.

    `lint`: nets without faults are looked at for what deserves a warning, too; where a lint fails, `keep`
    takes the failure.
    The collector rests meanwhile: a parse makes many objects, and none of them is garbage.
    """
    settings = settings or Settings()
    with pause_collector(), allow_deep_calls():
        loader = Loader(read, settings.text_limits)
        module = loader.load(source)
        found = check_module(module, loader.diagnostics, net, settings, first)
        as_written = net is None and not first and settings.empty
        whole = as_written and found.ok and bool(found.networks)
        return add_warnings(found, module, whole, keep) if lint else found


def rechecker(
    source: Source, read: Reader, net: str, settings: Settings
) -> Callable[[Mapping[str, Shape]], Network | None]:
    """Checks a net for other inputs, its text read once; what it returns is None where there are faults."""

    @cache
    def load() -> tuple[Module, list[Diagnostic]]:
        loader = Loader(read, settings.text_limits)
        return loader.load(source), loader.diagnostics

    def recheck(inputs: Mapping[str, Shape]) -> Network | None:
        module, diagnostics = load()
        try:
            found = check_module(module, [*diagnostics], net, settings._replace(inputs=inputs), True)
        except Misuse:  # for these sizes the text has no input of that name
            return None
        return found.networks[0] if found.ok and found.networks else None

    return recheck


def check_module(
    module: Module,
    diagnostics: list[Diagnostic],
    net: str | None,
    settings: Settings,
    first: bool,
    watch: Watch | None = None,
) -> Checked:
    top = Span(module.source, 0, 0)
    broken = has_errors(diagnostics)
    names = list(module.nets)
    if net is not None:
        # Where there are faults one of them may have kept the net from being read.
        if net not in module.nets and not broken:
            raise Misuse("net", f"there is no net `{net}` in {module.source.name}", net, names)
        names = [net] if net in module.nets else []
    own = (name for name, block in module.blocks.items() if block.block.span.source is module.source)
    blocks = () if module.nets else tuple(own)
    # A file of blocks alone is fine as it is, unless its caller wants a net of it.
    if not names and not broken and net is None and (first or not settings.empty or not blocks):
        held = "only blocks to be used by others" if module.blocks else "nothing to check"
        diagnostics.append(Diagnostic("E0210", f"no net in this file: {held}", top))
    if any(d.code == "E0103" for d in diagnostics):
        names = []  # where brackets do not match, what belongs to what is a guess
    networks: list[Network] = []
    partial: list[Network] = []
    expanded = work = 0
    for name in names:
        found = check_net(module, name, net is not None, settings, diagnostics, expanded, watch)
        expanded, work = found.expanded, work + found.work
        if found.network is not None:  # what the parser could not read, a broken one lacks
            (partial if broken or found.faulty else networks).append(found.network)
        # Settings are one net's: with several nets they are the first's that can take them.
        if (first or not settings.empty) and (found.network is not None or has_errors(diagnostics)):
            break  # a pattern, which lacks a value, is passed over
    if names and not networks and not has_errors(diagnostics):
        check_net(module, names[-1], True, settings, diagnostics)  # nothing but patterns: say what they lack
    found_faults = tuple(unique(readable(diagnostics)))
    return Checked(tuple(networks), found_faults, expanded, tuple(partial), work, blocks)


def readable(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Without what is said of the names and arguments of a line that could not be read whole."""
    unread = {(d.span.source.name, d.span.line) for d in diagnostics if d.code in ("E0101", "E0102")}
    return [
        d
        for d in diagnostics
        if d.code[:3] not in ("E02", "E03") or (d.span.source.name, d.span.line) not in unread
    ]


def add_warnings(found: Checked, module: Module, whole: bool, keep: Keep) -> Checked:
    """With warnings. `whole`: all nets are there as written, so comments that silence nothing are known."""
    from cnnspec.analysis.lints import warnings

    blocks = [name.block for name in module.blocks.values()]
    found_here = warnings(found.networks, module.source if whole else None, blocks, keep)
    return found._replace(diagnostics=tuple(unique([*found.diagnostics, *found_here])))


class Elaborated(NamedTuple):
    """A net, None where there is not even a part of it, and to how many layers the file's nets unfolded."""

    network: Network | None
    expanded: int
    faulty: bool = True
    work: int = 0


def check_net(
    module: Module,
    name: str,
    chosen: bool,
    settings: Settings,
    diagnostics: list[Diagnostic],
    expanded: int = 0,
    watch: Watch | None = None,
) -> Elaborated:
    pattern = choose(module, name, diagnostics)
    if pattern is None:
        return Elaborated(None, expanded)
    known = parameter_names(pattern.net)
    unused = [given for given in settings.parameters if given not in known]
    if unused:
        raise Misuse("parameter", f"net `{name}` has no parameter `{unused[0]}`", unused[0], known)
    given: Mapping[str, object] = {**pattern.given, **settings.parameters}
    lacking = [missing for missing in pattern.lacking if missing not in given]
    if lacking:
        if chosen:
            message = f"`{name}` needs a value for {', '.join(lacking)}: set it, or give it in a variant"
            span = pattern.name.span
            diagnostics.append(Diagnostic("E0211", message, span, data=Lacking(tuple(lacking))))
        return Elaborated(None, expanded)
    elaborator = NetworkElaborator(pattern._replace(given=given), settings, expanded, watch)
    network = elaborator.network()
    diagnostics += elaborator.diagnostics
    faulty = has_errors(elaborator.diagnostics)
    return Elaborated(network, elaborator.expanded, faulty, elaborator.work)


def unique(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Without repetitions (two nets meet the same fault in one block), in the order of the text.

    A claim that is false of one net is not noted of its variants, too.
    """
    first: dict[tuple[str, tuple[str, int]], Diagnostic] = {}
    # False of a net as it is written, E0403, and of its variants, N0801: said once.
    false = {diagnostic.span for diagnostic in diagnostics if diagnostic.code == "E0403"}
    for diagnostic in diagnostics:
        if diagnostic.code == "N0801" and diagnostic.span in false:
            continue
        first.setdefault((diagnostic.code, diagnostic.span.home), diagnostic)
    return sorted(first.values(), key=lambda d: d.span.home)
