"""Where a step stands, and the run that elaborates its net, which every such place knows.

The modules of this folder that elaborate one kind of step take a Context. Its `run` keeps faults, limits and
what is made once, and elaborates the statements in braces, which statements.py implements.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cnnspec import layers
from cnnspec.elaborate.evaluate import Evaluator
from cnnspec.elaborate.faults import Fault, Meter, Unknowable, fault, unknown
from cnnspec.elaborate.load import Module
from cnnspec.elaborate.naming import NameScope, carries, free_name
from cnnspec.elaborate.owner import Defaults, Owner
from cnnspec.elaborate.special_values import UNKNOWN, BlockName, LayerName, ScopeNames
from cnnspec.graph.tree import Braces, Decision, Instance, Leaf, Lost, Merge, Step, Use, Value
from cnnspec.layers.base import Layer
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Fix, Note, Twice
from cnnspec.text.edits import Edit
from cnnspec.text.source import Span
from cnnspec.values.kinds import describe, is_integer
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


class Abandoned(Exception):
    """A limit is reached: the rest of the network is not looked at."""


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
        self.bounding = 0  # how deep in braces and blocks unfolding.least is

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
        """Count layers. Raises Abandoned where they are too many."""
        self.expanded += number
        self.meter.left += MORE_WORK * number
        self.require_room(0, span)

    def require_room(self, number: int, span: Span) -> None:
        """Refuse so many layers more where they would be too many. Raises Abandoned."""
        if self.expanded + number > self.limits.max_layers:
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


class Context:
    """Where a step stands: the run that elaborates it, its owner, naming scope, names, defaults, file.

    `value` is what arrives there, None before an input, and `evaluate` the evaluator there; `steps` are those
    of the graph that were made so far of the steps between the same braces.
    """

    __slots__ = ("defaults", "evaluate", "module", "names", "owner", "run", "scope", "steps", "value")

    def __init__(
        self,
        run: Elaboration,
        owner: Owner,
        scope: NameScope,
        names: ScopeNames,
        defaults: Defaults,
        module: Module,
        value: Value | None = None,
    ) -> None:
        self.run, self.owner, self.scope, self.names = run, owner, scope, names
        self.defaults, self.module = defaults, module
        self.evaluate = Evaluator(names, module.lookup, owner.pin, run.meter)
        self.steps: list[Step] = []
        self.arrive(value)

    def arrive(self, value: Value | None) -> None:
        """Go on with a value."""
        self.value = self.evaluate.value = value

    def inside(self, scope: NameScope | None = None, names: Mapping[str, Any] | None = None) -> Context:
        """The context within braces."""
        inner = ScopeNames(self.names, names or ())
        return Context(
            self.run, self.owner, scope or self.scope, inner, self.defaults, self.module, self.value
        )

    def decide(self, test: syntax.Expression, required: bool = False) -> bool:
        """Whether a condition holds. Where it reads sizes, it is found, not assumed, what it comes to."""
        assumed = self.owner.assumed
        before = len(assumed)
        holds = self.evaluate.truth(test)
        if len(assumed) > before and self.value is not None:
            del assumed[before:]
            # As they are now: in the next turn of a repeat its names mean something else.
            known = ((name, self.names.find(name)) for name in syntax.names(test))
            names = {name: found for name, found in known if found is not None}
            lookup = self.evaluate.lookup
            self.owner.decisions.append(Decision(self.value, test, names, lookup, holds, required))
        return holds

    # What names mean

    def target(self, name: syntax.Name) -> LayerName | BlockName:
        """What a step's first name means: a layer, a block, else a name that holds one."""
        found = self.module.lookup(name.name)
        if found is None:
            try:
                found = self.names[name.name]
            except KeyError:
                raise self.unknown_step(name) from None
            if found is UNKNOWN:
                raise Unknowable
            if not isinstance(found, LayerName | BlockName):
                raise fault("E0303", f"`{name.name}` is {describe(found)}, not a layer or a block", name.span)
        return found

    def unknown_step(self, name: syntax.Name) -> Fault:
        verbs = ("repeat", "if", "from", "again", "output", "default", "require")
        known = [*layers.NAMES, *self.module.blocks, "input", "none", *verbs]
        message = f"there is no layer or block `{name.name}`"
        found = unknown("E0201", message, *name, known, section="layers")
        is_hidden = self.module.incomplete and found.diagnostic is not None and not found.diagnostic.fixes
        return Unknowable() if is_hidden else found

    def arriving(self, name: str, call: syntax.Call) -> Value:
        """The value that arrives at a layer or a block of this name."""
        if self.value is None:
            message = f"no value arrives at `{name}`: an input must come first"
            raise fault("E0209", message, call.name.span)
        return self.value

    # How steps are named

    def label(self, label: syntax.Label) -> str:
        """A label, computed: a name that a module can carry."""
        if not label.parts:
            raise Unknowable  # the parser has reported it
        name = self.text(label)
        if not name or "." in name:
            raise fault("E0203", "what is computed of a label holds no dot: dots part it", label.span)
        if not carries(name):
            free = free_name(name)
            fixes = [Fix(f"call it `{free}`", (Edit(label.span, free),))]
            raise fault("E0208", f"torch modules already have an attribute `{name}`", label.span, fixes=fixes)
        return name

    def text(self, label: syntax.Label) -> str:
        """A label, its expressions computed."""
        text = ""
        for part in label.parts:
            found = part if isinstance(part, str) else self.evaluate(part)
            if isinstance(found, bool) or not isinstance(found, int | str):
                what = f"a label is made of integers and strings, not {describe(found)}"
                raise fault("E0303", what, label.span if isinstance(part, str) else part.span)
            self.owner.pin(found)
            text += found if isinstance(found, str) else str(int(found))
        return text

    def name(self, label: syntax.Label | None, kind: str, span: Span) -> str:
        """The name of a step that counts: its label, or what its place and kind make it."""
        if label is None:
            return require_free(*self.scope.name(None, kind, span), span)
        return require_free(*self.scope.name(self.label(label), kind, label.span), label.span)

    def name_braces(self, label: syntax.Label | None, kind: str) -> tuple[str, NameScope]:
        """The name of braces, and the naming scope within them."""
        # Without a label braces are no module: their steps count on in the scope around.
        if label is None:
            return "", self.scope
        name = self.name(label, kind, label.span)
        return name, NameScope(name + ".", by_kind=False)

    def name_value(self, label: syntax.Label, value: Value) -> None:
        """Let wires lead to a value by the label of a step that does not count: an input, an identity."""
        name = require_free(*self.scope.reserve(self.label(label), label.span), label.span)
        self.owner.labels[name] = value, None

    def add(self, step: Leaf | Use | Braces | Merge | Lost, labelled: bool) -> None:
        """Put a step behind those before it, and let wires lead to it by its label, or by its number."""
        self.steps.append(step)
        if labelled:
            self.owner.labels[step.name] = step.output, None if type(step) is Lost else step
        elif step.name and not self.scope.by_kind:  # braces without a label have no number either
            self.owner.numbered[step.name] = step.output, None if type(step) is Lost else step


def require_free(name: str, earlier: Span | None, span: Span) -> str:
    """The name of a step, if no step before has taken it. Raises Fault."""
    if len(name) > LONGEST_NAME:
        raise fault("E0307", f"a name has at most {LONGEST_NAME:,} characters, those around it too", span)
    if earlier is not None:
        note = Note(f"`{name}` is already here", earlier)
        # One place took it twice: a repeat runs over it.
        if earlier == span:
            note = Note("in a repeat a label changes with its index: `repeat i in 3 { step{i}: … }`")
        raise fault("E0203", f"two steps of one scope are named `{name}`", span, note, data=Twice(name))
    return name


def own_constants(body: syntax.Body, context: Context) -> dict[str, int]:
    """The integers that a net's or a block's text gives names to, outside inner braces."""
    own = [statement.name.name for statement in body.statements if isinstance(statement, syntax.Constant)]
    return {name: context.names[name] for name in own if is_integer(context.names[name])}
