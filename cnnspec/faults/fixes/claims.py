"""Fixes for a `->` that claims another shape: the claim may be wrong, or the layer before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from cnnspec.faults.fixes import alter
from cnnspec.faults.fixes.flow import runs
from cnnspec.faults.fixes.syntax_tree import literal
from cnnspec.faults.fixes.trial import Case, of_claim
from cnnspec.faults.fixes.wording import try_changes
from cnnspec.graph.tree import From, Lost, Network, Value
from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic, Fix
from cnnspec.text.edits import Edit, insert, new_offset, old_offset
from cnnspec.values.comparisons import Mismatch

MOST_CLAIMS = 24
"""The most claims that a fix changes, or makes true, together."""

COUNTED = frozenset({"conv", "convtranspose", "linear"})


@of_claim
def claim(case: Case, chain: syntax.Chain, data: Mismatch) -> Iterator[Fix]:
    """The shape that is there."""
    edit = _claim(case.fault, chain)
    yield Fix(f"claim what it is: `-> {edit.text}`", (edit,))


@of_claim
def later_claims(case: Case, chain: syntax.Chain, data: Mismatch) -> Iterator[Fix]:
    """The shape that is there, also in claims further on that were right only if this one was."""
    edits = [_claim(case.fault, chain)]
    for fault in _failing(case, edits):
        later = _chain_of(case, fault, edits)
        if later is None or _claim(fault, later).span in [edit.span for edit in edits]:
            return  # another fault, or a claim that two uses want to be different
        edits.append(_claim(fault, later))
    lines = _lines([edit.span.line for edit in edits[1:]])
    yield Fix(f"claim what it is: `-> {edits[0].text}`; likewise in line {lines}", tuple(edits))


def _failing(case: Case, edits: list[Edit]) -> Iterator[Diagnostic]:
    """The first fault that the edits leave, again after each edit that the caller has added for it."""
    while len(edits) <= MOST_CLAIMS:
        found = case.outcome(edits)
        come = [*found.new, *found.later] if found is not None else []
        if not come:
            return
        yield come[0]


def _claim(fault: Diagnostic, chain: syntax.Chain) -> Edit:
    assert chain.assertion is not None
    assert isinstance(fault.data, Mismatch)
    return Edit(chain.assertion.expected.span, str(fault.data.found))


def _chain_of(case: Case, fault: Diagnostic, edits: Sequence[Edit]) -> syntax.Chain | None:
    """The chain whose claim is at fault in the edited text, as it stands in the text that there is."""
    for place in case.tree.places:
        claim = place.chain.assertion
        if claim is not None and new_offset(claim.expected.span.start, edits) == fault.span.start:
            return place.chain if fault.code == "E0403" else None
    return None


def _lines(lines: list[int]) -> str:
    shown = ", ".join(map(str, lines[:3]))
    return f"{shown} and {len(lines) - 3} more" if len(lines) > 3 else shown


def alter_layers(kind: str, case: Case, chain: syntax.Chain, data: Mismatch) -> Iterator[Fix]:
    """Another argument of a layer before the claim that makes it true; so further on, where claims ask it."""
    for change in _changes(case.fault, case.trial.before.all_networks, kind):
        edits, changes = list(alter.change_edits(case.tree, change) or ()), [change]
        if not edits:
            continue
        for fault in _failing(case, edits):
            found = case.outcome(edits)
            assert found is not None
            networks, before = found.after.all_networks, len(edits)
            for further in islice(_changes(fault, networks, kind), 1):
                # Found in the edited text, to be written in the old one.
                further = further._replace(start=old_offset(further.start, edits))
                more = alter.change_edits(case.tree, further) or ()
                # Two claims that want different things of one layer: the fault stays, and so ends the search.
                if not {edit.span for edit in more} & {edit.span for edit in edits}:
                    edits += more
                    changes.append(further)
            if len(edits) == before:
                break
        words = [alter.change_words(case.tree, each) for each in changes]
        # end - 1 is within the last step: an end is no part of its step.
        yield from try_changes(case, words, edits, chain.steps[-1].span.end - 1)


def _changes(fault: Diagnostic, networks: Sequence[Network], kind: str) -> Iterator[alter.Alteration]:
    """Changes that make true what a fault says is claimed."""
    if fault.code != "E0403" or not isinstance(fault.data, Mismatch):
        return
    value = _claimed_value(fault, networks)
    wanted = alter.map_size(fault.data.wanted)
    if value is not None and wanted is not None and wanted != alter.map_size(value.shape):
        yield from alter.changes(alter.upstream(value, alter.makers(networks)), wanted, kind)


def _claimed_value(fault: Diagnostic, networks: Sequence[Network]) -> Value | None:
    """What the step just before the claim yields."""
    assert isinstance(fault.data, Mismatch)
    found: Value | None = None
    end = -1
    for step in runs(networks):
        if isinstance(step, From | Lost) or step.span.source is not fault.span.source:
            continue
        if end < step.span.end <= fault.span.start and step.output.shape == fault.data.found:
            found, end = step.output, step.span.end
    return found


@of_claim
def flat(case: Case, chain: syntax.Chain, data: Mismatch) -> Iterator[Fix]:
    """Features are claimed, and a map of as many is there."""
    if data.found.is_map and not data.wanted.is_map and data.found.features == data.wanted.features:
        span = chain.steps[-1].span
        title = f"`{span.text}, flatten` makes what is claimed"
        yield Fix(title, (insert(span.source, span.end, ", flatten"),))


@of_claim
def counts(case: Case, chain: syntax.Chain, data: Mismatch) -> Iterator[Fix]:
    """As many filters, or features, as are claimed, in the claim's own words."""
    assert chain.assertion is not None
    calls = [step.action for step in chain.steps if isinstance(step.action, syntax.Call)]
    counted = [call for call in calls if call.name.name in COUNTED and call.positional]
    if not counted or data.found.channels == data.wanted.channels:
        return
    given = counted[-1].positional[0]
    node = given.count if isinstance(given, syntax.FilterOf) else given
    expected = chain.assertion.expected
    words = expected.count if isinstance(expected, syntax.FilterOf) else expected
    if literal(node) is not None:
        edit = Edit(node.span, words.span.text)
        rest = given.span.text.removeprefix(node.span.text)
        yield Fix(f"`{counted[-1].name.name} {edit.text}{rest}` makes what is claimed", (edit,))


ceils, extras, factors, kernels, pads = (
    of_claim(partial(alter_layers, kind)) for kind in ("ceil", "extra", "factor", "kernel", "pad")
)
