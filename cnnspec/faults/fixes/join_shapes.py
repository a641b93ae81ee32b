"""Fixes for joins whose paths do not fit: a pad, a stride, a projection on the short path, another input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from cnnspec.faults.fixes import alter
from cnnspec.faults.fixes.flow import runs
from cnnspec.faults.fixes.syntax_tree import WrittenCall, delete_step, keyword, literal, set_argument
from cnnspec.faults.fixes.trial import Case, of_call
from cnnspec.faults.fixes.wording import try_changes
from cnnspec.graph.tree import Merge
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Fix
from cnnspec.text.edits import Edit, insert

OPTIONS = 6
"""The most changes of a kind that are tried where one path alone is to change."""


def alter_layers(kind: str, case: Case) -> Iterator[Fix]:
    """Another argument of a layer on each path that does not have the size of the others."""
    merge = _merge_at_fault(case)
    if merge is None:
        return
    made = alter.makers(case.trial.before.all_networks)
    layers = [alter.upstream(path.output, made) for path in merge.live]
    sizes = [alter.map_size(path.output.shape) for path in merge.live]
    # The size that most paths have comes first.
    for wanted in sorted({size for size in sizes if size}, key=lambda size: -sizes.count(size)):
        right = {
            leaf.span for leaf_s, size in zip(layers, sizes, strict=True) if size == wanted for leaf in leaf_s
        }
        # What a right path goes through as well stays as it is.
        wrong = [
            [leaf for leaf in leaves if leaf.span not in right]
            for leaves, size in zip(layers, sizes, strict=True)
            if size != wanted
        ]
        alone = len(wrong) == 1
        # Six ways for one path; of several paths the first of each, all in one fix.
        options = [
            list(islice(alter.changes(leaves, wanted, kind), OPTIONS if alone else 1)) for leaves in wrong
        ]
        for chosen in zip(*options, strict=True) if all(options) else ():
            yield from _fix(case, chosen)


def _merge_at_fault(case: Case) -> Merge | None:
    start = case.fault.span.start
    merges = (step for step in runs(case.trial.before.all_networks) if isinstance(step, Merge))
    return next((merge for merge in merges if merge.span.start <= start < merge.span.end), None)


def _fix(case: Case, chosen: Sequence[alter.Alteration]) -> Iterator[Fix]:
    changes = [*{change.start: change for change in chosen}.values()]
    edits = [alter.change_edits(case.tree, change) or () for change in changes]
    if all(edits):
        words = [alter.change_words(case.tree, change) for change in changes]
        yield from try_changes(case, words, sum(edits, ()), case.fault.span.start)


ceils, extras, factors, pads = (partial(alter_layers, kind) for kind in ("ceil", "extra", "factor", "pad"))


@of_call
def gates(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """A path that flattens what is to weigh channels: without that, its linear layers are pointwise."""
    for path in at.call.body.paths if at.call.body is not None else ():
        within = [each for each in case.tree.calls if path.span.covers(each.step.span)]
        linears = [each.call for each in within if each.call.name.name == "linear"]
        cuts = [delete_step(each) for each in within if each.call.name.name == "flatten"]
        edits = [cut for cut in cuts if cut is not None]
        if edits and linears and len(edits) == len(cuts):
            edits += [set_argument(call, "pointwise", "yes") for call in linears]
            title = "drop `flatten`, and `pointwise=yes` on the linear layers: the gate stays C@1x1"
            yield Fix(title, tuple(edits))


@of_call
def crops(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """Values from before a concat cropped to its smallest path, as Ronneberger et al. 2015 do, "U-Net".

    Not a value of twice the size: that lacks a stride, and no border.
    """
    merge, body = _merge_at_fault(case), at.call.body
    if merge is None or body is None or at.call.name.name != "concat":
        return
    sizes = {path.span: alter.map_size(path.output.shape) for path in merge.live}
    if not all(sizes.values()):
        return
    heights, widths = zip(*filter(None, sizes.values()), strict=True)
    least = min(heights), min(widths)
    larger = [_steps(path) for path in body.paths if sizes.get(path.span, least) != least]
    if not larger or not all(steps and isinstance(steps[0].action, syntax.From) for steps in larger):
        return
    ends = [steps[-1].span for steps in larger]
    if max(heights) < 2 * least[0] and max(widths) < 2 * least[1]:
        crop = f", crop {least[0]}x{least[1]}"
        yield Fix(
            f"crop it: `{ends[0].text}{crop}`", tuple(insert(end.source, end.end, crop) for end in ends)
        )


@of_call
def strides(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """A stride of 1 where a path alone strides, or where a pool forgot that its stride is its window."""
    for call in [each.call for each in case.tree.calls if at.step in each.around]:
        given = keyword(call, "stride")
        if given is None and not call.name.name.endswith("pool"):
            continue
        if given is not None and literal(given.value) in (None, 1):
            continue
        edits = (set_argument(call, "stride", "1"),)
        yield Fix(f"`stride=1` on the {call.name.name} in line {call.span.line}", edits)


@of_call
def projections(case: Case, at: WrittenCall) -> Iterator[Fix]:
    """A 1x1 convolution in the place of `identity`, as He et al. 2016 do, where the other path strides."""
    join = at.call
    if join.body is None:
        return
    short = [call for call in map(_identity, join.body.paths) if call is not None]
    long = [path for path in join.body.paths if _identity(path) is None]
    if len(short) != 1 or len(long) != 1:
        return
    calls = [step.action for step in _steps(long[0]) if isinstance(step.action, syntax.Call)]
    filters = [call.positional[0] for call in calls if call.name.name == "conv" and call.positional]
    steps = [given.value for call in calls if (given := keyword(call, "stride")) is not None]
    if not filters or not isinstance(filters[-1], syntax.FilterOf) or len(steps) > 1:
        return
    width = filters[-1].count.span.text
    normed = any(call.name.name == "batchnorm" for call in calls)
    stride = f" stride={steps[0].span.text}" if steps else ""
    conv = f"conv {width}@1x1{stride}" + (" bias=no, batchnorm" if normed else "")
    text = conv
    if isinstance(at.owner, syntax.Block) and at.owner.parameters:
        # One text serves uses that change the shape and uses that do not: the latter keep their identity.
        tests = [f"{steps[0].span.text} != 1"] if steps and literal(steps[0]) is None else []
        text = f"if {' or '.join([*tests, f'in.channels != {width}'])} {{ {conv} }} else {{ identity }}"
    edits = (Edit(short[0].span, text),)
    yield Fix("project the short path where the other changes the shape", edits)


def _identity(path: syntax.Path) -> syntax.Call | None:
    """The `identity` that is a whole path."""
    steps = _steps(path)
    call = steps[0].action if len(path.statements) == len(steps) == 1 else None
    return call if isinstance(call, syntax.Call) and call.name.name == "identity" else None


def _steps(path: syntax.Path) -> list[syntax.Step]:
    return [step for each in path.statements if isinstance(each, syntax.Chain) for step in each.steps]
