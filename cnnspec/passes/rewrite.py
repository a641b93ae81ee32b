"""How what a pass decides on the flat graph reaches the tree of scopes, for both back ends.

A pass looks at the flat graph and gives a Rewrite. Here the tree is built anew after it, block by block: a
block's uses that are rewritten alike still share one instance, others part. Names stay, with one
exception: where all steps of a chain bear numbers, layers without tensors move up into the gaps, so that
an nn.Sequential counts them again. No key of a state_dict changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cnnspec.analysis.unroll import Graph, Node
from cnnspec.graph.tree import (
    Again,
    From,
    Group,
    If,
    Instance,
    Leaf,
    Merge,
    Network,
    Path,
    Repeat,
    Step,
    Use,
    Value,
)
from cnnspec.graph.walk import Steps, children, rebuild, walk

Change = tuple[tuple[str, Any], ...] | None
"""Arguments of a layer and their new values; None: the layer goes, and its value is what arrives at it."""

Rewrite = Mapping[str, Change]
"""The changes by the paths that weights bear: what runs twice is changed alike, or not at all."""


def consistent_pairs(graph: Graph, pairs: Mapping[str, str]) -> dict[str, str]:
    """The pairs of a node that stays and one that goes into it which runs with the same weights allow.

    What stays must meet the same partner in every run, what goes must go in every run. What only training
    runs does not count.
    """
    nodes = {node.path: node for node in graph.nodes if not node.train}
    back = {gone: node for node, gone in pairs.items()}
    meets: dict[str, set[str]] = {}  # of a first run: the first runs of what goes into its runs
    enters: dict[str, set[str]] = {}  # … of what its runs go into; "": a run goes alone
    # `c: conv, n: batchnorm, again c, m: batchnorm`: c meets {n, m}, two norms for one weight, so both stay.
    # `c: conv, n: batchnorm, relu, again n`: n enters {c, ""}, as "n (2)" has no convolution; n stays.
    for name, node in nodes.items():
        for partners, found in ((meets, pairs.get(name)), (enters, back.get(name))):
            partners.setdefault(node.first, set()).add(nodes[found].first if found else "")
    fit = {name for name, found in meets.items() if len(found) == 1 and "" not in found}
    # What runs several times goes only if all that it enters can take it in.
    whole = {name for name, found in enters.items() if found <= fit}
    return {
        node: gone for node, gone in pairs.items() if nodes[node].first in fit and nodes[gone].first in whole
    }


def lone_readers(graph: Graph) -> dict[str, Node]:
    """The one node that reads a node's value, where it is the only one and no output is that value."""
    readers: dict[str, list[Node]] = {}
    made = set()
    for node in graph.nodes:
        if not node.train:
            made.add(node.path)
            for name in node.inputs:
                readers.setdefault(name, []).append(node)
    kept = {at for _, at, train in graph.outputs if not train}
    return {
        # `add { | from c | from c }` reads c twice, and is no lone reader: it stands in the list twice
        name: after[0]
        for name, after in readers.items()
        if name in made and len(after) == 1 and name not in kept
    }


class Rewriter:
    """Builds the tree anew. `trace` holds the changes so far, by which uses of a block differ."""

    def __init__(self, rewrite: Rewrite) -> None:
        self.rewrite = rewrite
        self.trace: list[Change] = []
        self.instances: dict[tuple[int, tuple[Change, ...]], Instance] = {}

    def network(self, network: Network) -> Network:
        owner = ScopeRewriter(self, "", network.steps)
        steps = owner.scope(network.steps, None)
        outputs = tuple(
            output._replace(value=owner.at(output.value)) for output in network.outputs if not output.train
        )
        return network._replace(steps=steps, outputs=outputs)

    def instance(self, instance: Instance, prefix: str) -> Instance:
        start = len(self.trace)
        owner = ScopeRewriter(self, prefix, instance.steps)
        steps = owner.scope(instance.steps, instance.input)
        made = instance._replace(steps=steps, output=owner.at(instance.output))
        # Uses of a block whose layers are changed alike share an instance again.
        return self.instances.setdefault((id(instance), tuple(self.trace[start:])), made)


class ScopeRewriter:
    """Rewrites the steps of a net or of a use of a block; `prefix` is the path before their names."""

    def __init__(self, rewriter: Rewriter, prefix: str, steps: Steps) -> None:
        self.rewriter, self.prefix = rewriter, prefix
        self.same: dict[Value, Value] = {}  # a value that is gone: the one it has become
        self.names_run_again = set(names_run_again(steps))

    def at(self, value: Value) -> Value:
        return self.same.get(value, value)

    def scope(self, steps: Steps, current: Value | None) -> Steps:
        """The steps of a whole scope, counted anew."""
        return recount_labels(self.steps(steps, current), self.names_run_again)

    def steps(self, steps: Iterable[Step], current: Value | None) -> Steps:
        """What is left of some steps; `current` is the value that arrives."""
        found: list[Step] = []
        for step in steps:
            for made in self.step(step):
                # a wire to what arrives anyhow: of `c: conv, dropout, from c` only the convolution is left
                if not (isinstance(made, From) and made.value is current):
                    found.append(made)
                current = made.output
        return tuple(found)

    def step(self, step: Step) -> Iterable[Step]:
        """What a step becomes: itself with other contents, or nothing, or the wires that are left in it."""
        if isinstance(step, From):
            return (From(self.at(step.value), step.span),)
        if isinstance(step, Leaf):
            return self.leaf(step)
        if isinstance(step, Use):
            return self.use(step)
        if isinstance(step, Merge):
            return self.merge(step)
        if isinstance(step, Again):
            return self.again(step)
        if isinstance(step, Repeat):
            return self.repeat(step)
        assert isinstance(step, Group | If)  # a network with faults is not rewritten
        given = self.at(step.input)
        steps = self.scope(step.steps, given) if step.name else self.steps(step.steps, given)
        made = step._replace(steps=steps, input=given, output=self.at(step.output))
        if has_layers(steps):
            return (made,)
        # An `if` stays, as one that was not taken: beside it, in another use, may be one that does something.
        return (made._replace(name=""),) if isinstance(made, If) else steps

    def leaf(self, step: Leaf) -> Iterable[Step]:
        change = self.rewriter.rewrite.get(self.prefix + step.name, ())
        self.rewriter.trace.append(change)
        if change is None:
            self.same[step.output] = self.at(step.input)
            return ()
        layer = step.layer.with_arguments(**dict(change)) if change else step.layer
        return (step._replace(layer=layer, input=self.at(step.input)),)

    def use(self, step: Use) -> Iterable[Step]:
        instance = self.rewriter.instance(step.instance, f"{self.prefix}{step.name}.")
        if not has_layers(instance.steps):
            self.same[step.output] = self.at(step.input)
            return ()
        return (step._replace(instance=instance, input=self.at(step.input)),)

    def again(self, step: Again) -> Iterable[Step]:
        made = tuple(self.step(step.step))
        self.same[step.output] = self.at(step.step.output)
        if not has_layers(made):
            return made
        # `again` runs a layer, a block or braces: with layers in it, that becomes one step again
        (inside,) = made
        return (Again(inside, self.at(step.input), self.at(step.output), step.span),)

    def repeat(self, step: Repeat) -> Iterable[Step]:
        current = self.at(step.input)
        iterations = []
        for iteration in step.iterations:
            made = self.steps(iteration, current)
            if made:
                iterations.append(made)
                current = made[-1].output
        if not any(map(has_layers, iterations)):
            return [wire for iteration in iterations for wire in iteration]
        if step.name:
            # A labelled repeat is one scope, whose turns number on, 0 1 2 | 3 4 5: counted as one row, they
            # part again.
            iterations = regroup(recount_labels(sum(iterations, ()), self.names_run_again), iterations)
        # as long as no turn is gone, `repeat depth` keeps its symbol, and so its class the parameter
        times = step.times if len(iterations) == len(step.iterations) else len(iterations)
        given, output = self.at(step.input), self.at(step.output)
        return (step._replace(times=times, iterations=tuple(iterations), input=given, output=output),)

    def merge(self, step: Merge) -> Iterable[Step]:
        given = self.at(step.input)
        paths = [
            path._replace(steps=self.steps(path.steps, given), output=self.at(path.output))
            for path in step.paths
        ]
        change = self.rewriter.rewrite.get(self.prefix + step.path, ())
        self.rewriter.trace.append(change)
        # Training alone needs the join, or one path is left with nothing in it: `add { | dropout | none }`.
        if change is None or (not step.runs and not any(has_layers(path.steps) for path in paths)):
            self.same[step.output] = given if change is None else self.at(step.live[0].output)
            steps = tuple(self.paths_in_a_row(paths, step))
            named = step.name and has_layers(steps)  # what is left bears the join's name before its own
            return (Group(step.name, steps, given, self.at(step.output), step.span),) if named else steps
        layer = step.layer.with_arguments(**dict(change)) if change else step.layer
        return (step._replace(layer=layer, paths=tuple(paths), input=given, output=self.at(step.output)),)

    def paths_in_a_row(self, paths: list[Path], step: Merge) -> Iterator[Step]:
        """The paths of a join that is gone, one after the other."""
        for path in paths:
            if path.steps:
                yield From(self.at(step.input), step.span)
                yield from path.steps


def apply(network: Network, rewrite: Rewrite) -> Network:
    """The network after a rewrite. What only training has for an output is none any more."""
    return Rewriter(rewrite).network(network)


def has_layers(steps: Iterable[Step]) -> bool:
    """Whether there is more than wires."""
    return any(not isinstance(step, From) for step in steps)


def names_run_again(steps: Steps) -> Iterator[str]:
    """The names of single layers that run again: they stay as they are."""
    for step in walk(steps, again=False):
        if isinstance(step, Again) and isinstance(step.step, Leaf):
            yield step.step.name


# Counting anew


class Child(NamedTuple):
    """A step of a scope, and whether keys hang on its name."""

    name: str
    keyed: bool


def recount_labels(steps: Steps, names_run_again: set[str]) -> Steps:
    """The steps of a scope as 0, 1, 2, …, where the ones with keys bear such numbers already."""
    children = list(children_of(steps))
    last = [child.name.rpartition(".")[2] for child in children]
    # Of 0 conv, 1 batchnorm, 2 relu without the norm the relu becomes 1. Where a convolution "3" follows, it
    # would be 2, but its tensors have the key "3.weight": all names stay.
    fit = all(
        name == str(i) or (name.isdecimal() and not child.keyed and child.name not in names_run_again)
        for i, (name, child) in enumerate(zip(last, children, strict=True))
    )
    if not fit:
        return steps
    # A leaf takes the next number, others only use theirs up: they bear it already.
    numbers = iter(range(len(children)))
    return tuple(rename(step, numbers) for step in steps)


def children_of(steps: Iterable[Step]) -> Iterator[Child]:
    """The steps of one scope, in order: braces without a label are not one. A join is never fit."""
    for step in steps:
        if isinstance(step, Leaf):
            keyed = step.input.shape is None or bool(step.layer.weights(step.input.shape))
            yield Child(step.name, keyed)
        elif isinstance(step, Repeat | If) and not step.name:
            yield from children_of(children(step))
        elif not isinstance(step, From | Again):
            yield Child("" if isinstance(step, Merge) else step.name, True)


def rename(step: Step, numbers: Iterator[int]) -> Step:
    if isinstance(step, Leaf):
        head, dot, _ = step.name.rpartition(".")
        return step._replace(name=f"{head}{dot}{next(numbers)}")
    if isinstance(step, Repeat | If) and not step.name:
        return rebuild(step, lambda row: tuple(rename(inside, numbers) for inside in row))
    if not isinstance(step, From | Again):
        next(numbers)
    return step


def regroup(steps: Steps, like: list[Steps]) -> list[Steps]:
    """The steps again in tuples as long as those."""
    rest = iter(steps)
    return [tuple(next(rest) for _ in turn) for turn in like]
