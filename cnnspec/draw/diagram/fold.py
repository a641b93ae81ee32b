"""Equal clusters in a row, or side by side in a join, become one that tells how many: `Bottleneck ×35`.

Equal are clusters of the same layers, wired alike, on maps of the same height and width; the channels that
arrive may differ, and with them the counts of parameters; so may the rates of dropouts, and which channels
are picked. In a row each is fed by the one before it, and perhaps by what that was fed, too; side by side all
are fed by the same, and feed one join.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from cnnspec.draw.diagram.box_text import layer_words
from cnnspec.draw.diagram.model import Box, Cluster, Count, Diagram, Item, boxes, group_pairs


class Ports(NamedTuple):
    """How a cluster is wired: the keys of the edges into it, within it and out of it."""

    entering: list[int]
    inner: list[int]
    leaving: list[int]


def fold(diagram: Diagram, beside: bool = True) -> Diagram:
    """Fold on every level, the outermost first. `beside`: the paths of joins, too."""
    folder = Folder(diagram, beside)
    items = folder.walk(diagram.items)
    return diagram._replace(items=items, edges=tuple(folder.edges.values()))


class Folder:
    """Holds the edges that are left; a box that was folded away has none."""

    def __init__(self, diagram: Diagram, beside: bool) -> None:
        self.beside = beside
        self.edges = dict(enumerate(diagram.edges))
        self.into = group_pairs((edge.head, key) for key, edge in self.edges.items())
        self.out_of = group_pairs((edge.tail, key) for key, edge in self.edges.items())
        self.signatures: dict[int, tuple[Cluster, Hashable]] = {}  # holding the cluster, whose id is the key

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
        """Whether the cluster is the same again, fed as the others; what it is not fed stays within them."""
        last = run[-1]
        if last.kind != cluster.kind or self.signature(last) != self.signature(cluster):
            return False
        if cluster.kind == "path":
            alike = self.sources(last) == self.sources(cluster) and self.ends(last) == self.ends(cluster)
            return self.beside and alike
        # [(False, 2)]: fed by the third box of the one before; None: by something else
        handed = self.handed_on(last, cluster)
        if not handed or None in handed or (len(run) > 1 and handed != self.handed_on(run[-2], last)):
            return False
        sources, numbers = self.sources(cluster), numbers_of(cluster)
        # the numbers at which this copy hands on: of its boxes, or of what it is fed itself
        passed_on = {sources[i] if was else numbers[i] for was, i in filter(None, handed)}
        # fed by n values, a copy is read by the n next ones: what leaves for anywhere else forbids to fold
        copies = [*run[-len(sources) :], cluster]
        within = {number for copy in copies for number in numbers_of(copy)}
        leaving = (self.edges[key] for copy in copies[:-1] for key in self.ports(copy).leaving)
        return all(edge.head in within or edge.tail in passed_on for edge in leaving)

    def sources(self, cluster: Cluster) -> list[int]:
        """The boxes that feed a cluster."""
        return list(dict.fromkeys(self.edges[key].tail for key in self.ports(cluster).entering))

    def ends(self, cluster: Cluster) -> list[Hashable]:
        """What a cluster feeds, and how."""
        leaving = (self.edges[key] for key in self.ports(cluster).leaving)
        return [(edge.head, edge.route, edge.idle, edge.fault) for edge in leaving]

    def handed_on(self, last: Cluster, cluster: Cluster) -> list[tuple[bool, int] | None]:
        """Where each value that feeds a cluster is in the one before: among what feeds it, or its boxes.

        In a chain a value is what the last cluster makes; NASNet's cells are fed by the last two.
        """
        known: dict[int, tuple[bool, int]] = {n: (False, i) for i, n in enumerate(numbers_of(last))}
        known |= {n: (True, i) for i, n in enumerate(self.sources(last))}
        return [known.get(number) for number in self.sources(cluster)]

    def ports(self, cluster: Cluster) -> Ports:
        numbers = numbers_of(cluster)
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
            place = {number: i for i, number in enumerate(numbers_of(cluster))}
            # boxes 5, 7, 8 fed by 4 are 0, 1, 2 and -1, so copies elsewhere have the same numbers
            place |= {number: -1 - i for i, number in enumerate(self.sources(cluster))}
            ports = self.ports(cluster)

            def wiring(keys: list[int]) -> tuple[Hashable, ...]:
                edges = (self.edges[key] for key in keys)
                ends = ((place.get(edge.tail), place.get(edge.head), edge) for edge in edges)
                # [1:] is height and width: channels may grow, as in DenseNet
                return tuple((a, b, edge.first[1:], edge.route, edge.idle, edge.fault) for a, b, edge in ends)

            exits = frozenset(place[self.edges[key].tail] for key in ports.leaving)
            found = (content(cluster), wiring(ports.entering), wiring(ports.inner), exits)
            self.signatures[id(cluster)] = cluster, found
        return self.signatures[id(cluster)][1]

    def merged(self, run: list[Cluster]) -> Cluster:
        """The first of the run, standing for all; its edges tell how the channels grow."""
        first = self.ports(run[0])
        for copy in run[1:]:
            ports = self.ports(copy)
            for kept, key in zip(first.inner, ports.inner, strict=True):
                self.edges[kept] = self.edges[kept]._replace(last=self.edges.pop(key).last)
            # equal paths side by side: the edges to their join become one, which counts them
            for kept, key in zip(first.leaving, ports.leaving, strict=True) if copy.kind == "path" else ():
                self.into[self.edges[key].head].remove(key)
                times = self.edges[kept].times + self.edges[key].times
                self.edges[kept] = self.edges[kept]._replace(last=self.edges.pop(key).last, times=times)
            for key in ports.entering:
                del self.edges[key]
        # what the last copy feeds is now fed by the first, which stands for all
        for alike in zip(*map(numbers_of, run), strict=True):
            keys = [key for number in alike for key in self.out_of.get(number, ()) if key in self.edges]
            self.out_of[alike[0]] = keys
            self.edges |= {key: self.edges[key]._replace(tail=alike[0]) for key in keys}
        # a run of what was folded before counts all copies within
        return stack(run)._replace(times=run[0].times * len(run))


def numbers_of(cluster: Cluster) -> list[int]:
    return [box.number for box in boxes(cluster.items)]


def content(item: Item) -> Hashable:
    if isinstance(item, Box):
        # without rates and picked channels, in which copies may differ
        parts = varied_parts(item, [""] * len(item.variables))
        return item.kind, parts, item.shared, item.idle, item.times
    named = item.name if item.kind == "block" else ""
    return item.kind, named, item.times, item.shared, item.idle, tuple(map(content, item.items))


def stack(copies: list[Cluster]) -> Cluster:
    """Equal clusters as one, the parameters and MACs of their boxes added up.

    Labels and arguments that differ from copy to copy are none of the whole, but numbers: `cell_1…5`.
    """
    first, last = copies[0], copies[-1]
    return first._replace(
        name=first.name if all(copy.name == first.name for copy in copies) else span(first.name, last.name),
        label=first.label if all(copy.label == first.label for copy in copies) else "",
        arguments=tuple(pair for pair in first.arguments if all(pair in copy.arguments for copy in copies)),
        items=tuple(pile(items) for items in zip(*(copy.items for copy in copies), strict=True)),
    )


def pile(copies: tuple[Item, ...]) -> Item:
    first = copies[0]
    if isinstance(first, Cluster):
        return stack([copy for copy in copies if isinstance(copy, Cluster)])
    found = [copy for copy in copies if isinstance(copy, Box)]
    variables = tuple(
        each[0]._replace(least=min(v.least for v in each), most=max(v.most for v in each))
        for each in zip(*(box.variables for box in found), strict=True)
    )
    alike = all(box.parts == first.parts for box in found)
    return first._replace(
        parts=first.parts if alike else varied_parts(first, [each.words() for each in variables]),
        variables=variables,
        others=(*first.others, *(number for box in found[1:] for number in (box.number, *box.others))),
        label=first.label if all(box.label == first.label for box in found) else "",
        params=spread([box.params for box in found]),
        macs=spread([box.macs for box in found]),
    )


def varied_parts(box: Box, words: list[str]) -> tuple[str, ...]:
    """The words of a box's parts, with others for what copies may differ in."""
    parts = list(box.parts)
    for variable, said in zip(box.variables, words, strict=True):
        parts[variable.part] = layer_words(variable.layer, said)
    return tuple(parts)


def spread(counts: list[Count]) -> Count:
    """Of copies of one box."""
    return Count(
        sum(count.total for count in counts),
        min(count.least for count in counts),
        max(count.most for count in counts),
    )


def span(first: str, last: str) -> str:
    """`cell_1…5` for `cell_1` and `cell_5`; "" for names that differ in more than their numbers."""
    stem, other = (name.rstrip("0123456789") for name in (first, last))
    numbered = stem == other and len(stem) < min(len(first), len(last))
    return f"{first}…{last[len(stem) :]}" if numbered else ""
