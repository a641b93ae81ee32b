"""Statements and steps, and the faults that they have.

All root faults of a run are collected. A step at fault yields a value of unknown shape, and an unknown
shape satisfies every check, so nothing cascades.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cnnspec import layers
from cnnspec.elaborate import blocks, braces, joins, leaves, wires
from cnnspec.elaborate.context import Abandoned, Context, Defaults
from cnnspec.elaborate.defaults import default
from cnnspec.elaborate.evaluate import Fault, Meter, Unknowable, edit, fault
from cnnspec.elaborate.naming import carries, free_name
from cnnspec.elaborate.special_values import UNKNOWN, BlockName, LayerName
from cnnspec.elaborate.trace import as_shape, made_by, trace
from cnnspec.graph.tree import Claim, Instance, Lost, Step, Value
from cnnspec.layers.base import Join, Layer
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Fix, Note, ShapeWanted, Twice
from cnnspec.text.source import Span
from cnnspec.values.comparisons import Mismatch
from cnnspec.values.kinds import describe
from cnnspec.values.limits import MORE_WORK, Limits
from cnnspec.values.shapes import Shape, plain_shape
from cnnspec.values.symbols import polynomial

MAX_FAULTS = 200
"""So many faults of a net are told: the rest of it is not looked at."""

MAX_MET = 500
"""So often may the turns of repeats meet faults."""

LONGEST_NAME = 1_000
"""Of a step, with the labels of the braces around it."""


class Elaborator:
    """Elaborates the nets of one program; `diagnostics` collects what is wrong."""

    def __init__(self, limits: Limits, overridden: bool = False) -> None:
        self.limits, self.overridden = limits, overridden
        self.diagnostics: list[Diagnostic] = []
        self.meter = Meter(limits.max_work)
        self.expanded = 0  # layers so far, those of shared instances counted at every use
        self.before = 0  # of them, those of the file's other nets
        self.frames: list[Note] = []
        self.instances: dict[Any, Instance] = {}
        self.layers: dict[Any, tuple[Layer, Shape]] = {}  # by class, text, shape and defaults
        self.sizes: dict[int, int] = {}  # id of an instance -> its layers
        self.measures: dict[int, Any] = {}  # id of a step -> the step, and what it takes to run it again
        self.active: list[syntax.Block] = []
        self.recipes: dict[int, tuple[BlockName, dict[str, Any], Defaults]] = {}
        self.depth = 0  # of braces and blocks within each other
        self.met = 0  # faults, told ones too
        self._seen: set[tuple[str, Any, int]] = set()
        self.least: dict[int, int] = {}  # id of a block -> a lower bound of its layers
        self.bounding = 0  # how deep in braces and blocks bounds.least is

    @property
    def work(self) -> int:
        """Steps, operations and list items computed so far, those of shared instances once."""
        return self.limits.max_work + MORE_WORK * (self.expanded - self.before) - self.meter.left

    # Faults

    def report(self, diagnostic: Diagnostic) -> None:
        """Keep a fault, with the expansion chain around it; the same fault at the same place counts once."""
        if not self.told(diagnostic.code, diagnostic.span):
            self._seen.add((diagnostic.code, diagnostic.span.source.name, diagnostic.span.start))
            self.diagnostics.append(diagnostic._replace(notes=(*diagnostic.notes, *reversed(self.frames))))
        if self.meter.left < 0 or len(self.diagnostics) >= MAX_FAULTS:
            raise Abandoned

    def told(self, code: str, span: Span) -> bool:
        """Whether this fault of this place is known, from an earlier turn of a repeat."""
        self.met += code.startswith("E")
        if self.met > MAX_MET:
            raise Abandoned
        return (code, span.source.name, span.start) in self._seen

    @contextmanager
    def frame(self, message: str, span: Span) -> Iterator[None]:
        self.frames.append(Note(message, span))
        try:
            yield
        finally:
            self.frames.pop()

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

    def body(
        self, body: syntax.Body, value: Value | None, context: Context
    ) -> tuple[tuple[Step, ...], Value | None]:
        if body.paths:
            self.report(
                Diagnostic("E0214", "paths with `|` stand only in the braces of a join", body.paths[0].span)
            )
        return self.statements(body.statements, value, context)

    def statements(
        self, statements: tuple[syntax.Statement, ...], value: Value | None, context: Context
    ) -> tuple[tuple[Step, ...], Value | None]:
        """Run statements on `value`; the steps and the value after them. `context` is theirs to change."""
        if self.depth >= self.limits.max_depth and statements:
            deepest = f"{self.limits.max_depth} deep (limit `max_depth`)"
            raise fault(
                "E0307", f"braces and blocks stand within each other more than {deepest}", statements[0].span
            )
        self.depth += 1
        try:
            return self.run(statements, value, context)
        finally:
            self.depth -= 1

    def run(
        self, statements: tuple[syntax.Statement, ...], value: Value | None, context: Context
    ) -> tuple[tuple[Step, ...], Value | None]:
        steps: list[Step] = []
        meter = self.meter
        for statement in statements:
            try:
                meter.spend(1, statement.span)
                if type(statement) is syntax.Chain:
                    value = self.chain(statement, value, context, steps)
                else:
                    _STATEMENTS[type(statement)](self, statement, value, context)
            except Fault as caught:
                self.report(caught.diagnostic)
            except Unknowable:
                pass
        return tuple(steps), value

    def constant(self, statement: syntax.Constant, value: Value | None, context: Context) -> None:
        name = statement.name.name
        try:
            context.names[name] = context.at(value)(statement.value)
        except (Fault, Unknowable):
            context.names[name] = UNKNOWN
            raise

    def require(self, statement: syntax.Require, value: Value | None, context: Context) -> None:
        if not context.decide(statement.test, value, required=True):
            said = statement.message.value if statement.message else f"`{statement.test.span.text}` is false"
            notes = (Note(f"{value.shape} arrives here"),) if value is not None and value.shape else ()
            raise fault("E0407", f"requirement not met: {said}", statement.test.span, *notes)

    def chain(
        self, chain: syntax.Chain, value: Value | None, context: Context, steps: list[Step]
    ) -> Value | None:
        if len(chain.steps) > 1:
            self.meter.spend(len(chain.steps), chain.span)
        for step in chain.steps:
            try:
                value = self.step(step, value, context, steps)
            except Fault as caught:
                self.report(caught.diagnostic)
                value = self.lost(step, value, context, steps)
            except Unknowable:
                value = self.lost(step, value, context, steps)
        if chain.assertion is not None and value is not None:
            try:
                self.assertion(chain.assertion, value, context)
            except Fault as caught:
                self.report(caught.diagnostic)
            except Unknowable:
                pass
        return value

    def lost(self, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]) -> Value:
        """The value of a step at fault: of unknown shape, but known by its label."""
        context.owner.incomplete = True
        unknown, name = Value(None), ""
        if step.label is not None and all(isinstance(part, str) for part in step.label.parts):
            name = context.scope.prefix + "".join(map(str, step.label.parts))
            context.owner.labels.setdefault(name, (unknown, None))
        steps.append(Lost(name, value or Value(None), unknown, step.action.span))
        return unknown

    def assertion(self, assertion: syntax.Assertion, value: Value, context: Context) -> None:
        evaluate = context.at(value)
        claim = evaluate.still(evaluate(assertion.expected))
        expected = as_shape(claim)
        if expected is None:
            raise fault(
                "E0303",
                f"a shape such as 16@5x5 or 400 is needed, not {describe(claim)}",
                assertion.expected.span,
                data=ShapeWanted(),
            )
        if value.shape is None:
            return
        if not self.overridden:
            context.owner.claims.append(Claim(value, plain_shape(expected)))
        if polynomial(expected.channels) != polynomial(value.shape.channels):
            context.owner.fix(expected.channels)
            context.owner.fix(value.shape.channels)
        if expected in (value.shape, value.believed):
            return
        if value.believed is None:
            self.claim_fails(assertion, expected, value)
        value.believed = expected

    def claim_fails(self, assertion: syntax.Assertion, expected: Shape, value: Value) -> None:
        code = "N0801" if self.overridden else "E0403"
        if self.told(code, assertion.expected.span):
            return
        self.report(
            Diagnostic(
                code,
                f"the shape here is {value.shape}, not {expected}",
                assertion.expected.span,
                f"claimed: {expected}",
                (*made_by(value), *trace(value)),
                data=Mismatch(value.shape, expected),
            )
        )

    # Steps

    def step(
        self, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]
    ) -> Value | None:
        action = step.action
        if type(action) is syntax.Call:
            return self.call(step.label, action, value, context, steps)
        if type(action) is syntax.Broken:
            raise Unknowable
        return _ACTIONS[type(action)](self, step, value, context, steps)

    def label(self, label: syntax.Label | None, context: Context, value: Value | None = None) -> str | None:
        if label is None:
            return None
        if not label.parts or any(isinstance(part, str) and "." in part for part in label.parts):
            raise Unknowable  # the parser told of it
        name = self.text(label, value, context)
        if not name or "." in name:
            raise fault("E0203", "a label is a name without dots", label.span)
        if not carries(name):
            free = free_name(name)
            fixes = [Fix(f"call it `{free}`", (edit(label.span, free),))]
            raise fault("E0208", f"torch modules already have an attribute `{name}`", label.span, fixes=fixes)
        return name

    def text(self, label: syntax.Label, value: Value | None, context: Context) -> str:
        """A label, its expressions computed."""
        text = ""
        for part in label.parts:
            found = part if isinstance(part, str) else context.at(value)(part)
            if isinstance(found, bool) or not isinstance(found, int | str):
                what = f"a label is made of integers and strings, not {describe(found)}"
                raise fault("E0303", what, label.span if isinstance(part, str) else part.span)
            context.owner.fix(found)
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
            if earlier == span:
                note = Note("in a repeat a label changes with its index: `repeat i in 3 { step{i}: … }`")
            raise fault("E0203", f"two steps of one scope are named `{name}`", span, note, data=Twice(name))
        return name

    def keep(self, label: str | None, name: str, value: Value, step: Step | None, context: Context) -> None:
        if label is not None:
            context.owner.labels[name] = (value, step)

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
        from cnnspec.text.spelling import hints

        verbs = ("repeat", "if", "from", "again", "output", "default", "require")
        known = [*layers.NAMES, *context.module.blocks, "input", "none", *verbs]
        fixes = hints(name.span, name.name, known, "layers")
        return fault("E0201", f"there is no layer or block `{name.name}`", name.span, fixes=fixes)

    def call(
        self,
        label: syntax.Label | None,
        call: syntax.Call,
        value: Value | None,
        context: Context,
        steps: list[Step],
    ) -> Value | None:
        target = self.target(call.name, context)
        if isinstance(target, BlockName):
            return blocks.use(self, label, call, target, value, context, steps)
        if target.name == "input":
            return self.input(label, call, context)
        if target.name == "none":
            raise fault("E0214", "`none` stands alone, as a whole path of a join", call.span)
        if value is None:
            raise fault(
                "E0209", f"no value arrives at `{target.name}`: an input must come first", call.name.span
            )
        if target.name == "identity":
            name = self.label(label, context, value)
            if name is not None and label is not None:
                self.keep(name, self.reserve(name, label.span, context), value, None, context)
            return value
        cls = layers.find(target.name)
        assert cls is not None
        if issubclass(cls, Join):
            return joins.join(self, label, call, cls, value, context, steps)
        if call.body is not None:
            raise fault("E0214", f"`{target.name}` takes no braces: it is no join", call.span)
        return leaves.leaf(self, label, call, cls, value, context, steps)

    def input(self, label: syntax.Label | None, call: syntax.Call, context: Context) -> Value | None:
        raise fault("E0209", "an input stands at the head of a net, not in a block or in braces", call.span)

    def output(
        self, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]
    ) -> Value | None:
        raise fault("E0214", "`output` stands in a net: a block has one output, its last value", step.span)


_STATEMENTS: dict[type, Callable[[Elaborator, Any, Value | None, Context], None]] = {
    syntax.Constant: Elaborator.constant,
    syntax.Default: default,
    syntax.Require: Elaborator.require,
}

_ACTIONS: dict[type, Callable[[Elaborator, syntax.Step, Value | None, Context, list[Step]], Value | None]] = {
    syntax.Group: braces.group,
    syntax.Repeat: braces.repeat,
    syntax.If: braces.branch,
    syntax.From: wires.wire,
    syntax.Again: wires.wire,
    syntax.Output: lambda run, *step: run.output(*step),
}
