"""Warnings: what is valid and yet hardly meant, or known to do harm. A lint is one function.

Each is exact: it says what is so, never what may be. The families are W05 structure, W06 training and
W07 cost; cnnspec/faults/explain says of each code where its claim comes from.
"""

from __future__ import annotations

from collections.abc import Iterable

from cnnspec.analysis.lints import cost, false_friends, names, structure, training  # noqa: F401  # they add their lints
from cnnspec.analysis.lints.lint_context import LINTS, LintContext
from cnnspec.analysis.lints.silences import Silences
from cnnspec.failures import Keep, give_up, sparing
from cnnspec.graph.tree import Network
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.source import Source
from cnnspec.text.syntax import Block


def warnings(
    networks: Iterable[Network],
    source: Source | None = None,
    blocks: Iterable[Block] = (),
    keep: Keep = give_up,
) -> list[Diagnostic]:
    """What is found in nets without faults, unless a comment silences it.

    `source`: the file, where all its nets are looked at just as written; then comments there that silence
    nothing get a warning, too, but for those in one of its `blocks` that no net uses. `keep` takes the
    failure of a lint; then nobody knows which comments silence nothing.
    """
    silences = Silences()
    context = LintContext(networks, silences)
    found = []
    failed: list[Exception] = []
    for function in LINTS:
        with sparing(failed.append):
            for warning, uses in function(context):
                if not silences.silence(warning.code, [warning.span, *(use.span for use in uses)]):
                    found.append(warning)
    for failure in failed:
        keep(failure)
    if source is not None and not failed:
        looked_at = {id(visit.scope.body) for visit in context.visits}
        unseen = [block.span for block in blocks if id(block.body) not in looked_at]
        found += silences.needless(source, [span for span in unseen if span.source is source])
    return found
