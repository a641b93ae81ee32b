"""From the syntax tree to the checked graph: blocks, repeats, wiring, names, shapes.

All root faults of a run are collected. A step at fault yields a value of unknown shape, and an unknown
shape satisfies every check, so nothing cascades.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cnnspec import layers, syntax
from cnnspec.diagnostics import Diagnostic, Fix, Note
from cnnspec.evaluate import UNKNOWN, BlockName, Evaluator, Fault, LayerName, Unknowable, edit, fault, freeze
from cnnspec.graph import Again, From, Group, If, Instance, Leaf, Merge, Path, Repeat, Step, Test, Use, Value
from cnnspec.layers.base import Filter, Join, Layer, Misfit, describe, is_integer
from cnnspec.limits import Limits
from cnnspec.modules import Module
from cnnspec.naming import Scope, carries
from cnnspec.shapes import Shape
from cnnspec.source import Span
from cnnspec.symbols import Symbol, named, polynomial, rebind

DEEPEST = 64  # blocks within blocks


class Abandoned(Exception):
    """A limit is reached: the rest of the network is not looked at."""


class Defaults:
    """Arguments set by `default`, by layer; `key` stands for them in the memo of blocks."""

    __slots__ = ("key", "table")

    def __init__(self, table: Mapping[str, Mapping[str, Any]]) -> None:
        self.table = table
        self.key = tuple((name, tuple((k, freeze(v)) for k, v in given.items())) for name, given in table.items())

    def with_(self, layer: str, given: Mapping[str, Any]) -> Defaults:
        return Defaults({**self.table, layer: {**self.table.get(layer, {}), **given}})


class Owner:
    """The net or the block instance whose text is being read: labels and names belong to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fixed: set[str] = set()
        self.labels: dict[str, tuple[Value, Step | None]] = {}
        self.incomplete = False  # a fault may have hidden labels

    def fix(self, value: Any) -> None:
        """A value is used for more than a width: its names are no longer free."""
        if isinstance(value, Symbol):
            self.fixed |= value.names


class Context:
    """Where a step stands: its owner, naming scope, values by name, defaults in force, file."""

    __slots__ = ("defaults", "evaluate", "module", "names", "owner", "scope")

    def __init__(self, owner: Owner, scope: Scope, names: dict[str, Any], defaults: Defaults, module: Module) -> None:
        self.owner, self.scope, self.names, self.defaults, self.module = owner, scope, names, defaults, module
        self.evaluate = Evaluator(names, module.lookup, ..., owner.fix)

    def inside(self, scope: Scope | None = None, names: Mapping[str, Any] | None = None) -> Context:
        """The context within braces."""
        merged = {**self.names, **names} if names else dict(self.names)
        return Context(self.owner, scope or self.scope, merged, self.defaults, self.module)

    def at(self, value: Value | None) -> Evaluator:
        """The evaluator where `value` arrives."""
        self.evaluate.arrival = ... if value is None else value.shape
        return self.evaluate


DROPPED = Value(None)
"""What `none` yields: the path is not there."""


class Elaborator:
    """Elaborates the nets of one program; `diagnostics` collects what is wrong."""

    def __init__(self, limits: Limits, overridden: bool = False) -> None:
        self.limits, self.overridden = limits, overridden
        self.diagnostics: list[Diagnostic] = []
        self.expanded = 0  # layers so far, those of shared instances counted at every use
        self.frames: list[Note] = []
        self.instances: dict[Any, Instance] = {}
        self.sizes: dict[int, int] = {}  # id of an instance -> its layers
        self.active: list[syntax.Block] = []
        self.recipes: dict[int, tuple[BlockName, dict[str, Any], Defaults]] = {}
        self._seen: set[tuple[str, Any, int]] = set()
        self._least: dict[int, int] = {}

    # Faults

    def report(self, diagnostic: Diagnostic) -> None:
        """Keep a fault, with the expansion chain around it; the same fault at the same place counts once."""
        key = (diagnostic.code, diagnostic.span.source.name, diagnostic.span.start)
        if key not in self._seen:
            self._seen.add(key)
            self.diagnostics.append(diagnostic._replace(notes=(*diagnostic.notes, *reversed(self.frames))))

    @contextmanager
    def frame(self, message: str, span: Span) -> Iterator[None]:
        self.frames.append(Note(message, span))
        try:
            yield
        finally:
            self.frames.pop()

    def count(self, number: int, span: Span) -> None:
        self.expanded += number
        if self.expanded > self.limits.layers:
            self.exceed(span)

    def exceed(self, span: Span) -> None:
        bound = f"{self.limits.layers:,}"
        self.report(Diagnostic("E0307", f"the network unfolds to more than {bound} layers (limit `layers`)", span))
        raise Abandoned

    # Statements

    def body(self, body: syntax.Body, value: Value | None, context: Context) -> tuple[tuple[Step, ...], Value | None]:
        if body.paths:
            self.report(Diagnostic("E0214", "paths with `|` stand only in the braces of a join", body.paths[0].span))
        return self.statements(body.statements, value, context)

    def statements(
        self, statements: tuple[syntax.Statement, ...], value: Value | None, context: Context
    ) -> tuple[tuple[Step, ...], Value | None]:
        """Run statements on `value`; the steps and the value after them. `context` is theirs to change."""
        steps: list[Step] = []
        for statement in statements:
            try:
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
        context.names[statement.name.name] = UNKNOWN  # should the expression be at fault
        context.names[statement.name.name] = context.at(value)(statement.value)

    def default(self, statement: syntax.Default, value: Value | None, context: Context) -> None:
        cls = layers.find(statement.layer.name)
        if cls is None:
            raise self.unknown_step(statement.layer, context)
        given = {}
        for keyword in statement.keywords:
            if keyword.name not in cls.arguments:
                raise self.unknown_argument(cls, keyword)
            given[keyword.name] = context.at(value)(keyword.value)
        context.defaults = context.defaults.with_(statement.layer.name, given)

    def require(self, statement: syntax.Require, value: Value | None, context: Context) -> None:
        if not context.at(value).truth(statement.test):
            said = statement.message.value if statement.message else f"`{statement.test.span.text}` is false"
            notes = (Note(f"{value.shape} arrives here"),) if value is not None and value.shape else ()
            raise fault("E0407", f"requirement not met: {said}", statement.test.span, *notes)

    def chain(self, chain: syntax.Chain, value: Value | None, context: Context, steps: list[Step]) -> Value | None:
        for step in chain.steps:
            try:
                value = self.step(step, value, context, steps)
            except Fault as caught:
                self.report(caught.diagnostic)
                value = self.lost(step, value, context)
            except Unknowable:
                value = self.lost(step, value, context)
        if chain.assertion is not None and value is not None:
            self.assertion(chain.assertion, value, context)
        return value

    def lost(self, step: syntax.Step, value: Value | None, context: Context) -> Value:
        """The value of a step at fault: of unknown shape, but known by its label."""
        context.owner.incomplete = True
        unknown = Value(None)
        if step.label is not None and all(isinstance(part, str) for part in step.label.parts):
            name = context.scope.prefix + "".join(map(str, step.label.parts))
            context.owner.labels.setdefault(name, (unknown, None))
        return unknown

    def assertion(self, assertion: syntax.Assertion, value: Value, context: Context) -> None:
        claim = context.at(value)(assertion.expected)
        expected = as_shape(claim)
        if expected is None:
            raise fault("E0303", f"a shape such as 16@5x5 or 400 is needed, not {describe(claim)}", assertion.expected.span)
        if value.shape is None:
            return
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
        self.report(
            Diagnostic(
                code,
                f"the shape here is {value.shape}, not {expected}",
                assertion.expected.span,
                f"claimed: {expected}",
                trace(value),
            )
        )

    # Steps

    def step(self, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]) -> Value | None:
        action = step.action
        if type(action) is syntax.Call:
            return self.call(step.label, action, value, context, steps)
        run: Any = getattr(self, _ACTIONS[type(action)])
        return run(step, value, context, steps)  # type: ignore[no-any-return]

    def label(self, label: syntax.Label | None, context: Context, value: Value | None = None) -> str | None:
        if label is None:
            return None
        evaluate = context.at(value)
        parts = [part if isinstance(part, str) else self.part(evaluate(part), part.span) for part in label.parts]
        name = "".join(parts)
        if not name or "." in name:
            raise fault("E0203", "a label is a name without dots", label.span)
        if not carries(name):
            fixes = [Fix(f"call it `{name}_`", (edit(label.span, f"{name}_"),))]
            raise fault("E0208", f"torch modules already have an attribute `{name}`", label.span, fixes=fixes)
        return name

    @staticmethod
    def part(value: Any, span: Span) -> str:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise fault("E0303", f"a label is made of integers and strings, not {describe(value)}", span)
        return str(int(value)) if isinstance(value, int) else value

    def name(self, label: str | None, kind: str, span: Span, context: Context) -> str:
        name, earlier = context.scope.name(label, kind, span)
        if earlier is not None:
            note = Note(f"`{name}` is already here", earlier)
            raise fault("E0203", f"two steps of one scope are named `{name}`", span, note)
        return name

    def keep(self, label: str | None, name: str, value: Value, step: Step | None, context: Context) -> None:
        if label is not None:
            context.owner.labels[name] = (value, step)

    def target(self, call: syntax.Call, context: Context) -> LayerName | BlockName:
        """What a step's first name means: a layer, a block, else a name that holds one."""
        name = call.name.name
        found = context.module.step(name)
        if found is None:
            if name not in context.names:
                raise self.unknown_step(call.name, context)
            found = context.names[name]
            if found is UNKNOWN:
                raise Unknowable
            if not isinstance(found, LayerName | BlockName):
                raise fault("E0303", f"`{name}` is {describe(found)}, not a layer or a block", call.name.span)
        return found

    def unknown_step(self, name: syntax.Name, context: Context) -> Fault:
        from cnnspec.spelling import suggest

        known = [*layers.NAMES, *context.module.blocks, "input", "none"]
        fixes = [Fix(f"did you mean `{word}`?", (edit(name.span, word),)) for word in suggest(name.name, known)]
        return fault("E0201", f"there is no layer or block `{name.name}`", name.span, fixes=fixes)

    def call(
        self, label: syntax.Label | None, call: syntax.Call, value: Value | None, context: Context, steps: list[Step]
    ) -> Value | None:
        target = self.target(call, context)
        if isinstance(target, BlockName):
            return self.use(label, call, target, value, context, steps)
        if target.name == "input":
            return self.input(label, call, context)
        if target.name == "none":
            raise fault("E0214", "`none` stands alone, as a whole path of a join", call.span)
        if value is None:
            raise fault("E0209", f"no value arrives at `{target.name}`: an input must come first", call.name.span)
        if target.name == "identity":
            name = self.label(label, context, value)
            if name is not None:
                self.keep(name, context.scope.prefix + name, value, None, context)
            return value
        cls = layers.find(target.name)
        assert cls is not None
        if issubclass(cls, Join):
            return self.join(label, call, cls, value, context, steps)
        if call.body is not None:
            raise fault("E0214", f"`{target.name}` takes no braces: it is no join", call.span)
        return self.leaf(label, call, cls, value, context, steps)

    def input(self, label: syntax.Label | None, call: syntax.Call, context: Context) -> Value | None:
        raise fault("E0209", "an input stands at the head of a net, not in a block or in braces", call.span)

    # Layers

    def leaf(
        self,
        label: syntax.Label | None,
        call: syntax.Call,
        cls: type[Layer],
        value: Value,
        context: Context,
        steps: list[Step],
    ) -> Value:
        text = self.label(label, context, value) if label is not None else None
        name = self.name(text, cls.name, label.span if label else call.name.span, context)
        self.count(1, call.span)
        layer, output = self.make(call, cls, value, context)
        steps.append(Leaf(name, layer, value, output, call.span) if layer is not None else From(output, call.span))
        if text is not None:
            self.keep(text, name, output, steps[-1] if layer is not None else None, context)
        return output

    def make(
        self, call: syntax.Call, cls: type[Layer], value: Value, context: Context
    ) -> tuple[Layer | None, Value]:
        """The layer and its output; a fault leaves None and a value of unknown shape."""
        layer = None
        try:
            given = self.arguments(call, cls, value, context)
            layer = cls(**given)
            if value.shape is None:
                return layer, Value(None)
            if is_integer(groups := given.get("groups")) and polynomial(groups) != polynomial(value.shape.channels):
                context.owner.fix(groups)  # only a depthwise split stays right whatever the width
            if "in" in given or "weights" in given or any(cls.arguments[a].kind in ("list", "numbers") for a in given):
                context.owner.fix(value.shape.channels)
            output = Value(layer.output(value.shape), (value, cls.name, call.span))
            self.measure(output.shape, call)
            if value.believed is not None:
                output.believed = self.believe(layer, value.believed)
            return layer, output
        except Fault as caught:
            self.report(caught.diagnostic)
        except Unknowable:
            pass
        except Misfit as misfit:
            self.misfit(misfit, call, value)
        return layer, Value(None)

    @staticmethod
    def believe(layer: Layer, shape: Shape) -> Shape | None:
        """Where a claim was false, what the layer would make of the claim: later claims may follow from it."""
        try:
            return layer.output(shape)
        except Misfit:
            return shape

    def measure(self, shape: Shape | None, call: syntax.Call) -> None:
        if shape is not None and shape.features > self.limits.elements:
            raise fault("E0307", f"{shape} is more than 2^40 numbers (limit `elements`)", call.span)

    def arguments(
        self, call: syntax.Call, cls: type[Layer], value: Value, context: Context
    ) -> dict[str, Any]:
        """The arguments given here, on top of the defaults in force."""
        evaluate = context.at(value)
        given: dict[str, Any] = dict(context.defaults.table.get(cls.name, ()))
        if len(call.positional) > len(cls.positional):
            extra = call.positional[len(cls.positional)]
            takes = " and ".join(f"`{name}`" for name in cls.positional) or "nothing"
            raise fault("E0301", f"`{cls.name}` takes {takes} before its `key=value` arguments", extra.span)
        here = set()
        for name, node in zip(cls.positional, call.positional, strict=False):
            given[name] = self.argument(cls, name, evaluate(node), context)
            here.add(name)
        for keyword in call.keywords:
            if keyword.name not in cls.arguments:
                raise self.unknown_argument(cls, keyword)
            if keyword.name in here:
                raise fault("E0305", f"`{keyword.name}` is given twice", keyword.span)
            here.add(keyword.name)
            given[keyword.name] = self.argument(cls, keyword.name, evaluate(keyword.value), context)
        return given

    @staticmethod
    def argument(cls: type[Layer], name: str, value: Any, context: Context) -> Any:
        """A value for an argument; whatever is no width fixes the names that it was computed from."""
        kind = cls.arguments[name].kind
        if kind not in ("count", "filter"):
            for item in value if isinstance(value, list | tuple) else (value,):
                context.owner.fix(item)
        return value

    def unknown_argument(self, cls: type[Layer], keyword: syntax.Keyword) -> Fault:
        from cnnspec.spelling import suggest

        known = ", ".join(cls.arguments)
        fixes = [
            Fix(f"did you mean `{word}`?", (edit(keyword.name_span, word),))
            for word in suggest(keyword.name, cls.arguments)
        ]
        note = Note(f"`{cls.name}` takes {known}" if known else f"`{cls.name}` takes no arguments")
        return fault("E0301", f"`{cls.name}` has no argument `{keyword.name}`", keyword.name_span, note, fixes=fixes)

    def misfit(self, misfit: Misfit, call: syntax.Call, value: Value | None) -> None:
        """Report what a layer raised at the argument that it names."""
        span = call.name.span if not call.positional and not call.keywords else call.span
        for keyword in call.keywords:
            if keyword.name == misfit.argument:
                span = keyword.span
        cls = layers.find(call.name.name)
        if cls is not None and misfit.argument in cls.positional[: len(call.positional)]:
            span = call.positional[cls.positional.index(misfit.argument)].span
        notes = trace(value) if value is not None and misfit.code >= "E04" else ()
        self.report(Diagnostic(misfit.code, misfit.message, span, misfit.formula, notes))

    # Blocks

    def use(
        self,
        label: syntax.Label | None,
        call: syntax.Call,
        target: BlockName,
        value: Value | None,
        context: Context,
        steps: list[Step],
    ) -> Value:
        block = target.block
        if value is None:
            raise fault("E0209", f"no value arrives at `{block.name.name}`: an input must come first", call.name.span)
        if call.body is not None:
            raise fault("E0214", f"`{block.name.name}` takes no braces: it is no join", call.span)
        text = self.label(label, context, value)
        name = self.name(text, block.name.name.lower(), label.span if label else call.name.span, context)
        arguments = self.bind(block, call, target.module, context, value)
        instance = self.instance(target, arguments, value.shape, context.defaults, call.span)
        bindings = block_names(arguments, value.shape)
        for fixed in instance.fixed:
            context.owner.fix(bindings.get(fixed))
        shape = instance.output.shape
        if shape is not None:
            shape = shape.with_channels(rebind(shape.channels, bindings))
        output = Value(shape, (value, block.name.name, call.span))
        steps.append(Use(name, instance, bindings, value, output, call.span))
        if text is not None:
            self.keep(text, name, output, steps[-1], context)
        return output

    def bind(
        self, block: syntax.Block, call: syntax.Call, module: Module, context: Context, value: Value
    ) -> dict[str, Any]:
        """The block's parameters by name: what the call gives, else their defaults."""
        evaluate = context.at(value)
        parameters = [parameter.name.name for parameter in block.parameters]
        given: dict[str, Any] = {}
        if len(call.positional) > len(parameters):
            raise fault(
                "E0301",
                f"`{block.name.name}` takes {len(parameters)} arguments, not {len(call.positional)}",
                call.positional[len(parameters)].span,
                Note("its parameters stand here", block.name.span),
            )
        for name, node in zip(parameters, call.positional, strict=False):
            given[name] = evaluate(node)
        for keyword in call.keywords:
            if keyword.name not in parameters:
                raise self.unknown_parameter(block, keyword, parameters)
            if keyword.name in given:
                raise fault("E0305", f"`{keyword.name}` is given twice", keyword.span)
            given[keyword.name] = evaluate(keyword.value)
        bound: dict[str, Any] = {}
        for parameter in block.parameters:
            name = parameter.name.name
            if name in given:
                bound[name] = given[name]
            elif parameter.default is not None:
                bound[name] = Evaluator({**module.constants, **bound}, module.lookup)(parameter.default)
            else:
                note = Note(f"`{name}` is a parameter without a default", parameter.span)
                raise fault("E0302", f"`{block.name.name}` needs `{name}`", call.span, note)
        return bound

    def unknown_parameter(self, block: syntax.Block, keyword: syntax.Keyword, parameters: list[str]) -> Fault:
        from cnnspec.spelling import suggest

        fixes = [
            Fix(f"did you mean `{word}`?", (edit(keyword.name_span, word),)) for word in suggest(keyword.name, parameters)
        ]
        note = Note("its parameters stand here", block.name.span)
        return fault(
            "E0301", f"`{block.name.name}` has no parameter `{keyword.name}`", keyword.name_span, note, fixes=fixes
        )

    def instance(
        self, target: BlockName, arguments: dict[str, Any], shape: Shape | None, defaults: Defaults, span: Span
    ) -> Instance:
        """The block for these arguments and this input: elaborated once, then shared."""
        block = target.block
        plain = shape and Shape(int(shape.channels), shape.height, shape.width)
        key = (id(block), tuple(freeze(value) for value in arguments.values()), plain, defaults.key)
        found = self.instances.get(key)
        if found is None:
            if block in self.active:
                raise fault("E0205", f"`{block.name.name}` would contain itself", span, *self.frames[::-1])
            if len(self.active) >= DEEPEST:
                raise fault("E0307", f"blocks are used within blocks more than {DEEPEST} deep", span)
            before = self.expanded
            self.active.append(block)
            where = f"in block {block.name.name} (line {block.name.span.line}), used here"
            with self.frame(where, span):
                found = self.elaborate_block(target, arguments, plain, defaults)
            self.active.pop()
            self.sizes[id(found)] = self.expanded - before
            self.instances[key] = found
            self.recipes[id(found)] = (target, arguments, defaults)
        else:
            self.count(self.sizes[id(found)], span)
        return found

    def elaborate_block(
        self, target: BlockName, arguments: dict[str, Any], shape: Shape | None, defaults: Defaults
    ) -> Instance:
        block, module = target
        scope_names = block_names(arguments, shape)
        if shape is not None:
            shape = shape.with_channels(named(shape.channels, "in.channels"))
        names = {**module.constants, **{name: symbolic(name, value) for name, value in arguments.items()}}
        owner = Owner(block.name.name)
        context = Context(owner, Scope("", block.wired), names, defaults, module)
        entry = Value(shape)
        steps, output = self.body(block.body, entry, context)
        fixed = frozenset(owner.fixed)
        constants = own_constants(block.body, context)
        return Instance(block, arguments, scope_names, fixed, constants, entry, output or Value(None), steps)

    # Braces

    def labelled(self, step: syntax.Step, kind: str, value: Value | None, context: Context) -> tuple[str | None, Scope]:
        """The label of braces, and the naming scope within them."""
        text = self.label(step.label, context, value)
        if text is None:
            return None, context.scope
        assert step.label is not None
        name = self.name(text, kind, step.label.span, context)
        return name, Scope(name + ".", by_kind=False)

    def group(self, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]) -> Value | None:
        group = step.action
        assert isinstance(group, syntax.Group)
        name, scope = self.labelled(step, "group", value, context)
        inner, output = self.body(group.body, value, context.inside(scope))
        if name is None:
            steps.extend(inner)
        elif value is not None and output is not None:
            steps.append(Group(name, inner, value, output, group.span))
            self.keep(name, name, output, steps[-1], context)
        return output

    def repeat(self, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]) -> Value | None:
        repeat = step.action
        assert isinstance(repeat, syntax.Repeat)
        items, count = context.at(value).counted(repeat.source)
        if self.expanded + len(items) * self.least(repeat.body, context, frozenset()) > self.limits.layers:
            self.exceed(repeat.span)
        name, scope = self.labelled(step, "repeat", value, context)
        start, iterations = value, []
        for number, item in enumerate(items, 1):
            before = self.expanded
            bound = context.evaluate.bind(repeat.names, item, repeat.source.span) if repeat.names else None
            with self.frame(f"repeat {number} of {len(items)}", repeat.span):
                inner, value = self.body(repeat.body, value, context.inside(scope, bound))
            iterations.append(inner)
            if self.expanded == before:
                self.count(1, repeat.span)  # empty iterations cost time, too
        if start is not None and value is not None:
            steps.append(Repeat(name or "", count, tuple(iterations), start, value, repeat.span))
            if name is not None:
                self.keep(name, name, value, steps[-1], context)
        return value

    def least(self, body: syntax.Body, context: Context, hidden: frozenset[str]) -> int:
        """A lower bound of what braces unfold to, to refuse a bomb before it unfolds."""
        statements = [*body.statements, *(s for path in body.paths for s in path.statements)]
        hidden |= {s.name.name for s in statements if isinstance(s, syntax.Constant)}
        chains = [s for s in statements if isinstance(s, syntax.Chain)]
        return max(1, sum(self.least_step(step.action, context, hidden) for chain in chains for step in chain.steps))

    def least_step(self, action: syntax.Action, context: Context, hidden: frozenset[str]) -> int:
        if isinstance(action, syntax.Group):
            return self.least(action.body, context, hidden)
        if isinstance(action, syntax.Repeat):
            inner = hidden | {name.name for name in action.names}
            return self.least_count(action.source, context, hidden) * self.least(action.body, context, inner)
        if isinstance(action, syntax.Call):
            if action.body is not None:
                return self.least(action.body, context, hidden) if action.each is None else 0
            target = context.module.step(action.name.name)
            if isinstance(target, BlockName):
                return self.least_block(target)
            return 0 if action.name.name in ("input", "identity", "none") or target is None else 1
        return 0

    def least_block(self, target: BlockName) -> int:
        key = id(target.block)
        if key not in self._least:
            self._least[key] = 0  # a block within itself
            own = frozenset(p.name.name for p in target.block.parameters)
            context = Context(Owner(""), Scope("", False), dict(target.module.constants), Defaults({}), target.module)
            self._least[key] = self.least(target.block.body, context, own)
        return self._least[key]

    @staticmethod
    def least_count(source: syntax.Expression, context: Context, hidden: frozenset[str]) -> int:
        if isinstance(source, syntax.List):
            return len(source.items)
        if isinstance(source, syntax.Literal) or (isinstance(source, syntax.Name) and source.name not in hidden):
            value = source.value if isinstance(source, syntax.Literal) else context.names.get(source.name)
            return len(value) if isinstance(value, list) else int(value) if is_integer(value) else 0
        return 0

    def branch(self, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]) -> Value | None:
        choice = step.action
        assert isinstance(choice, syntax.If)
        taken = context.at(value).truth(choice.test)
        test = self.test(choice.test, context)
        body = choice.then if taken else choice.otherwise
        name, scope = self.labelled(step, "if", value, context) if body is not None else (None, context.scope)
        inner, output = self.body(body, value, context.inside(scope)) if body is not None else ((), value)
        if value is not None and output is not None:
            steps.append(If(name or "", taken, test, inner, value, output, choice.span))
            if name is not None:
                self.keep(name, name, output, steps[-1], context)
        else:
            steps.extend(inner)
        return output

    def test(self, node: syntax.Expression, context: Context) -> Test | None:
        """A condition in symbolic form, where its parts can be computed."""
        evaluate = context.evaluate
        try:
            if isinstance(node, syntax.Unary) and node.operator == "not":
                operand = self.test(node.operand, context)
                return operand and Test("not", (operand,))
            if isinstance(node, syntax.Binary) and node.operator in ("and", "or"):
                left, right = self.test(node.left, context), self.test(node.right, context)
                return Test(node.operator, (left, right)) if left and right else None
            if isinstance(node, syntax.Binary) and node.operator in ("==", "!=", "<", "<=", ">", ">="):
                sides = evaluate(node.left), evaluate(node.right)
                return Test(node.operator, sides) if all(map(is_integer, sides)) else None
            value = evaluate(node)
        except (Fault, Unknowable):
            return None
        return Test("value", (value,)) if isinstance(value, int) else None

    # Joins and wires

    def join(
        self,
        label: syntax.Label | None,
        call: syntax.Call,
        cls: type[Join],
        value: Value,
        context: Context,
        steps: list[Step],
    ) -> Value:
        if call.body is None or not call.body.paths:
            raise fault("E0214", f"`{cls.name}` joins paths: `{cls.name} {{ | … | … }}`", call.span)
        text = self.label(label, context, value)
        scope = context.scope
        name = ""
        if text is not None:
            name = self.name(text, cls.name, label.span if label else call.span, context)
            scope = Scope(name + ".", by_kind=False)
        layer = self.joining(call, cls, value, context)
        paths = []
        items = [None] if call.each is None else context.at(value).items(call.each.source)
        for item in items:
            bound = None
            if call.each is not None:
                bound = context.evaluate.bind(call.each.names, item, call.each.source.span)
            inside = context.inside(scope, bound)
            self.statements(call.body.statements, value, inside)
            paths += [self.path(path, value, inside.inside()) for path in call.body.paths]
        output = self.joined(layer, paths, call, value, context)
        if layer is not None:
            path = name or context.scope.join_path(cls.name)
            steps.append(Merge(name, path, layer, tuple(paths), value, output, call.span))
        if text is not None:
            self.keep(text, name, output, steps[-1] if layer is not None else None, context)
        return output

    def joining(self, call: syntax.Call, cls: type[Join], value: Value, context: Context) -> Join | None:
        try:
            return cls(**self.arguments(call, cls, value, context))
        except Misfit as misfit:
            self.misfit(misfit, call, None)
            return None

    def path(self, path: syntax.Path, value: Value, context: Context) -> Path:
        if self.is_none(path.statements, value, context):
            return Path((), value, True, self.presence(path.statements, context), path.span)
        test = self.presence(path.statements, context)
        steps, output = self.statements(path.statements, value, context)
        return Path(steps, output or Value(None), False, test, path.span)

    def presence(self, statements: tuple[syntax.Statement, ...], context: Context) -> Test | None:
        """When a path of the form `| if … { … } else { none }` is there, or the other way round."""
        if len(statements) != 1 or not isinstance(statements[0], syntax.Chain):
            return None
        action = statements[0].steps[0].action
        if len(statements[0].steps) != 1 or not isinstance(action, syntax.If):
            return None
        test = self.test(action.test, context)
        if test is None or not self.bare_none(action.then):
            return test if action.otherwise is not None and self.bare_none(action.otherwise) else None
        return Test("not", (test,))

    @staticmethod
    def bare_none(body: syntax.Body) -> bool:
        chains = body.statements
        if len(chains) != 1 or not isinstance(chains[0], syntax.Chain):
            return False
        action = chains[0].steps[0].action
        return isinstance(action, syntax.Call) and action.name.name == "none"

    def is_none(self, statements: tuple[syntax.Statement, ...], value: Value, context: Context) -> bool:
        """Whether a path is just `none`, at once or by an `if` that is the whole path."""
        if len(statements) != 1 or not isinstance(statements[0], syntax.Chain) or len(statements[0].steps) != 1:
            return False
        action = statements[0].steps[0].action
        if isinstance(action, syntax.Call):
            return action.name.name == "none"
        if not isinstance(action, syntax.If):
            return False
        body = action.then if context.at(value).truth(action.test) else action.otherwise
        return body is not None and self.is_none(body.statements, value, context)

    def joined(
        self, layer: Join | None, paths: list[Path], call: syntax.Call, value: Value, context: Context
    ) -> Value:
        live = [path for path in paths if not path.dropped]
        if not live:
            raise fault("E0214", f"no path of `{call.name.name}` is left: all are `none`", call.span)
        if len(live) == 1:
            return live[0].output
        self.count(1, call.span)
        shapes = [path.output.shape for path in live if path.output.shape is not None]
        if layer is None or len(shapes) < len(live):
            return Value(None)
        if layer.name != "concat" and len({polynomial(shape.channels) for shape in shapes}) > 1:
            for shape in shapes:
                context.owner.fix(shape.channels)
        try:
            output = Value(layer.join(tuple(shapes)), (value, layer.name, call.span))
        except Misfit as misfit:
            sides = [Note(f"{path.output.shape} from here", last_span(path)) for path in live]
            span = call.name.span
            self.report(Diagnostic(misfit.code, misfit.message, span, misfit.formula, (*sides, *trace(value))))
            return Value(None)
        self.measure(output.shape, call)
        return output

    def wire(self, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]) -> Value:
        wire = step.action
        assert isinstance(wire, syntax.From | syntax.Again)
        if step.label is not None:
            raise fault("E0214", "a wire bears no label: the step that it leads to has one", step.label.span)
        target, labelled = self.reference(wire.target, value, context)
        if isinstance(wire, syntax.From):
            steps.append(From(target, wire.span))
            return target
        if labelled is None or value is None:
            if target.shape is None:
                return Value(None)
            raise fault("E0214", f"`{wire.target.span.text}` has no weights to run again", wire.span)
        from cnnspec.replay import replay

        again, output = replay(self, labelled, value, wire.span)
        self.count(1, wire.span)
        steps.append(Again(again, value, output, wire.span))
        return output

    def reference(
        self, reference: syntax.Reference, value: Value | None, context: Context
    ) -> tuple[Value, Step | None]:
        """The step that a path of labels means, looked for from the innermost scope outwards."""
        evaluate = context.at(value)
        parts = [
            "".join(p if isinstance(p, str) else self.part(evaluate(p), p.span) for p in label.parts)
            for label in reference.parts
        ]
        path = ".".join(parts)
        prefix = context.scope.prefix
        while True:
            if prefix + path in context.owner.labels:
                return context.owner.labels[prefix + path]
            if not prefix:
                break
            prefix = prefix[: prefix.rstrip(".").rfind(".") + 1]
        if context.owner.incomplete:
            raise Unknowable
        from cnnspec.spelling import suggest

        words = suggest(path, context.owner.labels)
        fixes = [Fix(f"did you mean `{word}`?", (edit(reference.span, word),)) for word in words]
        raise fault("E0204", f"no step before this one is labelled `{path}`", reference.span, fixes=fixes)

    def output(self, step: syntax.Step, value: Value | None, context: Context, steps: list[Step]) -> Value | None:
        raise fault("E0214", "`output` stands in a net: a block has one output, its last value", step.span)


def symbolic(name: str, value: Any) -> Any:
    """A block's own view of an argument: integers are known by the parameter's name."""
    if is_integer(value):
        return named(value, name)
    if isinstance(value, Filter):
        return Filter(named(value.count, name), value.kernel)
    return value


def own_constants(body: syntax.Body, context: Context) -> dict[str, int]:
    """The integers that a net's or a block's text gives names to, outside inner braces."""
    own = [statement.name.name for statement in body.statements if isinstance(statement, syntax.Constant)]
    return {name: context.names[name] for name in own if is_integer(context.names[name])}


def block_names(arguments: Mapping[str, Any], shape: Shape | None) -> dict[str, int]:
    """What a block's symbols stand for: integer arguments, counts of filters, the channels that arrive."""
    names = {name: value for name, value in arguments.items() if is_integer(value)}
    names |= {name: value.count for name, value in arguments.items() if isinstance(value, Filter)}
    if shape is not None:
        names["in.channels"] = shape.channels
    return names


def as_shape(value: Any) -> Shape | None:
    """`16@5x5` or `400` as a shape."""
    if isinstance(value, Filter):
        return Shape(value.count, *value.kernel)
    return Shape(value) if is_integer(value) else None


def last_span(path: Path) -> Span:
    return path.steps[-1].span if path.steps else path.span


def trace(value: Value) -> tuple[Note, ...]:
    """How the size came about, from the input on: `height: input 28, conv 24, avgpool 12`."""
    hops: list[tuple[str, Shape]] = []
    while value.origin is not None:
        before, what, _ = value.origin
        if value.shape is not None:
            hops.append((what, value.shape))
        value = before
    if value.shape is not None:
        hops.append(("input", value.shape))
    hops.reverse()
    notes = []
    for axis in ("height", "width"):
        sizes = [(what, getattr(shape, axis)) for what, shape in hops if shape.is_map]
        changes = [s for i, s in enumerate(sizes) if i == 0 or s[1] != sizes[i - 1][1]]
        if len(changes) > 1:
            notes.append((axis, ", ".join(f"{what} {size}" for what, size in changes[-12:])))
    if len(notes) == 2 and notes[0][1] == notes[1][1]:
        notes.pop()
    return tuple(Note(f"{axis}: {sizes}") for axis, sizes in notes)


_STATEMENTS = {
    syntax.Constant: Elaborator.constant,
    syntax.Default: Elaborator.default,
    syntax.Require: Elaborator.require,
}

_ACTIONS = {  # by name: a net's elaborator has an `output` of its own
    syntax.Group: "group",
    syntax.Repeat: "repeat",
    syntax.If: "branch",
    syntax.From: "wire",
    syntax.Again: "wire",
    syntax.Output: "output",
}
