"""Statements and steps, and the faults that they have.

All root faults of a run are collected. A step at fault yields a value of unknown shape, and an unknown
shape satisfies every check, so nothing cascades.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnspec import layers
from cnnspec.elaborate import blocks, braces, joins, leaves, wires
from cnnspec.elaborate.context import Context
from cnnspec.elaborate.defaults import default
from cnnspec.elaborate.evaluate import Fault, Unknowable, fault
from cnnspec.elaborate.special_values import UNKNOWN, BlockName
from cnnspec.elaborate.state import Elaboration
from cnnspec.elaborate.trace import as_shape, made_by, trace
from cnnspec.graph.tree import Claim, Lost, Step, Value
from cnnspec.layers.base import Join
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Note, ShapeWanted
from cnnspec.values.comparisons import Mismatch
from cnnspec.values.kinds import describe
from cnnspec.values.shapes import Shape, plain_shape
from cnnspec.values.symbols import polynomial


class Elaborator(Elaboration):
    """Elaborates the statements of a net."""

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
            arriving, made = value, len(steps)
            try:
                value = self.step(step, value, context, steps)
            except Fault as caught:
                self.report(caught.diagnostic)
                value = self.lost(step, value, context, steps)
            except Unknowable:
                value = self.lost(step, value, context, steps)
            if self.watch is not None:
                self.watch(step, arriving, value, steps[-1] if len(steps) > made else None)
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
            context.owner.pin(expected.channels)
            context.owner.pin(value.shape.channels)
        if expected in (value.shape, value.believed):
            return
        if value.believed is None:
            self.claim_fails(assertion, expected, value)
        value.believed = expected

    def claim_fails(self, assertion: syntax.Assertion, expected: Shape, value: Value) -> None:
        code = "N0801" if self.overridden else "E0403"
        if self.is_reported(code, assertion.expected.span):
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
        if step.label is not None and braces.has_dots(step.label):
            return braces.with_dots(self, step, value, context, steps)
        if type(action) is syntax.Call:
            return self.call(step.label, action, value, context, steps)
        if type(action) is syntax.Broken:
            raise Unknowable
        return _ACTIONS[type(action)](self, step, value, context, steps)

    def call(
        self,
        label: syntax.Label | None,
        call: syntax.Call,
        value: Value | None,
        context: Context,
        steps: list[Step],
    ) -> Value | None:
        target = self.target(call.name, context)
        cls = None if isinstance(target, BlockName) else layers.find(target.name)
        if call.body is not None and (cls is None or not issubclass(cls, Join)):
            raise fault("E0214", f"`{call.name.name}` takes no braces: it is no join", call.span)
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
        assert cls is not None
        if target.name == "identity":
            leaves.arguments(self, call, cls, value, context)
            name = self.label(label, context, value)
            if name is not None and label is not None:
                self.keep(name, self.reserve(name, label.span, context), value, None, context)
            return value
        if issubclass(cls, Join):
            return joins.join(self, label, call, cls, value, context, steps)
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
