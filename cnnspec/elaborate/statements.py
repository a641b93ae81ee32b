"""Statements and steps, and the faults that they have.

All root faults of a run are collected. A step at fault yields a value of unknown shape, and an unknown
shape satisfies every check, so nothing cascades.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from cnnspec import layers
from cnnspec.elaborate import blocks, braces, joins, leaves, wires
from cnnspec.elaborate.context import Context, Elaboration
from cnnspec.elaborate.faults import Fault, Unknowable, fault, unknown_parameter
from cnnspec.elaborate.size_notes import maker_note, size_notes
from cnnspec.elaborate.special_values import UNKNOWN, BlockName, LayerName
from cnnspec.graph.tree import Claim, Lost, Step, Value
from cnnspec.layers.base import Join, Misfit, convert
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Note, ShapeWanted
from cnnspec.values.comparisons import Mismatch
from cnnspec.values.kinds import describe
from cnnspec.values.shapes import Shape, as_shape, plain_shape
from cnnspec.values.symbols import polynomial


class Elaborator(Elaboration):
    """Elaborates the statements of a net."""

    # Statements

    def body(self, body: syntax.Body, context: Context) -> tuple[Step, ...]:
        if body.paths:
            message = "paths with `|` stand only in the braces of a join"
            self.report(Diagnostic("E0214", message, body.paths[0].span))
        return self.statements(body.statements, context)

    def statements(self, statements: tuple[syntax.Statement, ...], context: Context) -> tuple[Step, ...]:
        if self.depth >= self.limits.max_depth and statements:
            deepest = f"{self.limits.max_depth} deep (limit `max_depth`)"
            message = f"braces and blocks stand within each other more than {deepest}"
            raise fault("E0307", message, statements[0].span)
        self.depth += 1
        try:
            for statement in statements:
                try:
                    self.meter.spend(1, statement.span)
                    _STATEMENTS[type(statement)](self, statement, context)
                except Fault as caught:
                    self.report(caught.diagnostic)
        finally:
            self.depth -= 1
        return tuple(context.steps)

    def constant(self, statement: syntax.Constant, context: Context) -> None:
        name = statement.name.name
        try:
            context.names[name] = context.evaluate(statement.value)
        except Fault:
            context.names[name] = UNKNOWN
            raise

    def default(self, statement: syntax.Default, context: Context) -> None:
        """What a layer or a block takes where a call does not say, from here to the closing brace."""
        target = context.target(statement.layer)
        given = {}
        for keyword in statement.keywords:
            # Only the filler that stands for a keyword which could not be read has no name.
            if not keyword.name:
                raise Unknowable
            found = context.owner.settle(context.evaluate(keyword.value))  # blocks see it, not its names
            check_default(target, keyword, found)
            given[keyword.name] = found
        of = id(target.block) if isinstance(target, BlockName) else target.name
        context.defaults = context.defaults.with_(of, given)

    def require(self, statement: syntax.Require, context: Context) -> None:
        if not context.decide(statement.test, required=True):
            value = context.value
            said = statement.message.value if statement.message else f"`{statement.test.span.text}` is false"
            notes = (Note(f"{value.shape} arrives here"),) if value is not None and value.shape else ()
            raise fault("E0407", f"requirement not met: {said}", statement.test.span, *notes)

    def chain(self, chain: syntax.Chain, context: Context) -> None:
        if len(chain.steps) > 1:
            self.meter.spend(len(chain.steps), chain.span)
        steps = context.steps
        for step in chain.steps:
            arriving, made = context.value, len(steps)
            try:
                value = self.step(step, context)
            except Fault as caught:
                self.report(caught.diagnostic)
                value = self.lose(step, context)
            context.arrive(value)
            if self.watch is not None:
                self.watch(step, arriving, value, steps[-1] if len(steps) > made else None)
        if chain.assertion is not None and context.value is not None:
            self.assertion(chain.assertion, context.value, context)

    def lose(self, step: syntax.Step, context: Context) -> Value:
        """The value of a step at fault: of unknown shape, but known by its label."""
        context.owner.incomplete = True
        unknown, name = Value(None), ""
        if step.label is not None and all(isinstance(part, str) for part in step.label.parts):
            name = context.scope.prefix + "".join(map(str, step.label.parts))
            # A name that two steps bear, E0203, stays the first one's.
            context.owner.labels.setdefault(name, (unknown, None))
        context.steps.append(Lost(name, context.value or Value(None), unknown, step.action.span))
        return unknown

    def assertion(self, assertion: syntax.Assertion, value: Value, context: Context) -> None:
        claim = context.evaluate.still(context.evaluate(assertion.expected))
        expected = as_shape(claim)
        if expected is None:
            message = f"a shape such as 16@5x5 or 400 is needed, not {describe(claim)}"
            raise fault("E0303", message, assertion.expected.span, data=ShapeWanted())
        if value.shape is None:
            return
        if not self.overridden:
            context.owner.claims.append(Claim(value, plain_shape(expected)))
        # `-> 64@…` of `conv width`: the text says that width is 64, and an emitted class may not vary it.
        if polynomial(expected.channels) != polynomial(value.shape.channels):
            context.owner.pin(expected.channels)
            context.owner.pin(value.shape.channels)
        # A claim that follows from a false one before it is no second fault.
        if expected in (value.shape, value.believed):
            return
        if value.believed is None:
            self.report_false_claim(assertion, expected, value)
        value.believed = expected

    def report_false_claim(self, assertion: syntax.Assertion, expected: Shape, value: Value) -> None:
        code = "N0801" if self.overridden else "E0403"
        if self.is_reported(code, assertion.expected.span):
            return
        self.report(
            Diagnostic(
                code,
                f"the shape here is {value.shape}, not {expected}",
                assertion.expected.span,
                f"claimed: {expected}",
                (*maker_note(value), *size_notes(value)),
                data=Mismatch(value.shape, expected),
            )
        )

    # Steps

    def step(self, step: syntax.Step, context: Context) -> Value | None:
        action = step.action
        if step.label is not None and braces.has_dots(step.label):
            return braces.with_dots(step, context)
        if type(action) is syntax.Call:
            return self.call(step.label, action, context)
        if type(action) is syntax.Broken:
            raise Unknowable
        if type(action) is syntax.Output:
            return self.output(step.label, action, context)
        return _ACTIONS[type(action)](step.label, action, context)

    def call(self, label: syntax.Label | None, call: syntax.Call, context: Context) -> Value | None:
        target = context.target(call.name)
        cls = None if isinstance(target, BlockName) else layers.find(target.name)
        if call.body is not None and (cls is None or not issubclass(cls, Join)):
            raise fault("E0214", f"`{call.name.name}` takes no braces: it is no join", call.span)
        if isinstance(target, BlockName):
            return blocks.use(label, call, target, context)
        if target.name == "input":
            return self.input(label, call, context)
        if target.name == "none":
            raise fault("E0214", "`none` stands alone, as a whole path of a join", call.span)
        value = context.arriving(target.name, call)
        assert cls is not None
        if target.name == "identity":
            leaves.arguments(call, cls, context)
            if label is not None:
                context.name_value(label, value)
            return value
        if issubclass(cls, Join):
            return joins.join(label, call, cls, value, context)
        return leaves.leaf(label, call, cls, value, context)

    @abstractmethod
    def input(self, label: syntax.Label | None, call: syntax.Call, context: Context) -> Value:
        """Elaborate an input; the value that arrives there. Raises Fault where none may stand."""

    @abstractmethod
    def output(self, label: syntax.Label | None, output: syntax.Output, context: Context) -> Value | None:
        """Elaborate an `output` line, which hands on what arrives. Raises Fault where none may stand."""


def check_default(target: LayerName | BlockName, keyword: syntax.Keyword, value: Any) -> None:
    """Hold a default to what the layer or the block takes. Raises Fault."""
    if isinstance(target, BlockName):
        parameters = syntax.parameter_names(target.block)
        if keyword.name not in parameters:
            raise unknown_parameter("E0301", keyword, target.block, parameters)
        return
    cls = layers.find(target.name)
    if cls is None:
        raise fault("E0301", f"`{target.name}` takes no defaults", keyword.name_span)
    if keyword.name not in cls.arguments:
        raise leaves.unknown_argument(cls, keyword)
    try:
        convert(keyword.name, cls.arguments[keyword.name], value)
    except Misfit as misfit:
        raise fault(misfit.code, misfit.message, keyword.span) from None


_STATEMENTS: dict[type, Callable[[Elaborator, Any, Context], None]] = {
    syntax.Chain: Elaborator.chain,
    syntax.Constant: Elaborator.constant,
    syntax.Default: Elaborator.default,
    syntax.Require: Elaborator.require,
}

_ACTIONS: dict[type, Callable[[syntax.Label | None, Any, Context], Value | None]] = {
    syntax.Group: braces.group,
    syntax.Repeat: braces.repeat,
    syntax.If: braces.branch,
    syntax.From: wires.wire,
    syntax.Again: wires.wire,
}
