"""W07: cost. Parameters and multiplications that buy little."""

from __future__ import annotations

from collections.abc import Iterator

from cnnspec.analysis.costs import CostCounter, costs
from cnnspec.analysis.lints.lint_context import Finding, LintContext, Site, finding, lint
from cnnspec.analysis.lints.sight import Sights
from cnnspec.analysis.receptive import WHOLE
from cnnspec.text.diagnostics import Note
from cnnspec.values.shapes import percentage, plain_shape

MANY = 1_000_000
"""Parameters of a linear layer that may not be most of a net's."""


@lint
def linear_outweighs(context: LintContext) -> Iterator[Finding]:
    """W0701: one linear layer has more than half of all parameters, and over a million."""
    totals: dict[str, int] = {}
    for scope, uses, network in context.visits:
        for leaf in scope.kinds.get("linear", ()):
            site = Site(leaf, uses, scope)
            own = CostCounter.count(leaf.layer, plain_shape(site.shape)).params
            if own <= MANY or leaf.layer.value("pointwise") or is_pooled(site):
                continue
            if network.name not in totals:
                totals[network.name] = costs(network).params
            total = totals[network.name]
            if 2 * own > total:
                message = f"this `linear` has {own:,} of the net's {total:,} parameters"
                size = f"{int(site.shape.channels):,} features times {leaf.layer.value('units'):,}"
                yield finding("W0701", message, site, "units", label=f"{percentage(own, total)}%: {size}")


def is_pooled(site: Site) -> bool:
    """Whether just the channels of a map arrive, one number each: that cannot be fewer."""
    for value in site.leaf.input.history():
        if value.shape is None or value.shape.is_map:
            break
        if value.maker == "linear":
            return False
    # The last one looked at: if it is a map, the one that was laid flat.
    return value.shape is not None and value.shape.is_map and value.shape.size == (1, 1)


@lint
def sees_all_already(context: LintContext) -> Iterator[Finding]:
    """W0702: in a classifier, convolutions whose input sees all of the image, on every path from it.

    Told of the first one: Richter et al. 2021 call it the border layer.
    """
    sights = context.shared(Sights)
    for network, scope in context.nets:
        shapes = [given.value.shape for given in network.inputs]
        images = [shape.size for shape in shapes if shape is not None and shape.is_map]
        leaving = [output.value.shape for output in network.outputs]
        if not images or any(shape is None or (shape.is_map and shape.size != (1, 1)) for shape in leaving):
            continue
        image = max(high for high, _ in images), max(wide for _, wide in images)
        blind = sights.blind(scope, image)
        if blind.first:
            site, field = blind.first
            seen = "all" if field is WHOLE else f"{field.size[0]}x{field.size[1]}"
            message = f"what arrives at this `{site.layer}` has seen all of the image already"
            label = f"{seen} pixels of an image of {image[0]}x{image[1]}"
            note = Note(f"{blind.number} convolutions from here on widen nothing")
            yield finding("W0702", message, site, "filter", "kernel", label=label, notes=(note,))
