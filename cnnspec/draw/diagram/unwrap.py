"""Braces around a single thing say little: one frame for both, with the name and the count of either."""

from __future__ import annotations

from cnnspec.draw.diagram.model import Box, Cluster, Diagram, Item


def unwrap(diagram: Diagram) -> Diagram:
    """No cluster of one box, no iteration or path that stands for itself alone."""
    return diagram._replace(items=walk(diagram.items))


def walk(items: tuple[Item, ...]) -> tuple[Item, ...]:
    return tuple(made for item in items for made in open_cluster(item))


def open_cluster(item: Item) -> tuple[Item, ...]:
    if isinstance(item, Box):
        return (item,)
    inner = walk(item.items)
    if item.kind in ("iteration", "path") and item.times == 1:
        return inner
    if len(inner) == 1 and item.kind != "path":
        only = inner[0]
        if isinstance(only, Box):
            # `repeat 2 { conv 8@3x3 }` -> `conv 8@3x3 ×2`
            return (only._replace(label=label_of(item, only), times=only.times * item.times),)
        if item.kind == "iteration":
            # `repeat 3 { B }` -> B ×3: a label would be that of the first
            return (only._replace(label="", times=only.times * item.times),)
        if only.times == 1 and only.kind == "group":
            # `x: { y: { conv, maxpool } }` -> x: the outer name stays
            return (item._replace(items=only.items),)
        if item.times == 1 and item.kind == "group":
            # `layer1: { B }` -> B labelled `layer1`
            return (only._replace(label=item.name),)
    return (item._replace(items=inner),)


def label_of(cluster: Cluster, box: Box) -> str:
    """A block's use goes by its own label; the labels inside the block are the block's business."""
    if cluster.times > 1:
        return ""
    return {"group": cluster.name, "block": cluster.label}.get(cluster.kind, box.label)
