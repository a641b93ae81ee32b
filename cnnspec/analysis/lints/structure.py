"""W05: structure. Steps that lead nowhere or add nothing, and sizes that do not meet."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from cnnspec.analysis.lints.follow import Follower, FollowRule
from cnnspec.analysis.lints.labels import ACTIVATIONS, EarlyRead, early_reads
from cnnspec.analysis.lints.lint_context import (
    Finding,
    FlatScope,
    LintContext,
    Op,
    Site,
    finding,
    lint,
    pointer,
    without_step,
)
from cnnspec.analysis.lints.sight import Sights, offset_between
from cnnspec.analysis.receptive import WHOLE, ReceptiveField
from cnnspec.elaborate.size_notes import last_span
from cnnspec.graph.tree import Merge, Path, Value
from cnnspec.text.diagnostics import Diagnostic, Fix, Note
from cnnspec.text.edits import insert

NEVER_NEGATIVE = {"relu", "relu6", "squaredrelu", "sigmoid", "hardsigmoid", "softplus"}
KEEP_POSITIVES = {"relu", "leakyrelu", "prelu", "elu"}
SQUASHED = {"relu6", "sigmoid", "hardsigmoid"}  # between 0 and 6

LINEAR = frozenset({"conv", "depthwise", "linear"})
POOLS = frozenset({"avgpool", "adaptiveavgpool", "globalavgpool"})
# Behind these sums stay sums: pools and dropout bend nothing in evaluation.
AFFINE = POOLS | {"batchnorm", "dropout", "stochasticdepth", "scale", "shift", "flatten"}


@lint
def leads_nowhere(context: LintContext) -> Iterator[Finding]:
    """W0501: no output is computed from a step, or from an input. Told of the last such step of a chain."""
    for scope, uses, _ in context.visits:
        for op in ends(scope):
            site, before = Site(op, uses, scope), next(filter(stops_at(op), early_reads(scope)), None)
            notes, fixes = (before.notes(), before.fixes()) if before else ((), ())
            message = f"`{site.layer}` leads to no output"
            yield finding("W0501", message, site, label="nothing reads this", notes=notes, fixes=fixes)
    for network, scope in context.nets:
        for given in network.inputs:
            if given.value not in scope.reads:
                message = f"the input `{given.name}` leads to no output"
                yield Finding(Diagnostic("W0501", message, given.span, "nothing reads this"), ())


def ends(scope: FlatScope) -> list[Op]:
    """The last steps of what leads nowhere."""
    return [op for op in scope.ops if op.output not in scope.needed and op.output not in scope.reads]


def stops_at(op: Op) -> Callable[[EarlyRead], bool]:
    """Whether a line ends at this step, which leads nowhere, behind an activation."""
    return lambda found: found.activation.span.start <= op.span.start < found.chain.span.end


@lint
def read_before_activation(context: LintContext) -> Iterator[Finding]:
    """W0509: `from` reads a labelled step, whose line goes on to an activation that only the next line gets.

    Where the line leads nowhere then, W0501 tells of it.
    """
    for scope, uses, _ in context.visits:
        found = list(early_reads(scope))
        dead = [each for op in ends(scope) for each in filter(stops_at(op), found)] if found else []
        for each in found:
            if each not in dead:
                what = f"`{each.read.text}` reads what comes before the `{each.activation.layer.name}`"
                site = Site(each.activation, uses, scope)
                yield finding("W0509", what, site, notes=each.notes(), fixes=each.fixes(), place=each.place)


@lint
def activations_in_a_row(context: LintContext) -> Iterator[Finding]:
    """W0502: an activation reads another one's value."""
    for one, two in Follower(context, FollowRule(ACTIVATIONS, ACTIVATIONS)).pairs():
        first, second = one.layer, two.layer
        label = "nothing is weighed in between"
        fixes: tuple[Fix, ...] = ()
        never_negative = first in NEVER_NEGATIVE and second in KEEP_POSITIVES
        if never_negative or (first in SQUASHED and second == "relu6"):
            label = f"changes nothing: `{first}` is " + (
                "never negative" if never_negative else "within 0 and 6"
            )
            edit = without_step(two.op.span)
            fixes = (Fix(f"drop this `{second}`", (edit,)),) if edit else ()
        message = f"`{second}` stands right behind `{first}`"
        notes = (pointer(f"the `{first}`", one, two),)
        yield finding("W0502", message, two, label=label, notes=notes, fixes=fixes)


@lint
def linear_in_a_row(context: LintContext) -> Iterator[Finding]:
    """W0503: two layers of sums with nothing between that bends, where one such layer could do as much.

    Left alone are those that are meant: what is grouped (Chollet 2017), a middle narrower than both ends
    (Sandler et al. 2018), a kernel in a row and one in a column (Jaderberg et al. 2014), fixed kernels.
    """
    # `alone`: what another step reads in between could not be left out.
    for one, two in Follower(context, FollowRule(LINEAR, LINEAR, AFFINE, alone=True)).pairs():
        before, middle, behind = one.shape.channels, one.leaf.output.shape, two.leaf.output.shape
        if any(is_grouped(site) or is_fixed(site) for site in (one, two)) or are_crossed(one, two):
            continue
        if middle is None or behind is None or middle.channels < min(before, behind.channels):
            continue
        message = f"no non-linearity stands between this `{two.layer}` and the `{one.layer}` before it"
        widths = f"{int(before)} to {int(middle.channels)} to {int(behind.channels)} features"
        label = f"{widths}: one layer can do what the two do"
        yield finding("W0503", message, two, label=label, notes=(pointer(f"the `{one.layer}`", one, two),))


def is_grouped(site: Site) -> bool:
    return site.layer == "depthwise" or (site.layer == "conv" and site.leaf.layer.value("groups") != 1)


def is_fixed(site: Site) -> bool:
    layer: Any = site.leaf.layer
    return layer.frozen or layer.weights_ is not None


def are_crossed(one: Site, two: Site) -> bool:
    """Whether one kernel is a row and the other a column."""
    if one.layer != "conv" or two.layer != "conv":
        return False
    kernels: list[tuple[int, int]] = [site.leaf.layer.value("filter").kernel for site in (one, two)]
    (a, b), (c, d) = kernels
    return (1, 1) not in kernels and (a == d == 1 or b == c == 1)


@lint
def pixels_never_seen(context: LintContext) -> Iterator[Finding]:
    """W0504: strides end before the map does. With the pads lo and hi: (n + lo + hi - e) % s > hi."""
    for site in context.layers("conv", "depthwise", "maxpool", "avgpool"):
        lost = unseen_pixels(site) if site.leaf.layer.value("stride") != (1, 1) else (0, 0)
        if max(lost) > 0:
            lines = [
                f"last {number} {word}s" if number > 1 else f"last {word}"
                for number, word in zip(lost, ("row", "column"), strict=True)
                if number > 0
            ]
            message = f"`{site.layer}` never sees the {' and the '.join(lines)} of what arrives"
            label = f"{site.shape} to {site.leaf.output.shape}"
            ceil = insert(site.op.span.source, site.op.span.end, " ceil=yes")
            hang = Fix("`ceil=yes` lets a last window hang over the edge", (ceil,))
            fixes = (hang,) if site.layer.endswith("pool") and "ceil" not in site.op.span.text else ()
            yield finding("W0504", message, site, "stride", "window", label=label, fixes=fixes)


def unseen_pixels(site: Site) -> tuple[int, int]:
    """How many rows and columns at the far side no window sees, of those that are no gap between two."""
    windows, out = site.leaf.layer.reads(site.shape), site.leaf.output.shape
    assert windows is not None and out is not None
    # Of 8 rows a 3x3 with stride 2 has windows up to row 6: 1 is lost. Of a 1x1 the last begins at 6, the
    # next would at 8: row 7 is a gap like those between windows, and counts as none.
    high, wide = (
        n - max((o - 1) * window.step + window.last[0] + 1, o * window.step + window.first[0])
        for n, o, window in zip(site.shape.size, out.size, windows, strict=True)
    )
    return high, wide


@lint
def off_centre(context: LintContext) -> Iterator[Finding]:
    """W0505: `pad="same"` with an even kernel has one more behind than before."""
    for site in context.layers("conv", "depthwise"):
        layer: Any = site.leaf.layer
        if layer.pad != "same":
            continue
        top, bottom, left, right = layer.sides(site.shape)
        (high, wide), uneven = layer.kernel_of(), (top != bottom, left != right)
        if (uneven[0] and high % 2 == 0) or (uneven[1] and wide % 2 == 0):
            message = (
                f'`pad="same"` cannot centre an even kernel: this {high}x{wide} moves the map half a pixel'
            )
            label = f"above and below {top} and {bottom}, left and right {left} and {right}"
            yield finding("W0505", message, site, "pad", label=label)


@lint
def checkerboard(context: LintContext) -> Iterator[Finding]:
    """W0506: the kernels of a transposed convolution overlap more at some pixels than at their neighbours."""
    for site in context.layers("convtranspose"):
        layer: Any = site.leaf.layer
        if is_fixed(site) or layer.init == "bilinear" or layer.stride == (1, 1):
            continue
        down, across = map(overlaps, layer.kernel_of(), layer.stride, layer.dilation)
        least, most = down[0] * across[0], down[1] * across[1]
        if least < most:
            (high, wide), (sh, sw) = layer.kernel_of(), layer.stride
            message = f"kernels of {high}x{wide}, {sh}x{sw} apart, overlap unevenly: a checkerboard"
            label = f"a pixel is made of {least} to {most} of each kernel's {high * wide} numbers"
            fix = Fix(
                f"a kernel that the stride divides is even: {-(-high // sh) * sh}x{-(-wide // sw) * sw}"
            )
            yield finding("W0506", message, site, "filter", label=label, fixes=(fix,))


def overlaps(k: int, s: int, d: int) -> tuple[int, int]:
    """The fewest and the most taps of a transposed kernel that fall on a pixel, away from the borders."""
    hit = s // math.gcd(s, d)  # of s pixels in a row; tap t falls on pixel t*d, modulo s
    # A kernel of 3, 2 apart: of each two pixels one has taps 0 and 2, the other tap 1.
    return (k // hit if hit == s else 0), -(-k // hit)


@lint
def gridding_holes(context: LintContext) -> Iterator[Finding]:
    """W0507: convolutions with dilation, in a row, that leave out pixels among those they read."""
    if all(site.leaf.layer.value("dilation") == (1, 1) for site in context.layers("conv", "depthwise")):
        return
    from cnnspec.analysis.lints.gridding import holes

    for site, dilations, extent, read in holes(context):
        message = f"dilations {', '.join(map(str, dilations))} in a row leave holes in what is seen"
        label = f"{read} of {extent} pixels in a row are read"
        yield finding("W0507", message, site, "dilation", label=label)


@lint
def misaligned(context: LintContext) -> Iterator[Finding]:
    """W0508: the same pixel of a join's paths looks at places a pixel of theirs apart, or ever farther."""
    sights = context.shared(Sights)
    for scope, uses, _ in context.visits:
        for op in scope.ops:
            if type(op) is Merge and (found := misaligned_paths(op, sights.of(scope).fields)):
                one, two, far = found
                where = (
                    f"{far:g} pixels apart"
                    if far < math.inf
                    else "ever farther apart, for their strides differ"
                )
                message = f"the paths of `{op.layer.name}` look at places {where}"
                notes = (Note("this path", last_span(one)), Note("and this", last_span(two)))
                yield finding("W0508", message, Site(op, uses, scope), notes=notes)


def misaligned_paths(
    join: Merge, fields: dict[Value, ReceptiveField | None]
) -> tuple[Path, Path, float] | None:
    """Two paths of maps that do not look at the same places, and how far apart."""
    shape = join.output.shape
    if shape is None or not shape.is_map or shape.size == (1, 1):
        return None
    seen: list[tuple[Path, ReceptiveField]] = []
    for path in join.live:
        there, field = path.output.shape, fields[path.output]
        if there and there[1:] == shape[1:] and field is not None and field is not WHOLE:  # no gate
            seen.append((path, field))
    for path, field in seen[1:]:
        far = max(map(offset_between, seen[0][1], field))
        if far >= 1:
            return seen[0][0], path, far
    return None
