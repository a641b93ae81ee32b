"""What is found of a text, net by net: the net in view first, the others when there is time.

When all nets are checked, `diagnostics` are those that `compiler.check` finds of the text.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

from cnnspec import compiler
from cnnspec.compiler import Checked
from cnnspec.elaborate.context import Watch
from cnnspec.elaborate.load import Loader, Parser, Reader
from cnnspec.elaborate.network import choose
from cnnspec.elaborate.settings import Misuse, Settings
from cnnspec.graph.tree import Network, Step, Value
from cnnspec.tables.one_line import figures
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, has_errors
from cnnspec.text.parser import parse
from cnnspec.text.source import Source, Span
from cnnspec.values.limits import allow_deep_calls, pause_collector

ALL = ""
"""In a net's place: all nets at once, where none can be checked alone."""

SETTINGS = Settings()

T = TypeVar("T")


class StepRun(NamedTuple):
    """A step of the text as it ran: what arrived, what left, and what it is in the graph."""

    arriving: Value | None
    leaving: Value | None
    made: Step | None


class Check:
    """The check of one version of a text. `read` reads the files that it uses."""

    def __init__(
        self, source: Source, read: Reader, before: Check | None = None, parse: Parser = parse
    ) -> None:
        self.source, self.read = source, read
        self.sources: dict[str, Source] = {source.name: source}  # of the files that are used, too
        with pause_collector(), allow_deep_calls():
            loader = Loader(self.read_used, parse=parse)
            self.module = loader.load(source)
        self.faults = tuple(loader.diagnostics)
        # A pattern that lacks values of parameters is checked in its variants.
        self.nets = [name for name in self.module.nets if self.is_whole(name)]
        self.found: dict[str, Checked] = {}
        self.in_view, self.settings = "", SETTINGS  # which are those of the net in view alone
        self.refused = ""  # why other settings could not be taken
        self.runs: dict[Span, list[StepRun]] = {}  # of steps, by where they stand
        self.fixed: list[Diagnostic] | None = None  # the diagnostics with fixes, once they are sought
        self._kept: dict[object, Any] = {}  # what is computed of the net in view, by what computes it
        self._figures: dict[str, str] = {}  # in a line, by nets
        if before is not None:
            self.take_over(before)

    def read_used(self, path: str, source: Source) -> Source | Diagnostic | None:
        found = self.read(path, source)
        if isinstance(found, Source):
            self.sources[found.name] = found
        return found

    def is_whole(self, name: str) -> bool:
        """Whether a net can be checked alone, and is no mere pattern of variants."""
        pattern = choose(self.module, name, [])
        return pattern is None or not pattern.lacking

    # Net by net

    @property
    def left(self) -> list[str]:
        """The nets that are not checked yet."""
        return [name for name in self.nets or [ALL] if name not in self.found]

    @property
    def is_complete(self) -> bool:
        return not self.left

    def view(self, name: str, settings: Settings = SETTINGS) -> None:
        """Check the net of this name, or the first one, and know the runs of its steps."""
        if not self.settings.empty:
            # What was found under other settings is not what the text says of that net.
            del self.found[self.in_view]
        self.in_view = name if name in self.nets else self.nets[0] if self.nets else ALL
        # ALL stands for no net: it has no parameters that could be set.
        settings = settings if self.in_view else SETTINGS
        if not (settings.empty and self.settings.empty):
            # Fixes that are known were sought under other settings.
            self.fixed = None
        self.settings, self.refused, self.runs, self._kept = settings, "", {}, {}
        try:
            self.check(self.in_view, self.watch)
        except Misuse as problem:
            # A parameter that is not there any more, say: the net is shown as the text has it, and why.
            self.settings, self.refused, self.runs = SETTINGS, str(problem), {}
            self.check(self.in_view, self.watch)

    def watch(
        self, step: syntax.Step, arriving: Value | None, leaving: Value | None, made: Step | None
    ) -> None:
        self.runs.setdefault(step.span, []).append(StepRun(arriving, leaving, made))

    def runs_at(self, offset: int) -> list[StepRun]:
        """The runs of the innermost step around an offset of the text."""
        ours = [span for span in self.runs if span.source is self.source]
        around = [span for span in ours if span.start <= offset < span.end]
        return self.runs[min(around, key=lambda span: span.end - span.start)] if around else []

    def once(self, compute: Callable[[Check], T]) -> T:
        """What a function finds of the net in view, computed once."""
        if compute not in self._kept:
            self._kept[compute] = compute(self)
        found: T = self._kept[compute]
        return found

    def go_on(self) -> None:
        """Check one net more."""
        for name in self.left[:1]:
            self.check(name)

    def check(self, name: str, watch: Watch | None = None) -> None:
        self.found[name] = self.check_nets(name or None, watch)
        self._figures.pop(name, None)
        expanded = sum(found.expanded for found in self.found.values())
        if self.is_complete and expanded > SETTINGS.limits.max_layers:  # a bound that the nets share
            # Each is within the bound alone, but `check` of the whole file would refuse them.
            together = self.check_nets(None)
            self.found = dict.fromkeys(self.nets, Checked((), together.diagnostics))

    def check_nets(self, name: str | None, watch: Watch | None = None) -> Checked:
        settings = self.settings if name == self.in_view else SETTINGS
        with pause_collector(), allow_deep_calls():
            found = compiler.check_module(self.module, list(self.faults), name, settings, False, watch)
            return compiler.add_warnings(found, self.module, False, ignore)

    # What is known so far

    @property
    def network(self) -> Network | None:
        """The net in view, with faults as far as it goes."""
        found = self.found.get(self.in_view)
        return next(iter((*found.networks, *found.partial)), None) if found else None

    @property
    def networks(self) -> dict[str, Network]:
        """The nets without faults, as far as they are checked. Their spans may be those of an older text."""
        return {name: found.networks[0] for name, found in self.found.items() if found.networks}

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What was found so far, each fault once, in the order of the text."""
        # Each net tells the faults of the blocks that it shares with others.
        found = [d for name in self.nets or [ALL] if name in self.found for d in self.found[name].diagnostics]
        whole = compiler.unique([*self.faults, *found])
        readable = compiler.unique(compiler.readable(whole))
        # Which comments silence nothing is known only when every net has had its chance to need them.
        fine = bool(self.networks) and not has_errors(readable)
        if fine and self.is_complete and "allow" in self.source.text:
            return self.with_comments(readable)
        return readable

    def with_comments(self, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
        """With W0500 of comments that silence nothing in any net."""
        networks = tuple(self.networks[name] for name in self.nets if name in self.networks)
        found = Checked(networks, tuple(diagnostics))
        return list(compiler.add_warnings(found, self.module, True, ignore).diagnostics)

    def figures(self, name: str) -> str:
        """A net in a line: sizes, parameters, MACs; "" of one with faults, or not checked yet."""
        network = self.networks.get(name)
        if network is not None and name not in self._figures:
            self._figures[name] = figures(network)
        return self._figures[name] if network is not None else ""

    # What did not change

    def key(self, name: str) -> object:
        """What all of a net's check depends on: two checks with equal keys find the same."""
        # Of B in `net B = A depth=2`: the texts of B and of A.
        return self._shared, [item.span.text for item in self.module.lineage(name)]

    @cached_property
    def _shared(self) -> object:
        """What all nets depend on: the rest of the text, and the files that it uses."""
        nets = syntax.Net | syntax.Variant
        rest = [item.span.text for item in self.module.tree.items if not isinstance(item, nets)]
        used = [source for source in self.sources.values() if source is not self.source]
        return rest, [(source.name, source.text) for source in used]

    def take_over(self, before: Check) -> None:
        """Take what is known of nets that did not change, where there is nothing to say of them."""
        texts = [*self.sources.values(), *before.sources.values()]
        # A comment may silence a warning of any net, so which are of use is known of all nets together only.
        if self.faults or before.faults or any("allow" in source.text for source in texts):
            return
        for name in self.nets:
            # The net that was in view may have been found under other settings.
            known = before.found.get(name) if before.settings.empty or name != before.in_view else None
            if known is not None and not known.diagnostics and before.key(name) == self.key(name):
                self.found[name] = known


def ignore(failure: Exception) -> None:
    """Where a lint fails, or a table, the text is shown without."""
