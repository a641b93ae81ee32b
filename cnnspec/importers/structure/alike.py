"""Modules of one class, of which some need wires and some do not, written alike: then they may be one block.

In a tree of Yu et al. 2018, "Deep layer aggregation", figure 3, the root joins both halves, the second of
which reads the first; in some it reads what enters, too. To the roots of those alone wires have to lead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from cnnspec.importers.structure.regions import ItemGraph
from cnnspec.importers.structure.scopes import Item


def with_alike_joins(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """The items, with wires to the joins of a layer in all modules of a class where some need them."""
    apart: dict[tuple[str, str], set[bool]] = {}  # by class and layer: whether paths hold all such joins
    for module in modules(items):
        graph = ItemGraph(module.inner, [module.output])
        wired = {item.joins for item in module.inner if item.joins and graph.region(item) is None}
        for layer in {item.joins for item in module.inner if item.joins}:
            apart.setdefault((module.kind, layer), set()).add(layer not in wired)
    # {True, False}: in some modules of the class paths hold the join, in others wires have to lead to it
    mixed = {key for key, found in apart.items() if len(found) > 1}
    return with_wired(items, mixed) if mixed else items


def modules(items: Sequence[Item]) -> Iterator[Item]:
    """All modules, each before those in it."""
    for item in items:
        if item.inner:
            yield item
            yield from modules(item.inner)


def with_wired(items: Sequence[Item], wired: Collection[tuple[str, str]], kind: str = "") -> tuple[Item, ...]:
    """The items of a module of some class, the joins of these classes and layers by wires."""
    return tuple(
        item._replace(inner=with_wired(item.inner, wired, item.kind), wired=(kind, item.joins) in wired)
        for item in items
    )
