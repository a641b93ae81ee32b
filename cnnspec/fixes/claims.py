"""Fixes for a `->` that claims another shape: the claim may be wrong, or the layer before it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod

from cnnspec import syntax
from cnnspec.diagnostics import Diagnostic, Edit, Fix
from cnnspec.fixes.inputs import inputs
from cnnspec.fixes.sizes import pads
from cnnspec.fixes.trial import Case, moved
from cnnspec.source import Span

MOST_CLAIMS = 24
"""So many claims are changed together."""

COUNTED = frozenset({"conv", "convtranspose", "linear"})


def claims(case: Case) -> Iterator[Fix]:
    """E0403: `->` claims another shape."""
    chain = case.tree.chain_at(case.fault.span)
    if chain is None or chain.assertion is None:
        return
    place = next(place for place in case.tree.places if place.chain is chain)
    end = chain.steps[-1].span.end - 1
    found = [*_claimed(case, chain, 1), *pads(case, place.owner, end), *inputs(case, place.owner)]
    yield from _flat(case, chain)
    yield from found or _claimed(case, chain, MOST_CLAIMS)
    yield from _counts(case, chain)


def _claimed(case: Case, chain: syntax.Chain, most: int) -> Iterator[Fix]:
    """The shape that is there, here and in claims further on that were right only if this one was."""
    edits = [_claim(case.fault, chain)]
    while len(edits) <= most:
        outcome = case.outcome(edits)
        come = None if outcome is None else [*outcome.new, *outcome.later]
        if come == []:
            others = [edit.span.line for edit in edits[1:]]
            also = f"; likewise in line {_listed(others)}" if others else ""
            yield Fix(f"claim what it is: `-> {edits[0].text}`{also}", tuple(edits))
        if not come:
            return
        for fault in come:
            later = next((c for c in _chains(case) if _starts(c, edits) == fault.span.start), None)
            if fault.code != "E0403" or later is None or _claim(fault, later).span in [e.span for e in edits]:
                return  # another fault, or a claim that two uses want to be different
            edits.append(_claim(fault, later))


def _claim(fault: Diagnostic, chain: syntax.Chain) -> Edit:
    assert chain.assertion is not None
    found = re.search(r"shape here is (\S+),", fault.message)
    assert found is not None
    return Edit(chain.assertion.expected.span, found[1])


def _chains(case: Case) -> list[syntax.Chain]:
    return [place.chain for place in case.tree.places if place.chain.assertion is not None]


def _starts(chain: syntax.Chain, edits: list[Edit]) -> int:
    """Where a chain's claim starts when the edits have been made."""
    assert chain.assertion is not None
    return moved(chain.assertion.expected.span.start, edits)


def _listed(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:3]))
    return f"{shown} and {len(lines) - 3} more" if len(lines) > 3 else shown


def _flat(case: Case, chain: syntax.Chain) -> Iterator[Fix]:
    """Features are claimed, and a map of as many is there."""
    found = re.search(r"shape here is (\d+)@(\d+)x(\d+), not (\d+)$", case.fault.message)
    if found is None or prod(map(int, found.groups()[:3])) != int(found[4]):
        return
    end = chain.steps[-1].span.end
    edits = (Edit(Span(case.tree.source, end, end), ", flatten"),)
    if case.mended(edits) is not None:
        yield Fix(f"`{chain.steps[-1].span.text}, flatten` makes what is claimed", edits)


def _counts(case: Case, chain: syntax.Chain) -> Iterator[Fix]:
    """As many filters, or features, as are claimed."""
    claimed = re.search(r", not (\d+)", case.fault.message)
    calls = [step.action for step in chain.steps if isinstance(step.action, syntax.Call)]
    counted = [call for call in calls if call.name.name in COUNTED and call.positional]
    if claimed is None or not counted:
        return
    given = counted[-1].positional[0].span
    number = re.match(r"\d+", given.text)
    if number is not None:
        edits = (Edit(Span(given.source, given.start, given.start + number.end()), claimed[1]),)
        if case.mended(edits) is not None:
            call = f"{counted[-1].name.name} {claimed[1]}{given.text[number.end() :]}"
            yield Fix(f"`{call}` makes what is claimed", edits)
