"""What is known while a net is elaborated, and the way back to its statements.

The modules of this folder that elaborate one kind of step take an `Elaboration`: it keeps faults, limits and
names for them, and elaborates the statements in their braces, which statements.py implements.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cnnspec import layers
from cnnspec.elaborate.context import Abandoned, Context, Defaults
from cnnspec.elaborate.faults import Fault, Meter, Unknowable, fault, unknown
from cnnspec.elaborate.naming import carries, free_name
from cnnspec.elaborate.special_values import UNKNOWN, BlockName, LayerName
from cnnspec.graph.tree import Instance, Step, Value
from cnnspec.layers.base import Layer
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Fix, Note, Twice
from cnnspec.text.edits import Edit
from cnnspec.text.source import Span
from cnnspec.values.kinds import describe
from cnnspec.values.limits import MORE_WORK, Limits
from cnnspec.values.shapes import Shape

MAX_FAULTS = 200
"""The most faults that are reported for a net: the rest of it is not looked at."""

MAX_ENCOUNTERS = 500
"""The most faults that a net may meet, those counted again that later turns of a repeat meet."""

LONGEST_NAME = 1_000
"""The most characters of a step's name, with the labels of the braces around it."""


Watch = Callable[[syntax.Step, Value | None, Value | None, Step | None], None]
"""Is called behind each step of the text, once for each of its runs: the step as it is written, what arrived,
what leaves, and the step of the graph that was made of it, if one was."""


class Elaboration(ABC):
    """The state of elaborating a net; `diagnostics` collects what is wrong."""

    def __init__(self, limits: Limits, overridden: bool = False, watch: Watch | None = None) -> None:
        self.limits, self.overridden, self.watch = limits, overridden, watch
        self.diagnostics: list[Diagnostic] = []
        self.meter = Meter(limits.max_work)
        self.expanded = 0  # layers so far, those of shared instances counted at every use
        self.before = 0  # of them, those of the file's other nets
        self.expansions: list[Note] = []
        self.instances: dict[Any, Instance] = {}  # by block, arguments, arriving shape and defaults
        self.layers: dict[Any, tuple[Layer, Shape]] = {}  # by class, text, shape and defaults
        self.sizes: dict[int, int] = {}  # id of an instance -> its layers
        self.replay_costs: dict[int, Any] = {}  # id of a step -> the step, and what it takes to run it again
        self.active: list[syntax.Block] = []  # blocks that are being elaborated, each in the one before
        # id of an instance -> what it was made of: `again` makes it anew for another shape.
        self.recipes: dict[int, tuple[BlockName, dict[str, Any], Defaults]] = {}
        self.depth = 0  # of braces and blocks within each other
        self.encounters = 0  # faults, repeated ones too
        self._seen: set[tuple[str, tuple[str, int]]] = set()  # ("E0401", ("net.cnn", 120))
        self.least: dict[int, int] = {}  # id of a block -> a lower bound of its layers
        self.bounding = 0  # how deep in braces and blocks bounds.least is

    @property
    def work(self) -> int:
        """Steps, operations and list items computed so far, those of shared instances once."""
        return self.limits.max_work + MORE_WORK * (self.expanded - self.before) - self.meter.left

    # Faults

    def report(self, diagnostic: Diagnostic | None) -> None:
        """Keep a fault, with the expansion chain around it; the same fault at the same place counts once."""
        if diagnostic is None:
            return
        if not self.is_reported(diagnostic.code, diagnostic.span):
            self._seen.add((diagnostic.code, diagnostic.span.home))
            self.diagnostics.append(
                diagnostic._replace(notes=(*diagnostic.notes, *reversed(self.expansions)))
            )
        # Here, not where the work is spent: the fault that tells of it is kept first.
        if self.meter.left < 0 or len(self.diagnostics) >= MAX_FAULTS:
            raise Abandoned

    def is_reported(self, code: str, span: Span) -> bool:
        """Whether this fault of this place is known, from an earlier turn of a repeat."""
        self.encounters += code.startswith("E")
        if self.encounters > MAX_ENCOUNTERS:
            raise Abandoned
        return (code, span.home) in self._seen

    @contextmanager
    def expansion(self, message: str, span: Span) -> Iterator[None]:
        self.expansions.append(Note(message, span))
        try:
            yield
        finally:
            self.expansions.pop()

    def count(self, number: int, span: Span) -> None:
        self.expanded += number
        self.meter.left += MORE_WORK * number
        if self.expanded > self.limits.max_layers:
            self.exceed(span)

    def exceed(self, span: Span) -> None:
        what = "the nets of this file unfold" if self.before else "the network unfolds"
        message = f"{what} to more than {self.limits.max_layers:,} layers (limit `max_layers`)"
        self.report(Diagnostic("E0307", message, span))
        raise Abandoned

    # Statements

    @abstractmethod
    def body(self, body: syntax.Body, context: Context) -> tuple[Step, ...]:
        """Elaborate the statements in braces, where paths are out of place; the steps."""

    @abstractmethod
    def statements(self, statements: tuple[syntax.Statement, ...], context: Context) -> tuple[Step, ...]:
        """Elaborate statements in a context, which goes on with the value after them; the steps."""

    @abstractmethod
    def step(self, step: syntax.Step, context: Context) -> Value | None:
        """Elaborate a step, put what it is behind the context's steps; the value after it."""

    # Names

    def label(self, label: syntax.Label | None, context: Context) -> str | None:
        if label is None:
            return None
        if not label.parts:
            raise Unknowable  # the parser has reported it
        name = self.text(label, context)
        if not name or "." in name:
            raise fault("E0203", "what is computed of a label holds no dot: dots part it", label.span)
        if not carries(name):
            free = free_name(name)
            fixes = [Fix(f"call it `{free}`", (Edit(label.span, free),))]
            raise fault("E0208", f"torch modules already have an attribute `{name}`", label.span, fixes=fixes)
        return name

    def text(self, label: syntax.Label, context: Context) -> str:
        """A label, its expressions computed."""
        text = ""
        for part in label.parts:
            found = part if isinstance(part, str) else context.evaluate(part)
            if isinstance(found, bool) or not isinstance(found, int | str):
                what = f"a label is made of integers and strings, not {describe(found)}"
                raise fault("E0303", what, label.span if isinstance(part, str) else part.span)
            context.owner.pin(found)
            text += found if isinstance(found, str) else str(int(found))
        return text

    def name(self, label: str | None, kind: str, span: Span, context: Context) -> str:
        """The name of a step that counts."""
        return self.unique(*context.scope.name(label, kind, span), span)

    def reserve(self, label: str, span: Span, context: Context) -> str:
        """The name of a labelled step that does not count: an input, an identity."""
        return self.unique(*context.scope.reserve(label, span), span)

    @staticmethod
    def unique(name: str, earlier: Span | None, span: Span) -> str:
        if len(name) > LONGEST_NAME:
            raise fault("E0307", f"a name has at most {LONGEST_NAME:,} characters, those around it too", span)
        if earlier is not None:
            note = Note(f"`{name}` is already here", earlier)
            # One place took it twice: a repeat runs over it.
            if earlier == span:
                note = Note("in a repeat a label changes with its index: `repeat i in 3 { step{i}: … }`")
            raise fault("E0203", f"two steps of one scope are named `{name}`", span, note, data=Twice(name))
        return name

    def keep(self, label: str | None, name: str, value: Value, step: Step | None, context: Context) -> None:
        """Let wires lead to a step by its label, or by its number."""
        if label is not None:
            context.owner.labels[name] = (value, step)
        elif not context.scope.by_kind:
            context.owner.numbered[name] = (value, step)

    @staticmethod
    def arriving(name: str, call: syntax.Call, context: Context) -> Value:
        """The value that arrives at a layer or a block of this name."""
        if context.value is None:
            message = f"no value arrives at `{name}`: an input must come first"
            raise fault("E0209", message, call.name.span)
        return context.value

    def target(self, name: syntax.Name, context: Context) -> LayerName | BlockName:
        """What a step's first name means: a layer, a block, else a name that holds one."""
        found = context.module.step(name.name)
        if found is None:
            try:
                found = context.names[name.name]
            except KeyError:
                raise self.unknown_step(name, context) from None
            if found is UNKNOWN:
                raise Unknowable
            if not isinstance(found, LayerName | BlockName):
                raise fault("E0303", f"`{name.name}` is {describe(found)}, not a layer or a block", name.span)
        return found

    def unknown_step(self, name: syntax.Name, context: Context) -> Fault:
        verbs = ("repeat", "if", "from", "again", "output", "default", "require")
        known = [*layers.NAMES, *context.module.blocks, "input", "none", *verbs]
        message = f"there is no layer or block `{name.name}`"
        found = unknown("E0201", message, *name, known, section="layers")
        is_hidden = context.module.incomplete and found.diagnostic is not None and not found.diagnostic.fixes
        return Unknowable() if is_hidden else found
