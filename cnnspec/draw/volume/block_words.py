"""What a block that is drawn as one volume says: its name, and the arguments that tell its uses apart."""

from __future__ import annotations

import re
from typing import Any

from cnnspec.draw.diagram.box_text import argument_words
from cnnspec.draw.diagram.model import Cluster, Edge
from cnnspec.draw.names import plain
from cnnspec.draw.volume.draft import Draft, numbers
from cnnspec.values.kinds import is_integer

Calls = list[tuple[dict[str, Any], int]]  # uses of one block: arguments, and the channels that it makes

SEEN = re.compile(
    r"(?<=conv )\d+@|(?<=convtranspose )\d+@| pad \S+| mode \S+| (?:ceil|frozen)$|(?<=linear) \d+"
    r"|(?<=pick) \[.*|(?<=stochasticdepth) \S+"
)
"""What need not be said: the volume behind tells the filters, and its size the padding. Of a pick
only that there is one: its channels are a list; of a stochastic depth likewise: each block has a rate of its
own."""


def short(part: str) -> str:
    return SEEN.sub("", part)


def title(draft: Draft, cluster: Cluster) -> str:
    """`MBConv /2 kernel 5 expand 6`; of a block that lays values side by side the name: bands tell more."""
    if cluster.kind != "block":
        return plain(cluster.label or path(draft, cluster))
    if len(draft.bands.get(max(numbers(cluster)), ())) > 1:
        return plain(cluster.name)
    given = dict(cluster.arguments)
    said = [argument_words(name, given[name]) for name in draft.telling[cluster.name] if name in given]
    said.sort(key=lambda words: not words.startswith("/"))  # behind others a stride reads as a quotient
    return " ".join(filter(None, (plain(cluster.name), *said)))


def path(draft: Draft, cluster: Cluster) -> str:
    """The name of braces; where that is a number, behind those of the braces around them."""
    around = [c.name for c in draft.clusters if c.kind == "group" and numbers(c) > numbers(cluster)]
    names = [cluster.name]
    while names[0].isdecimal() and around:
        names.insert(0, around.pop())
    return ".".join(names)


def telling(found: list[Cluster], made: dict[int, Edge]) -> dict[str, list[str]]:
    """By block, the arguments that tell its uses apart, but for rates and what the channels made tell too."""
    uses: dict[str, Calls] = {}
    for cluster in found:
        if cluster.kind == "block":
            edge = made.get(max(numbers(cluster)))
            channels = int(edge.last.channels) if edge else 0
            uses.setdefault(cluster.name, []).append((dict(cluster.arguments), channels))
    names = {
        block: dict.fromkeys(name for given, _ in calls for name in given) for block, calls in uses.items()
    }
    return {block: [name for name in names[block] if tells(name, uses[block])] for block in uses}


def tells(name: str, calls: Calls) -> bool:
    values = [given.get(name) for given, _ in calls]
    # `width`: 64 makes 256 channels, 128 makes 512: always 4, so the label below tells the width
    shares = {made / given[name] for given, made in calls if isinstance(given.get(name), int) and given[name]}
    said_by_channels = len(shares) == 1 and all(map(is_integer, values))
    # a stochastic depth's rate grows from block to block and would tell all apart
    rate = any(isinstance(value, float) for value in values)
    return any(value != values[0] for value in values) and not said_by_channels and not rate
