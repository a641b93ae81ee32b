"""What a lint has at hand: the nets, each block once however often it is used; findings, notes and edits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from cnnspec.analysis.lints.silences import NOWHERE, FileLine, Silences
from cnnspec.graph.tree import Instance, Leaf, Merge, Network, Step, Use, Value
from cnnspec.graph.walk import arriving, live, walk
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Fix, Note
from cnnspec.text.edits import Edit
from cnnspec.text.source import Span
from cnnspec.values.shapes import Shape

Op = Leaf | Use | Merge
Known = TypeVar("Known")
State = TypeVar("State")


class FlatScope:
    """The steps of a net, or of a block for one set of arguments, in a row: braces and wires resolved.

    `reads` counts who reads a value; that it leaves the scope counts as one more.
    """

    def __init__(
        self,
        body: syntax.Body,
        steps: tuple[Step, ...],
        inputs: tuple[Value, ...],
        outputs: tuple[Value, ...],
    ) -> None:
        self.body, self.steps, self.inputs, self.outputs = body, steps, inputs, outputs
        # Steps that run again are here once for each run, so each run counts as a reader.
        self.ops: list[Op] = [
            step
            for step in walk(steps)
            if isinstance(step, Leaf | Use) or (isinstance(step, Merge) and step.runs)
        ]
        self.uses: list[Use] = []
        self.kinds: dict[str, list[Leaf]] = {}  # by layer
        reads = self.reads = dict.fromkeys(outputs, 1)
        for op in self.ops:
            if type(op) is Leaf:
                self.kinds.setdefault(op.layer.name, []).append(op)
            elif type(op) is Use:
                self.uses.append(op)
            for value in arriving(op):
                reads[value] = reads.get(value, 0) + 1

    @cached_property
    def needed(self) -> set[Value]:
        """What the outputs are computed from."""
        return live(self.steps, set(self.outputs))

    @cached_property
    def calls(self) -> dict[int, syntax.Call]:
        """The calls of the text by where they start."""
        return {call.span.start: call for call in calls(self.body)}


class Site(NamedTuple):
    """A step in its place: the uses of blocks around it, from without to within, and its scope."""

    op: Op
    uses: tuple[Use, ...]
    scope: FlatScope

    @property
    def layer(self) -> str:
        """What the author calls it: a layer's, a join's or a block's name."""
        return self.op.instance.block.name.name if isinstance(self.op, Use) else self.op.layer.name

    @property
    def path(self) -> str:
        """Its state_dict path, from the scope that the uses start from."""
        return ".".join([*(use.name for use in self.uses), self.op.name])

    @property
    def leaf(self) -> Leaf:
        assert isinstance(self.op, Leaf)
        return self.op

    @property
    def shape(self) -> Shape:
        """What arrives at the layer."""
        shape = self.leaf.input.shape
        assert shape is not None  # a net without faults
        return shape

    def argument(self, *names: str) -> Span:
        """Where the first of these arguments that is given stands; the whole call where none is."""
        call = self.scope.calls[self.op.span.start]
        for name in names:
            for keyword in call.keywords:
                if keyword.name == name:
                    return keyword.span
            if isinstance(self.op, Leaf) and name in self.op.layer.positional[: len(call.positional)]:
                return call.positional[self.op.layer.positional.index(name)].span
        return call.span


def calls(body: syntax.Body) -> Iterator[syntax.Call]:
    """All calls in a text, those within braces too."""
    for chain in chains(body):
        for step in chain.steps:
            if isinstance(step.action, syntax.Call):
                yield step.action


def chains(body: syntax.Body) -> Iterator[syntax.Chain]:
    """All chains of steps in a text, those within braces too."""
    return (chain for inner in syntax.braces(body) for chain in syntax.chains(inner))


class Finding(NamedTuple):
    """A warning, and the uses of blocks around its place."""

    warning: Diagnostic
    uses: tuple[Use, ...]


def finding(
    code: str,
    message: str,
    site: Site,
    *arguments: str,
    label: str = "",
    notes: tuple[Note, ...] = (),
    fixes: tuple[Fix, ...] = (),
    place: Span | None = None,
) -> Finding:
    """A warning about a step, at the first of these arguments that is given, or at another place."""
    chain = tuple(
        Note(f"in block {name.name} (line {name.span.line}), used here", use.span)
        for use in reversed(site.uses)
        for name in (use.instance.block.name,)
    )
    span = place or site.argument(*arguments)
    return Finding(Diagnostic(code, message, span, label, (*notes, *chain), fixes), site.uses)


def pointer(message: str, there: Site, here: Site) -> Note:
    """A note on another step than `here`: where the text first leads to it and not `here`."""
    known = {here.op.span, *(use.span for use in here.uses)}
    spans = [*(use.span for use in there.uses), there.op.span]
    return Note(message, next((span for span in spans if span not in known), there.op.span))


class Visit(NamedTuple):
    """A scope, and how the text gets there."""

    scope: FlatScope
    uses: tuple[Use, ...]
    network: Network


class LintContext:
    """All nets that were checked, and the blocks in them.

    A block that is used often is visited once; once more for each way there that comments silence otherwise.
    """

    def __init__(self, networks: Iterable[Network], silences: Silences) -> None:
        self.silences = silences
        self.known: dict[int, FlatScope] = {}  # by instance
        self.nets: list[tuple[Network, FlatScope]] = []
        self.visits: list[Visit] = []
        self._shared: dict[Any, Any] = {}
        self._seen: set[tuple[int, frozenset[FileLine]]] = set()
        for network in networks:
            inputs = tuple(given.value for given in network.inputs)
            outputs = tuple(output.value for output in network.outputs)
            scope = FlatScope(network.net.body, network.steps, inputs, outputs)
            self.nets.append((network, scope))
            self.visit(Visit(scope, (), network), NOWHERE)

    def inside(self, instance: Instance) -> FlatScope:
        """The scope of a block."""
        found = self.known.get(id(instance))
        if found is None:
            found = FlatScope(instance.block.body, instance.steps, (instance.input,), (instance.output,))
            self.known[id(instance)] = found
        return found

    def visit(self, visit: Visit, silenced: frozenset[FileLine]) -> None:
        self.visits.append(visit)
        for use in visit.scope.uses:
            there = silenced | self.silences.at(use.span)
            # Uses with the same commented lines on the way to them, mostly none, share one visit.
            key = id(use.instance), there
            if key not in self._seen:
                self._seen.add(key)
                self.visit(Visit(self.inside(use.instance), (*visit.uses, use), visit.network), there)

    def shared(self, make: Callable[[LintContext], Known]) -> Known:
        """What is known of the nets by other means, made once for all lints."""
        if make not in self._shared:
            self._shared[make] = make(self)
        known: Known = self._shared[make]
        return known

    def layers(self, *names: str) -> Iterator[Site]:
        """All layers of these names."""
        for scope, uses, _ in self.visits:
            for name in names:
                for leaf in scope.kinds.get(name, ()):
                    yield Site(leaf, uses, scope)


class ScopeWalk(ABC, Generic[State]):
    """Goes through scopes in the order of execution, and finds a State for each value."""

    def __init__(self, context: LintContext) -> None:
        self.context = context

    def walk(
        self, scope: FlatScope, states: dict[Value, State], uses: tuple[Use, ...] = ()
    ) -> dict[Value, State]:
        """Adds the states of a scope's values to those of its inputs."""
        for op in scope.ops:
            found = [states[value] for value in arriving(op)]
            if type(op) is Merge:
                states[op.output] = self.join(op, found)
            elif type(op) is Use:
                states[op.output] = self.block(op, found[0], uses)
            else:
                states[op.output] = self.layer(Site(op, uses, scope), found[0])
        return states

    @abstractmethod
    def layer(self, site: Site, state: State) -> State:
        """The state behind a layer; `state` is that of what arrives."""

    @abstractmethod
    def join(self, join: Merge, states: list[State]) -> State: ...

    def block(self, use: Use, state: State, uses: tuple[Use, ...]) -> State:
        """That behind a block: it is gone through for each of its uses."""
        instance = use.instance
        inside = self.context.inside(instance)
        return self.walk(inside, {instance.input: state}, (*uses, use))[instance.output]


Lint = Callable[[LintContext], Iterator[Finding]]

LINTS: list[Lint] = []


def lint(function: Lint) -> Lint:
    """A decorator: the function looks for one thing, and `warnings` calls it."""
    LINTS.append(function)
    return function


def without_step(span: Span) -> Edit | None:
    """Take a step out, with the comma before it or with its line; None where it is not so plain."""
    text = span.source.text
    before = text[: span.start].rstrip(" \t")
    # Of `conv 8@3x3, relu` goes `, relu`.
    if before.endswith(","):
        return Edit(Span(span.source, len(before) - 1, span.end), "")
    end = text.find("\n", span.end)
    rest = text[span.end : end] if end >= 0 else text[span.end :]
    # Alone on its line it takes the line with it, and a comment behind it.
    if before.endswith("\n") and end >= 0 and not rest.partition("#")[0].strip():
        return Edit(Span(span.source, len(before), end + 1), "")
    return None
