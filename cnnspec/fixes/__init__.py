"""What would mend a fault: edits that were tried by compiling the edited text, and nothing else.

A fault brings what its finder would suggest, mostly a name's right spelling; here that is tried, and other
edits are sought by the fault's code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cnnspec.diagnostics import Diagnostic, Edit, Fix
from cnnspec.fixes import claims, joins, sizes, words
from cnnspec.fixes.tree import Tree
from cnnspec.fixes.trial import Case, Recheck, Trial
from cnnspec.source import Source

SOUGHT = 10
"""For so many faults fixes are sought."""
SHOWN = 3
"""So many fixes are shown of one fault."""

Finder = Callable[[Case], Iterator[Fix]]

FINDERS: dict[str, tuple[Finder, ...]] = {
    "E0202": (words.flags,),
    "E0203": (words.labels,),
    "E0204": (words.paths,),
    "E0301": (words.extras,),
    "E0303": (words.kinds, words.quotients),
    "E0304": (words.bounds, words.left_out),
    "E0305": (words.twice,),
    "E0401": (sizes.windows,),
    "E0402": (joins.joins,),
    "E0403": (claims.claims,),
    "E0404": (words.groups,),
    "E0405": (sizes.vectors,),
    "E0406": (sizes.flat,),
    "E0407": (sizes.demands,),
    "E0410": (sizes.features,),
    "E0411": (words.modes,),
}

MENDED_AT_USES = frozenset({"E0303"})
"""Faults in a block that may be mended where it is used, in another file."""


def with_fixes(
    source: Source, diagnostics: Sequence[Diagnostic], recheck: Recheck, layers: int = 0
) -> list[Diagnostic]:
    """The diagnostics with the fixes that were found to work.

    `recheck` checks a text as `source` was checked; to how many `layers` that unfolded bounds how often.
    """
    trial = Trial(source, diagnostics, recheck, layers)
    tree = Tree(source)
    return [
        fault._replace(fixes=_sought(Case(fault, tree, trial)) if i < SOUGHT else ())
        for i, fault in enumerate(diagnostics)
    ]


def _sought(case: Case) -> tuple[Fix, ...]:
    found: dict[tuple[Edit, ...], Fix] = {}
    for fix in _tried(case):
        title = fix.title if found else fix.title.removeprefix("or ")
        found.setdefault(fix.edits, fix._replace(title=title))
        if len(found) == SHOWN:
            break
    return tuple(found.values())


def _tried(case: Case) -> Iterator[Fix]:
    for fix in case.fault.fixes:
        if not fix.edits or case.mended(fix.edits, elsewhere=True) is not None:
            yield fix
    places = [case.fault.span, *(note.span for note in case.fault.notes if case.fault.code in MENDED_AT_USES)]
    if any(span is not None and span.source is case.tree.source for span in places):
        for finder in FINDERS.get(case.fault.code, ()):
            yield from finder(case)
