"""W06: training. What learns nothing, or works against what stands behind it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from cnnspec.analysis.lints.follow import Follower, FollowRule
from cnnspec.analysis.lints.lint_context import Finding, LintContext, finding, lint, pointer, without_step
from cnnspec.layers import NAMES
from cnnspec.text.diagnostics import Fix, Note
from cnnspec.text.edits import Edit, insert
from cnnspec.text.source import Span

BIASED = frozenset({"conv", "depthwise", "convtranspose", "linear"})
NORM = frozenset({"batchnorm"})
BETWEEN = frozenset(NAMES) - {"batchnorm", "layernorm", "groupnorm", "instancenorm"}


@lint
def bias_before_batchnorm(context: LintContext) -> Iterator[Finding]:
    """W0601: the batch's mean takes away again what the bias adds."""
    followed = Follower(context, FollowRule(BIASED, NORM, alone=True))
    # A step may run twice: one run without a batchnorm behind it needs the bias.
    kept = {place(site.op.span) for site in followed.unmet()}
    for one, two in followed.pairs():
        if not one.leaf.layer.value("bias") or one.leaf.layer.value("frozen"):
            continue
        edit = without_bias(one.op.span) if place(one.op.span) not in kept else None
        fixes = (Fix("`bias=no` learns the same", (edit,)),) if edit else ()
        message = f"the bias of this `{one.layer}` does nothing: the batchnorm behind it takes the mean away"
        notes = (pointer("each channel less its mean", two, one),)
        yield finding("W0601", message, one, "bias", notes=notes, fixes=fixes)


def place(span: Span) -> tuple[str, int]:
    return span.source.name, span.start


def without_bias(call: Span) -> Edit | None:
    """`bias=no` in a call; None where it computes its bias."""
    given = re.search(r"\bbias\s*=\s*yes\b", call.text)
    if given is not None:
        return Edit(Span(call.source, call.start + given.start(), call.start + given.end()), "bias=no")
    if re.search(r"\bbias\s*=", call.text):
        return None
    return insert(call.source, call.end, " bias=no")


@lint
def softmax_at_the_end(context: LintContext) -> Iterator[Finding]:
    """W0602: cross-entropy takes the softmax of what it is given: of shares in n classes, at least this.

    log(e + n - 1) - 1, where one share is 1 and the others are 0.
    """
    softmax = Follower(context, FollowRule(frozenset({"softmax"}), frozenset(), frozenset({"flatten"})))
    for _, scope in context.nets:
        for site in softmax.matches(scope).last:
            classes = int(site.shape.channels)
            floor = math.log(math.e + classes - 1) - 1
            message = "the output is shares, and cross-entropy takes what comes before a softmax"
            label = f"of {classes} shares PyTorch's loss is never below {floor:.3f}"
            note = "the NumPy program's own loss takes what arrives at a softmax that is the last step"
            edit = without_step(site.op.span)
            title = "drop the `softmax`, and take it of the outputs where shares are wanted"
            fixes = (Fix(title, (edit,)),) if edit else ()
            yield finding("W0602", message, site, label=label, notes=(Note(note),), fixes=fixes)


@lint
def dropout_before_batchnorm(context: LintContext) -> Iterator[Finding]:
    """W0603: the variance that batchnorm learns is that of values with noise, which evaluation has not."""
    for one, two in Follower(context, FollowRule(frozenset({"dropout"}), NORM, BETWEEN)).pairs():
        if one.leaf.layer.value("p") and two.leaf.layer.value("track"):
            message = "the batchnorm behind this `dropout` learns variances that evaluation does not have"
            yield finding("W0603", message, one, notes=(pointer("the batchnorm", two, one),))


@lint
def norm_of_one_value(context: LintContext) -> Iterator[Finding]:
    """W0607: of one value there is no deviation, so PyTorch and the NumPy program refuse one image."""
    for site in context.layers("batchnorm", "groupnorm"):
        groups = site.leaf.layer.value("groups") if site.layer == "groupnorm" else site.shape.channels
        if math.prod(site.shape.dimensions) == groups:
            what = "channel" if site.layer == "batchnorm" else "group"
            tracked = site.layer == "batchnorm" and site.leaf.layer.value("track")
            does = "train on" if tracked else "take"
            message = f"this `{site.layer}` cannot {does} one image: one value a {what} has no deviation"
            yield finding("W0607", message, site, label=f"of {site.shape}")
