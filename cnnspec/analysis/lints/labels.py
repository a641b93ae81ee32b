"""What a label names: one step, not its line. In `a: conv 8@3x3, relu` the conv is `a`, not the relu."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cnnspec.analysis.lints.lint_context import FlatScope, chains
from cnnspec.graph.tree import Again, From, Leaf, Lost, Value
from cnnspec.graph.walk import walk
from cnnspec.layers import FAMILIES
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Fix, Note
from cnnspec.text.edits import Edit, insert
from cnnspec.text.source import Span

ACTIVATIONS = frozenset(FAMILIES["activation"]) - {"softmax", "logsoftmax", "abs", "identity"}
NORMS = frozenset(FAMILIES["norm"])


class EarlyRead(NamedTuple):
    """A labelled step that `from` reads, while its line goes on to an activation that nothing reads by name.

    `read` is where; `activation` stands in the text at `last`, of the line `chain`.
    """

    step: syntax.Step
    activation: Leaf
    last: Span
    read: Span
    chain: syntax.Chain

    @property
    def place(self) -> Span:
        assert self.step.label is not None
        return self.step.label.span

    @property
    def label(self) -> str:
        return self.place.text

    def notes(self) -> tuple[Note, ...]:
        return (
            Note(f"`{self.label}` names this step, not the line", self.step.action.span),
            Note("read here", self.read),
        )

    def fixes(self) -> tuple[Fix, ...]:
        """Braces around both, or the label at the activation."""
        start, end = self.step.action.span.start, self.last.end
        source, behind = self.last.source, f"`{self.last.text}`"
        braces = insert(source, start, "{ "), insert(source, end, " }")
        gone = Edit(Span(source, self.place.start, start), "")
        moved = insert(source, self.last.start, f"{self.label}: ")
        return (
            Fix(f"braces up to the {behind}, and the label stands for all of it", braces),
            Fix(f"or the label goes to the {behind}", (gone, moved)),
        )


def early_reads(scope: FlatScope) -> Iterator[EarlyRead]:
    """The labelled steps of a scope that are read before the activation on their line.

    A norm may stand between. Where the activation has a name, too, or a name leads to it, both are meant.
    """
    # By where a labelled step starts: its index in its chain, the step, the chain.
    wanted = {
        step.action.span.start: (i, step, chain)
        for chain in chains(scope.body)
        for i, step in enumerate(chain.steps[:-1])
        if step.label is not None and not is_plain(step.action)
    }
    steps = list(walk(scope.steps, again=False)) if wanted else []
    reads = {step.value: step.span for step in steps if isinstance(step, From)}
    # A text in a repeat makes many leaves: what arrives tells them apart.
    leaves = {(op.span.start, op.input): op for ops in scope.kinds.values() for op in ops} if reads else {}
    for step in steps:
        if isinstance(step, From | Again | Lost) or step.output not in reads or step.span.start not in wanted:
            continue
        i, labelled, chain = wanted[step.span.start]
        found = activation(chain.steps[i + 1 :], step.output, leaves)
        if found is not None and found[0].output not in reads:
            yield EarlyRead(labelled, *found, reads[step.output], chain)


def is_plain(action: syntax.Action) -> bool:
    """Whether it is an activation itself, or names a value for its own sake, as `e: identity` does."""
    return isinstance(action, syntax.Call) and action.name.name in ACTIVATIONS | {"identity"}


def activation(
    steps: tuple[syntax.Step, ...], value: Value, leaves: dict[tuple[int, Value], Leaf]
) -> tuple[Leaf, Span] | None:
    """The activation that these steps begin with, behind norms perhaps, if it has no name; and its place."""
    for step in steps:
        leaf = leaves.get((step.action.span.start, value))
        if step.label is not None or leaf is None:
            return None
        if leaf.layer.name in ACTIVATIONS:
            return leaf, step.action.span
        if leaf.layer.name not in NORMS:
            return None
        value = leaf.output
    return None
