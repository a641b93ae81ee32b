"""Words that mean the opposite elsewhere: valid here, and yet hardly what the author means."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnnspec.analysis.lints.lint_context import Finding, LintContext, Site, finding, lint
from cnnspec.text.diagnostics import Fix, Note
from cnnspec.text.edits import Edit
from cnnspec.text.source import Span

SIZE = re.compile(r"size\s*=\s*(\d+)(?:x(\d+))?")
MOST = {"dropout": 0.7, "stochasticdepth": 0.5}
"""What published nets drop at most: Szegedy et al. 2015 of values, Huang et al. 2016 of branches."""


@lint
def upsample_shrinks(context: LintContext) -> Iterator[Finding]:
    """W0510: the `size` of an `upsample` is smaller than the map. In Keras `size` is the factor."""
    for site in context.layers("upsample"):
        size = site.leaf.layer.value("size")
        if size is None or size == site.shape.size or any(map(int.__gt__, size, site.shape.size)):
            continue
        edit = as_factor(site)
        times = edit.text.removeprefix("factor=") if edit else ""
        fixes = (Fix(f"`upsample {times}` makes it {times} times as large", (edit,)),) if edit else ()
        label = f"{site.shape} to {site.leaf.output.shape}"
        note = Note("`size` is the output's height and width, not how many times larger it becomes")
        message = "this `upsample` makes the map smaller"
        yield finding("W0510", message, site, "size", label=label, notes=(note,), fixes=fixes)


def as_factor(site: Site) -> Edit | None:
    """A size that is written as a number, or as two equal ones, as the factor; None where that is no mend."""
    span = site.argument("size")
    given = SIZE.fullmatch(span.text)
    if given is None or given[1] != (given[2] or given[1]) or int(given[1]) < 2:
        return None
    # Behind the layer's name a factor needs none: `upsample size=2` becomes `upsample 2`.
    is_first = span.source.text[site.op.span.start : span.start].strip() == site.layer
    return Edit(span, given[1] if is_first else f"factor={given[1]}")


@lint
def momentum_as_kept_share(context: LintContext) -> Iterator[Finding]:
    """W0604: the last batch makes up more than half of the running statistics. Elsewhere 1 - momentum is."""
    elsewhere: set[str] = set()  # nets that give it by a default, and have a warning of that
    for scope, uses, network in context.visits:
        for name in ("batchnorm", "instancenorm"):
            for leaf in scope.kinds.get(name, ()):
                site, momentum = Site(leaf, uses, scope), leaf.layer.value("momentum")
                if not leaf.layer.value("track") or momentum == "average" or not 0.5 < momentum < 1:
                    continue
                # The whole call: it does not give the momentum, a `default` does.
                if site.argument("momentum") == site.argument():
                    if network.name in elsewhere:
                        continue
                    elsewhere.add(network.name)
                message = f"with `momentum={momentum:g}` running statistics are those of the last few batches"
                kept = complement(momentum)
                label = f"running = {kept}*running + {momentum:g}*new"
                note = Note(
                    f"Keras' momentum is the other share, of what is kept: {kept} here is {momentum:g} there"
                )
                fixes = replace_number(site, "momentum", kept, f"keeps what Keras' {momentum:g} keeps")
                yield finding("W0604", message, site, "momentum", label=label, notes=(note,), fixes=fixes)


@lint
def keep_share_as_p(context: LintContext) -> Iterator[Finding]:
    """W0605: more is dropped than in any published net. Elsewhere the share that is kept is given."""
    for site in context.layers("dropout", "stochasticdepth"):
        p = site.leaf.layer.value("p")
        if not MOST[site.layer] < p < 1:
            continue
        what = "values" if site.layer == "dropout" else "images that go through the branch"
        message = f"`{site.layer}` drops {p:g} of all {what} while training"
        label = f"{complement(p)} is left"
        note = Note("`p` is the share that is dropped; a `keep_prob` or survival probability is what is left")
        fixes = replace_number(site, "p", complement(p), f"keeps {p:g}")
        yield finding("W0605", message, site, "p", label=label, notes=(note,), fixes=fixes)


@lint
def slope_as_divisor(context: LintContext) -> Iterator[Finding]:
    """W0606: the negative side of a leaky ReLU is steeper than the positive. Xu et al. 2015 divide by it."""
    for site in context.layers("leakyrelu"):
        slope = site.leaf.layer.value("slope")
        if slope <= 1:
            continue
        message = f"`leakyrelu` makes negative values {slope:g} times as large"
        note = Note("the negative side is multiplied by `slope`; where a paper divides by a, that is 1/a")
        fixes = replace_number(site, "slope", f"(1 / {slope:g})", f"divides by {slope:g}")
        yield finding("W0606", message, site, "slope", notes=(note,), fixes=fixes)


def complement(share: float) -> str:
    """What a share leaves of the whole."""
    return f"{round(1 - share, 9):g}"


def replace_number(site: Site, name: str, text: str, what: str) -> tuple[Fix, ...]:
    """Another value for an argument that is written as a number; no fix where it is not."""
    span = site.argument(name)
    head, _, number = span.text.rpartition("=")
    if not re.fullmatch(r"\s*[\d.]+", number):
        return ()
    edit = Edit(Span(span.source, span.end - len(number), span.end), text)
    return (Fix(f"`{head and head.strip() + '='}{text}` {what}", (edit,)),)
