"""Where the words of a cluster's title stand: beside the edge that comes in from above, not under it."""

from __future__ import annotations

from cnnspec.draw import style
from cnnspec.draw.box_text import box_lines, cluster_lines, cluster_title
from cnnspec.draw.look import Look
from cnnspec.draw.metrics import width
from cnnspec.draw.model import Box, Cluster, Diagram, Item, boxes


def title(diagram: Diagram, cluster: Cluster, look: Look, room: float, continued: bool) -> list[str]:
    """The lines of a title. `room` is how wide in points, roughly, the cluster around this one is."""
    found = list(boxes(cluster.items))
    params, macs = sum(box.params.total for box in found), sum(box.macs.total for box in found)
    indent, wide, narrow = 0.0, max(room, across(diagram, cluster, look)), False
    if look.direction == "tb" and single(diagram, *bounds(cluster)):
        indent, narrow = middle(cluster, look) + style.BESIDE, is_passed(diagram, *bounds(cluster))
        wide -= indent
    if continued:
        lines = [f"{cluster_title(cluster)}, continued"]
    else:
        width = 0 if narrow else int(wide / style.LETTER)
        lines = cluster_lines(cluster, params, macs, look.show, width)
    return [" " * int(indent / style.SPACE) + line for line in lines]


def across(diagram: Diagram, cluster: Cluster, look: Look) -> float:
    """How wide a cluster is at least, in points, roughly."""
    first, last = bounds(cluster)
    aside = any(edge.route == "projection" and first <= edge.head <= last for edge in diagram.edges)
    many = aside or not single(diagram, first, last)
    return middle(cluster, look) * (4 if many else 2)


def room_within(diagram: Diagram, cluster: Cluster, look: Look, room: float) -> float:
    """How wide the clusters in a cluster may be without making it wider; 0 where they stand side by side."""
    if not single(diagram, *bounds(cluster)):
        return 0.0
    return max(room, across(diagram, cluster, look)) - 2 * style.FRAME


def is_passed(diagram: Diagram, first: int, last: int) -> bool:
    """Whether a way around comes in from above, beside the title."""
    return any(edge.route and edge.tail < first <= edge.head <= last for edge in diagram.edges)


def bounds(cluster: Cluster) -> tuple[int, int]:
    numbers = [box.number for box in boxes(cluster.items)]
    return numbers[0], numbers[-1]


def single(diagram: Diagram, first: int, last: int) -> bool:
    """Whether one box alone is entered from above, but for ways around."""
    into = (edge for edge in diagram.edges if edge.tail < first <= edge.head <= last)
    return len({edge.head for edge in into if not edge.route}) == 1


def middle(item: Item, look: Look) -> float:
    """How far from its left the line of layers runs down through a cluster, in points, roughly."""
    if isinstance(item, Box):
        wide = max(width(line, style.SIZE) for line in box_lines(item, look)) + 2 * style.INSET
        return max(wide, style.LEAST) / 2 + style.FRAME
    return style.FRAME + max(middle(inner, look) for inner in item.items)
