"""The size behind every line: what the last step that ends there makes, in the net in view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from cnnspec.analysis.costs import CostCounter
from cnnspec.graph.tree import Leaf, Use
from cnnspec.live.findings import Check, StepRun
from cnnspec.text import syntax
from cnnspec.text.edits import Edit, new_span
from cnnspec.text.source import Source, Span
from cnnspec.values.shapes import Shape, plain_shape

MOST_SHAPES = 3
"""The most shapes of a line that are shown."""


class LineSize(NamedTuple):
    """The shapes that the runs of a line make, each once, at the offset where a claim of them would stand.

    `stale`: they were those of the line before a fault hid them. `certain`: each run makes the first one.
    """

    offset: int
    shapes: tuple[Shape, ...]
    certain: bool = True
    stale: bool = False

    @property
    def words(self) -> str:
        """`6@24x24`; of a line that makes several `64@56x56, 256@56x56, …`."""
        more = ["…"] if len(self.shapes) > MOST_SHAPES else []
        return ", ".join([*map(str, self.shapes[:MOST_SHAPES]), *more])


def line_sizes(tree: syntax.File, runs: Mapping[Span, list[StepRun]]) -> list[LineSize]:
    """The sizes of a file's lines, but for those that the line itself states."""
    last: dict[int, syntax.Chain] = {}
    for chain in chains(tree):
        line = tree.span.source.position(chain.span.end)[0]
        # Of several chains that end in a line the one that ends last tells its size.
        if line not in last or last[line].span.end <= chain.span.end:
            last[line] = chain
    found = []
    for chain in last.values():
        if not says_size(chain):
            leaving = [run.leaving for run in runs.get(chain.steps[-1].span, ())]
            shapes = [value.shape for value in leaving if value is not None and value.shape is not None]
            if shapes:
                # Shapes of equal numbers may differ in the names that their channels come from.
                each = tuple(dict.fromkeys(map(plain_shape, shapes)))
                found.append(LineSize(chain.span.end, each, len(each) == 1 and len(shapes) == len(leaving)))
    return sorted(found)


def line_params(tree: syntax.File, runs: Mapping[Span, list[StepRun]]) -> dict[int, int]:
    """By line, counted from 1, the parameters of what ends there, where all its runs agree."""
    counter = CostCounter()
    found: dict[int, int] = {}
    uneven: set[int] = set()
    for chain in chains(tree):
        for step in chain.steps:
            line = tree.span.source.position(step.span.end)[0]
            made = [run.made for run in runs.get(step.span, ())]
            # With no value needed MACs are left out; parameters are counted all the same.
            counts = {counter.step(each, set()).params for each in made if isinstance(each, Leaf | Use)}
            found[line] = found.get(line, 0) + sum(counts)
            # In a `repeat` the first convolution may take 3 channels, the others 64:
            # the line has no one number.
            uneven |= {line} if len(counts) > 1 else set()
    return {line: count for line, count in found.items() if count and line not in uneven}


def says_size(chain: syntax.Chain) -> bool:
    """Whether a line says its size itself, or has none."""
    action = chain.steps[-1].action
    if chain.assertion is not None or isinstance(action, syntax.Output):
        return True
    return isinstance(action, syntax.Call) and action.name.name == "input"


def chains(tree: syntax.File) -> Iterator[syntax.Chain]:
    """All chains of steps of a file, those within braces too."""
    return (chain for body in syntax.braces_of(tree) for chain in syntax.chains(body))


def sizes_of(check: Check, before: Iterable[LineSize], edit: Edit) -> list[LineSize]:
    """The sizes of a check; where a fault hides them, stale ones: those `before` the text's last edit."""
    source = check.source
    found = line_sizes(check.module.tree, check.runs)
    in_view = check.found.get(check.in_view)
    if in_view is None or in_view.ok:
        return found
    taken = {source.position(size.offset)[0] for size in found}
    saying = (chain for chain in chains(check.module.tree) if says_size(chain))
    # A line that states its size itself needs no stale one, either.
    taken |= {source.position(chain.span.end)[0] for chain in saying}
    for size in carry_over(before, edit, source):
        if (line := source.position(size.offset)[0]) not in taken:
            taken.add(line)
            found.append(size)
    return sorted(found)


def carry_over(before: Iterable[LineSize], edit: Edit, source: Source) -> Iterator[LineSize]:
    """The sizes before an edit where they are in the edited source, but for those that it touches."""
    for size in before:
        place = new_span(Span(edit.span.source, size.offset, size.offset), edit, source)
        if place is not None:
            yield size._replace(offset=place.start, stale=True, certain=False)
