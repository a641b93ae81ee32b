"""A net of a program, elaborated: its parameters, inputs and outputs around its statements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cnnspec.elaborate import leaves, wires
from cnnspec.elaborate.context import Abandoned, Context, Watch, own_constants
from cnnspec.elaborate.evaluate import Evaluator
from cnnspec.elaborate.faults import Fault, fault, unknown, unknown_parameter
from cnnspec.elaborate.load import DEEPEST_VARIANT, Module
from cnnspec.elaborate.naming import NameScope
from cnnspec.elaborate.owner import Defaults, Owner, as_parameter
from cnnspec.elaborate.settings import Misuse, Settings
from cnnspec.elaborate.special_values import ScopeNames, plain
from cnnspec.elaborate.statements import Elaborator
from cnnspec.graph.tree import Input, Network, Output, Value
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Fix, ShapeWanted, Twice, has_errors
from cnnspec.text.edits import Edit
from cnnspec.values.kinds import describe, is_number
from cnnspec.values.shapes import Shape, as_shape

IMAGE_ARGUMENTS = ("mean", "std")


class Pattern(NamedTuple):
    """A net with the parameters that a chain of variants gives it; `lacking` have no value."""

    name: syntax.Name
    net: syntax.Net
    module: Module
    given: Mapping[str, Any]
    varied: bool  # a variant gives parameters that have defaults
    lacking: tuple[str, ...]


class NetworkElaborator(Elaborator):
    """Elaborates one net."""

    def __init__(
        self, pattern: Pattern, settings: Settings, expanded: int = 0, watch: Watch | None = None
    ) -> None:
        # Claims are about the net as it is written: with other values a false one is a note.
        super().__init__(settings.limits, pattern.varied or not settings.empty, watch)
        self.expanded = self.before = expanded
        self.pattern, self.settings = pattern, settings
        self.inputs: list[Input] = []
        self.outputs: list[Output] = []
        self.owner = Owner(pattern.name.name)
        # Those between the net's own braces, by which their Context is known: to keep it would make a cycle.
        self.names = ScopeNames(pattern.module.constants)

    def network(self) -> Network | None:
        """The checked net; None where faults left no whole one. Its diagnostics tell why."""
        net, module = self.pattern.net, self.pattern.module
        arguments: dict[str, Any] = {}
        names = self.names
        # Each has a value here: check_net passes over nets that lack one.
        for parameter in net.parameters:
            name = parameter.name.name
            if name in self.pattern.given:
                value = self.pattern.given[name]
            elif parameter.default is not None:
                try:
                    value = Evaluator(names, module.lookup, meter=self.meter)(parameter.default)
                except Fault as caught:
                    self.report(caught.diagnostic)
                    return None
            self.owner.pin(value)  # what other parameters it is computed from
            arguments[name] = plain(value)
            names[name] = as_parameter(name, value)
        scope = NameScope("", by_kind=True)
        context = Context(self, self.owner, scope, names, Defaults({}), module)
        try:
            steps = self.body(net.body, context)
        except Abandoned:
            return None
        last = context.value
        if last is None:
            self.report(Diagnostic("E0209", f"net `{net.name.name}` has no input", net.name.span))
            return None
        self.check_inputs()
        outputs = tuple(self.outputs) or (Output("output", last, False),)
        if all(output.train for output in outputs):
            message = "every output is train-only: nothing is left for evaluation"
            self.report(Diagnostic("E0214", message, net.name.span))
        return Network(
            self.pattern.name.name,
            net,
            arguments,
            frozenset(self.owner.fixed),
            own_constants(net.body, context),
            tuple(self.inputs),
            outputs,
            steps,
            self.pattern.name.span,
            self.owner.findings,
        )

    def check_inputs(self) -> None:
        """Hold the settings to the inputs that there are, unless a fault may hide one. Raises Misuse."""
        if has_errors(self.diagnostics):
            return
        known = [given.name for given in self.inputs]
        for name in self.settings.inputs:
            if name not in known and not (name == "" and len(known) == 1):
                wrong = f"no input `{name}`" if name else "several inputs"
                raise Misuse("input", f"net `{self.pattern.name.name}` has {wrong}", name, known)

    def input(self, label: syntax.Label | None, call: syntax.Call, context: Context) -> Value:
        if context.names is not self.names:
            message = "an input stands at the head of a net, not in a block or in braces"
            raise fault("E0209", message, call.span)
        # An input reads nothing that stands before it: in `left: input …, right: input …` `in` has no size.
        context.arrive(None)
        name = "input" if label is None else context.label(label)
        if name in (given.name for given in self.inputs):
            raise fault("E0209", "several inputs need labels: `left: input 1@28x28`", call.span)
        evaluate = context.evaluate
        if len(call.positional) != 1:
            raise missing_shape(call, label)
        shape = as_shape(evaluate(call.positional[0]))
        if shape is None or shape.channels < 1 or (shape.is_map and min(shape.size) < 1):
            got = describe(evaluate(call.positional[0]))
            message, span = f"an input is a shape such as 3@224x224, not {got}", call.positional[0].span
            raise fault("E0303", message, span, data=ShapeWanted())
        images: dict[str, tuple[float, ...]] = {"mean": (), "std": ()}
        for keyword in call.keywords:
            if keyword.name not in IMAGE_ARGUMENTS:
                raise fault("E0301", f"`input` has no argument `{keyword.name}`", keyword.name_span)
            images[keyword.name] = self.per_channel(keyword, evaluate(keyword.value), shape)
        shape = self.settings.inputs.get(name) or (not self.inputs and self.settings.inputs.get("")) or shape
        leaves.check_elements(shape, call, context)
        value = Value(shape, span=call.span)
        if label is not None:
            context.name_value(label, value)
        self.inputs.append(Input(name, value, images["mean"], images["std"], call.span))
        return value

    @staticmethod
    def per_channel(keyword: syntax.Keyword, value: Any, shape: Shape) -> tuple[float, ...]:
        numbers = value if isinstance(value, list) else [value]
        if not all(map(is_number, numbers)) or len(numbers) not in (1, shape.channels):
            wanted = f"`{keyword.name}` wants one number, or one for each of the {shape.channels} channels"
            raise fault("E0303", wanted, keyword.value.span)
        if keyword.name == "std" and min(numbers) <= 0:
            raise fault("E0304", "`std` is a deviation: it is above 0", keyword.value.span)
        return tuple(map(float, numbers))

    def output(self, label: syntax.Label | None, output: syntax.Output, context: Context) -> Value | None:
        if context.owner is not self.owner:
            message = "`output` stands in a net: a block has one output, its last value"
            raise fault("E0214", message, output.span)
        if label is not None:
            raise fault("E0214", "`output` bears no label: it names steps that have one", label.span)
        train = False
        for keyword in output.keywords:
            given = context.evaluate(keyword.value)
            if keyword.name != "train" or not isinstance(given, bool):
                raise fault("E0301", "`output` takes labels and `train=yes`", keyword.span)
            train = given
        for target in output.targets:
            found, _ = wires.reference(target, context)
            name = context.text(target.parts[-1])
            if any(name == other.name for other in self.outputs):
                raise fault("E0203", f"`{name}` is an output already", target.span, data=Twice(name))
            self.outputs.append(Output(name, found, train))
        return context.value


def choose(module: Module, name: str, diagnostics: list[Diagnostic]) -> Pattern | None:
    """The net of this name, its variants resolved; faults go to `diagnostics`."""
    given: dict[str, Any] = {}
    lineage, net = module.lineage(name), module.pattern(name)
    evaluate = Evaluator(module.constants, module.lookup)
    try:
        # [R, Q, P] of net R = Q, net Q = P: `depth` is how many there are with what this one varies.
        for depth, variant in enumerate(lineage, 2):
            if not isinstance(variant, syntax.Variant):
                break
            pattern = variant.pattern
            if pattern.name not in module.nets:
                raise unknown(
                    "E0212", f"there is no net `{pattern.name}` in this file", *pattern, module.nets
                )
            # net P = Q, net Q = P: the lineage [P, Q] ends where P would come again.
            if depth > len(lineage):
                raise fault("E0205", f"`{pattern.name}` is a variant of itself", pattern.span)
            if depth > DEEPEST_VARIANT:
                raise fault("E0307", f"variants of variants go at most {DEEPEST_VARIANT} deep", pattern.span)
            for keyword in variant.keywords:
                # From the variant that was asked for on: what it gives goes before what it varies.
                given.setdefault(keyword.name, evaluate(keyword.value))
                if net is not None and keyword.name not in (known := syntax.parameter_names(net)):
                    raise unknown_parameter("E0213", keyword, module.nets[pattern.name], known)
    except Fault as caught:
        diagnostics += filter(None, [caught.diagnostic])
        return None
    assert net is not None
    lacking = tuple(p.name.name for p in net.parameters if p.default is None and p.name.name not in given)
    varied = any(p.default is not None and p.name.name in given for p in net.parameters)
    return Pattern(module.nets[name].name, net, module, given, varied, lacking)


def missing_shape(call: syntax.Call, label: syntax.Label | None) -> Fault:
    """An input without a shape, or with more than one value: `input left 3@32x32` has its label behind."""
    name, shape = "", None
    if len(call.positional) == 2 and type(call.positional[0]) is syntax.Name and not call.keywords:
        name, shape = call.positional[0].name, call.positional[1].span.text
    elif len(call.keywords) == 1 and not call.positional:
        name, shape = call.keywords[0].name, call.keywords[0].value.span.text
    if label is not None or not shape or "@" not in shape:
        return fault("E0302", "an input has one shape: `input 3@224x224`", call.span)
    ours = f"{name}: input {shape}"
    fixes = (Fix(f"write `{ours}`", (Edit(call.span, ours),)),)
    message = f"an input's label stands before it, as that of every step: `{ours}`"
    return fault("E0302", message, call.span, fixes=fixes)
