"""What would mend a fault: edits that were tried by compiling the edited text, and nothing else.

A fault brings what its finder would suggest, mostly a name's right spelling; other edits are proposed by its
code, each kind by a function of its own. Here they are tried, ranked and cut.

The order, the likeliest first: what changes the network least. So a statement about the net (a claim, an
`in=`) goes before a layer; one argument of a layer, the nearest to the fault first, before several; layers
before the input, which they were written for. What leaves nothing else to mend goes before what brings to
light faults that this one hid.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cnnspec.compiler import Checked
from cnnspec.failures import Keep, give_up, sparing
from cnnspec.faults.fixes import arguments, claims, dialect, join_shapes, map_sizes, wiring
from cnnspec.faults.fixes.syntax_tree import Tree
from cnnspec.faults.fixes.trial import Case, Finder, Recheck, Trial
from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit
from cnnspec.text.source import Source

MOST_FAULTS = 10
"""The most faults of a text whose fixes are sought at once."""
MOST_FIXES = 3
"""The most fixes that are shown of a fault."""


class Remedy(NamedTuple):
    """A way of mending, and how many fixes of that way are shown together."""

    propose: Finder
    most: int = 1


def each(*finders: Finder) -> tuple[Remedy, ...]:
    """Ways of which one fix each is shown."""
    return tuple(map(Remedy, finders))


def any_of(*finders: Finder) -> tuple[Remedy, ...]:
    """Ways of which all fixes may be shown."""
    return tuple(Remedy(finder, MOST_FIXES) for finder in finders)


REMEDIES: dict[str, tuple[Remedy, ...]] = {
    "E0201": any_of(dialect.outputs, wiring.residuals, dialect.blocks),
    "E0202": any_of(dialect.labels_as_values, dialect.words, dialect.functions),
    "E0203": any_of(arguments.labels),
    "E0204": any_of(arguments.paths, arguments.names, dialect.steps_as_outputs),
    "E0209": any_of(dialect.input_by_equals),
    "E0214": any_of(wiring.joins, wiring.bars, wiring.pipes),
    "E0301": any_of(wiring.sources, dialect.blanks, arguments.extras),
    "E0302": any_of(dialect.blanks),
    "E0303": (
        *each(map_sizes.pool_pads),
        *any_of(arguments.kinds, arguments.quotients, wiring.arrows, dialect.shapes),
    ),
    "E0304": any_of(arguments.bounds, arguments.leave_out),
    "E0305": any_of(arguments.repeated),
    "E0401": each(
        *(map_sizes.own_pads, map_sizes.turn_window, map_sizes.shrink_window, map_sizes.others),
        *(map_sizes.pads, map_sizes.all_pads),
    ),
    "E0402": each(
        *(join_shapes.ceils, join_shapes.extras, join_shapes.factors, join_shapes.pads),
        *(map_sizes.all_pads, join_shapes.crops, join_shapes.projections, join_shapes.gates),
        *(join_shapes.strides, map_sizes.others),
    ),
    "E0403": each(
        *(claims.flat, claims.claim, claims.ceils, claims.extras, claims.factors, claims.counts),
        *(claims.kernels, claims.pads, map_sizes.others, claims.later_claims),
    ),
    "E0404": any_of(arguments.groups),
    "E0405": (*each(map_sizes.exchange), *any_of(map_sizes.map_input)),
    "E0406": each(map_sizes.flat, map_sizes.pointwise),
    "E0407": each(map_sizes.others),
    "E0410": each(map_sizes.drop_claim, map_sizes.pads, map_sizes.others),
    "E0411": each(arguments.modes),
}
"""By a fault's code the ways of mending it, in the order described above."""

MENDED_AT_USES = frozenset({"E0303"})
"""Faults in a block that may be mended where it is used, in another file."""


def with_fixes(
    source: Source, found: Checked, recheck: Recheck, keep: Keep = give_up, skip: int = 0
) -> list[Diagnostic]:
    """The diagnostics of a source with the fixes that were found to work; the first `skip` are passed over.

    `recheck` checks a text as `source` was checked. Where the search fails, `keep` takes the failure, and the
    fault has the fixes that were found before.
    """
    trial = Trial(source, found, recheck)
    tree = Tree(source)
    faults = found.diagnostics
    cases = [Case(fault, tree, trial) for fault in faults[skip : skip + MOST_FAULTS]]
    lines: list[Fix] = []
    fixes = [_of_line(case, lines, keep) or _find_fixes(case, lines, keep) for case in cases]
    sought: list[tuple[Fix, ...]] = [()] * skip + fixes
    return [fault._replace(fixes=sought[i] if i < len(sought) else ()) for i, fault in enumerate(faults)]


def _of_line(case: Case, lines: list[Fix], keep: Keep) -> tuple[Fix, ...]:
    """The fix of the fault's whole line, at the first fault that it mends; `lines` gathers such fixes."""
    if case.fault.code not in dialect.WORDS or _mended_by(lines, case):
        return ()
    with sparing(keep):
        fix = dialect.line(case)
        if fix is not None and case.after_mending(fix.edits) is not None:
            lines.append(fix)
            return (fix,)
    return ()


def _mended_by(lines: list[Fix], case: Case) -> bool:
    """Whether a fix of the whole line, shown before, mends the fault."""
    span = case.fault.span
    edits = [edit for fix in lines for edit in fix.edits]
    return case.fault.code in dialect.WORDS and any(edit.span.covers(span) for edit in edits)


def _find_fixes(case: Case, lines: list[Fix], keep: Keep) -> tuple[Fix, ...]:
    if _mended_by(lines, case):
        return ()
    clean: dict[tuple[Edit, ...], Fix] = {}
    partial: dict[tuple[Edit, ...], Fix] = {}
    with sparing(keep):
        _try_remedies(case, clean, partial)
    said = [fix.edits for fix in case.fault.fixes]
    # A slip's own fix may bring hidden faults to light and is shown all the same: the name was wrong.
    own = [fix for edits, fix in partial.items() if edits in said]
    mends = [fix for fix in clean.values() if fix.edits]
    advice = [fix for fix in clean.values() if not fix.edits]
    shown = [*mends, *(own if mends else partial.values()), *advice][:MOST_FIXES]
    if not shown:
        with sparing(keep):
            shown = list(dialect.explain_block(case))
    # Of two ways out neither is the only reading, so --fix takes none.
    sole = sum(bool(fix.edits) for fix in shown) == 1
    return tuple(
        fix._replace(title=fix.title if i else fix.title.removeprefix("or "), safe=fix.safe and sole)
        for i, fix in enumerate(shown)
    )


def _try_remedies(
    case: Case, clean: dict[tuple[Edit, ...], Fix], partial: dict[tuple[Edit, ...], Fix]
) -> None:
    """Gather the fixes that leave nothing to mend, and those that show what the fault hid, by their edits."""
    for remedy in _remedies(case):
        tried = 0
        for fix in remedy.propose(case):
            outcome = case.outcome(fix.edits)
            if fix.edits and (outcome is None or outcome.new):
                continue
            (partial if outcome is not None and outcome.later else clean).setdefault(fix.edits, fix)
            # Advice has no edits and no outcome. What shows hidden faults does not count among the `most`.
            tried += outcome is None or not outcome.later
            if len(clean) == MOST_FIXES:
                return
            if tried == remedy.most or len(partial) >= MOST_FIXES:
                break


def _remedies(case: Case) -> Iterator[Remedy]:
    yield from any_of(dialect.suggested)
    places = [case.fault.span, *(note.span for note in case.fault.notes if case.fault.code in MENDED_AT_USES)]
    # Edits of another file cannot be tried: a fault there is mended in this one or not at all.
    if any(span is not None and span.source is case.tree.source for span in places):
        yield from REMEDIES.get(case.fault.code, ())
