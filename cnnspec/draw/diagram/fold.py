"""Equal clusters in a row become one that tells how many: `Bottleneck ×35`.

Equal are clusters of the same layers, wired alike, on maps of the same height and width; the channels that
arrive may differ, and with them the counts of parameters; so may the rates of dropouts.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from cnnspec.draw.diagram.box_text import layer_words, rate_words
from cnnspec.draw.diagram.model import Box, Cluster, Count, Diagram, Item, boxes


class Ports(NamedTuple):
    """How a cluster is wired: the keys of the edges into it, within it and out of it."""

    entering: list[int]
    inner: list[int]
    leaving: list[int]


def fold(diagram: Diagram) -> Diagram:
    """Fold on every level, the outermost first."""
    folder = Folder(diagram)
    items = folder.walk(diagram.items)
    return diagram._replace(items=items, edges=tuple(folder.edges.values()))


class Folder:
    """Holds the edges that are left; a box that was folded away has none."""

    def __init__(self, diagram: Diagram) -> None:
        self.edges = dict(enumerate(diagram.edges))
        self.into: dict[int, list[int]] = {}
        self.out_of: dict[int, list[int]] = {}
        self.signatures: dict[int, tuple[Cluster, Hashable]] = {}  # holding the cluster, whose id is the key
        for key, edge in self.edges.items():
            self.into.setdefault(edge.head, []).append(key)
            self.out_of.setdefault(edge.tail, []).append(key)

    def walk(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        found: list[Item] = []
        run: list[Cluster] = []
        for item in items:
            if run and not (isinstance(item, Cluster) and self.continues(run, item)):
                found.append(self.close(run))
                run = []
            if isinstance(item, Cluster):
                run.append(item)
            else:
                found.append(item)
        if run:
            found.append(self.close(run))
        return tuple(found)

    def close(self, run: list[Cluster]) -> Cluster:
        """The run as one cluster, its inside folded."""
        cluster = self.merged(run) if len(run) > 1 else run[0]
        return cluster._replace(items=self.walk(cluster.items))

    def continues(self, run: list[Cluster], cluster: Cluster) -> bool:
        """Whether the cluster is the same again, fed by nothing but the last, which feeds nothing else."""
        last = run[-1]
        numbers = {box.number for box in boxes(last.items)}
        own = {box.number for box in boxes(cluster.items)}
        before, after = self.ports(last), self.ports(cluster)
        sources = {self.edges[key].tail for key in after.entering}
        fed = len(sources) == 1 and sources <= numbers
        only = all(self.edges[key].head in own for key in before.leaving)
        single = len({self.edges[key].tail for key in before.entering}) == 1
        return fed and only and single and self.signature(last) == self.signature(cluster)

    def ports(self, cluster: Cluster) -> Ports:
        numbers = [box.number for box in boxes(cluster.items)]
        low, high = numbers[0], numbers[-1]
        entering: list[int] = []
        inner: list[int] = []
        leaving: list[int] = []
        for number in numbers:
            for key in self.into.get(number, ()):
                (inner if low <= self.edges[key].tail <= high else entering).append(key)
            leaving += [key for key in self.out_of.get(number, ()) if not low <= self.edges[key].head <= high]
        return Ports(entering, inner, leaving)

    def signature(self, cluster: Cluster) -> Hashable:
        """What has to be equal in equal clusters. Labels may differ."""
        if id(cluster) not in self.signatures:
            place = {box.number: i for i, box in enumerate(boxes(cluster.items))}
            ports = self.ports(cluster)

            def wiring(keys: list[int]) -> tuple[Hashable, ...]:
                edges = [self.edges[key] for key in keys]
                return tuple(
                    (place.get(e.tail), place.get(e.head), e.first[1:], e.route, e.idle, e.fault)
                    for e in edges
                )

            exits = frozenset(place[self.edges[key].tail] for key in ports.leaving)
            found = (content(cluster), wiring(ports.entering), wiring(ports.inner), exits)
            self.signatures[id(cluster)] = cluster, found
        return self.signatures[id(cluster)][1]

    def merged(self, run: list[Cluster]) -> Cluster:
        """The first of the run, standing for all; its edges tell how the channels grow."""
        first, last = self.ports(run[0]), self.ports(run[-1])
        for copy in run[1:]:
            ports = self.ports(copy)
            for kept, key in zip(first.inner, ports.inner, strict=True):
                self.edges[kept] = self.edges[kept]._replace(last=self.edges.pop(key).last)
            for key in ports.entering:
                del self.edges[key]
        place = {box.number: i for i, box in enumerate(boxes(run[-1].items))}
        numbers = [box.number for box in boxes(run[0].items)]
        for number in numbers:
            self.out_of[number] = [key for key in self.out_of.get(number, ()) if key in self.edges]
        for key in last.leaving:
            edge = self.edges[key]
            self.edges[key] = edge._replace(tail=numbers[place[edge.tail]])
            self.out_of[self.edges[key].tail].append(key)
        return stack(run)


def content(item: Item) -> Hashable:
    if isinstance(item, Box):
        parts = rated_parts(item, [""] * len(item.rates))
        return item.kind, parts, item.shared, item.idle, item.times
    named = item.name if item.kind == "block" else ""
    return item.kind, named, item.times, item.shared, item.idle, tuple(map(content, item.items))


def stack(run: list[Cluster]) -> Cluster:
    """Equal clusters as one, the parameters and MACs of their boxes added up."""
    first = run[0]
    items = tuple(pile(copies) for copies in zip(*(cluster.items for cluster in run), strict=True))
    return relabel(first, run)._replace(items=items, times=first.times * len(run))


def pile(copies: tuple[Item, ...]) -> Item:
    first = copies[0]
    if isinstance(first, Cluster):
        clusters = [copy for copy in copies if isinstance(copy, Cluster)]
        items = tuple(pile(inner) for inner in zip(*(c.items for c in clusters), strict=True))
        return relabel(first, clusters)._replace(items=items)
    found = [copy for copy in copies if isinstance(copy, Box)]
    rates = tuple(
        rate[0]._replace(least=min(r.least for r in rate), most=max(r.most for r in rate))
        for rate in zip(*(box.rates for box in found), strict=True)
    )
    return first._replace(
        parts=rated_parts(first, [rate_words(rate.least, rate.most) for rate in rates]),
        rates=rates,
        others=(*first.others, *(number for box in found[1:] for number in (box.number, *box.others))),
        label=first.label if all(box.label == first.label for box in found) else "",
        params=spread([box.params for box in found]),
        macs=spread([box.macs for box in found]),
    )


def rated_parts(box: Box, words: list[str]) -> tuple[str, ...]:
    """The words of a box's parts, with others for its rates."""
    parts = list(box.parts)
    for rate, said in zip(box.rates, words, strict=True):
        parts[rate.part] = layer_words(rate.layer, said)
    return tuple(parts)


def spread(counts: list[Count]) -> Count:
    """Of copies of one box."""
    return Count(
        sum(count.total for count in counts),
        min(count.least for count in counts),
        max(count.most for count in counts),
    )


def relabel(first: Cluster, copies: list[Cluster]) -> Cluster:
    """Labels and arguments that differ from copy to copy are none of the whole."""
    name = first.name if all(copy.name == first.name for copy in copies) else ""
    label = first.label if all(copy.label == first.label for copy in copies) else ""
    arguments = tuple(pair for pair in first.arguments if all(pair in copy.arguments for copy in copies))
    return first._replace(name=name, label=label, arguments=arguments)
