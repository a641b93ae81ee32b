"""What the page tells of each input and each layer, in the order of execution."""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.analysis.receptive import WHOLE, ReceptiveField, fields
from cnnspec.analysis.unroll import Blank, Node
from cnnspec.draw.diagram.box_text import layer_words, odds
from cnnspec.draw.diagram.from_network import KINDS, DiagramBuilder, are_known
from cnnspec.draw.page.source_lines import Sources, TextLine, trails
from cnnspec.graph.tree import Input, Network
from cnnspec.layers.worked_sums import work_out
from cnnspec.values.shapes import Shape


class Tensor(NamedTuple):
    """A weight or a buffer: `weight`, `64x3x7x7`, 9408 numbers."""

    name: str
    size: str
    elements: int
    trained: bool


class Entry(NamedTuple):
    """An input or a layer. `places`: its own line first, then those of the blocks that it stands in.

    `leaving` is None where a fault hides it.
    """

    path: str
    kind: str
    words: str
    formula: str = ""
    worked: tuple[str, ...] = ()
    arriving: tuple[str, ...] = ()
    leaving: Shape | None = None
    tensors: tuple[Tensor, ...] = ()
    params: int = 0
    macs: int = 0
    field: str = ""
    note: str = ""
    places: tuple[TextLine, ...] = ()

    @property
    def made(self) -> str:
        return "?" if self.leaving is None else str(self.leaving)


class Contents(NamedTuple):
    """`drawn` tells for each box of the full diagram, by its number, which entry it draws."""

    entries: tuple[Entry, ...]
    sources: Sources
    drawn: tuple[int, ...]


def contents(network: Network) -> Contents:
    """All that is known of a network; of one with faults, as far as they let it be."""
    sources, builder = Sources(network), DiagramBuilder(network)
    full, known_fields = builder.diagram(), fields(builder.graph)
    entries = [input_entry(given, sources) for given in network.inputs]
    for each, trail in zip(builder.graph.in_order(), trails(network.steps), strict=True):
        places = sources.places(trail)
        if isinstance(each, Node):
            entries.append(layer_entry(each, known_fields[each.path], places))
        else:
            entries.append(lost(each, places))
    for number, words in odds(full).items():
        place = builder.drawn[number]
        entry = entries[place]
        entries[place] = entry._replace(note=f"{entry.made if entry.leaving else ''} {words}".strip())
    return Contents(tuple(entries), sources, tuple(builder.drawn))


def input_entry(given: Input, sources: Sources) -> Entry:
    prepared = [f"{name} {', '.join(f'{v:g}' for v in getattr(given, name))}" for name in ("mean", "std")]
    note = "; ".join(words for words in prepared if not words.endswith(" "))
    shape, places = are_known(given.value), (sources.place(given.span),)
    return Entry(given.name, "input", "input", leaving=shape, note=note, places=places)


def layer_entry(node: Node, field: ReceptiveField | None, places: tuple[TextLine, ...]) -> Entry:
    layer, inputs = node.layer, node.shapes
    tensors = tuple(
        Tensor(
            weight.name or "values", "x".join(map(str, weight.shape)), int(weight.elements), weight.trained
        )
        for weight in node.weights
    )
    notes = ("shared weights, counted once",) * node.shared + (node.idle,) * node.train
    return Entry(
        path=node.path,
        kind=KINDS.get(layer.name, "other"),
        words=layer_words(layer),
        formula=layer.formula,
        worked=work_out(layer, inputs, node.output),
        arriving=tuple(map(str, inputs)),
        leaving=node.output,
        tensors=tensors,
        params=node.params,
        macs=node.macs,
        field=field_words(field),
        note="; ".join(notes),
        places=places,
    )


def lost(blank: Blank, places: tuple[TextLine, ...]) -> Entry:
    """What a fault left of a layer."""
    return Entry(blank.path, "fault" if blank.fault else "other", blank.words, places=places)


def field_words(field: ReceptiveField | None) -> str:
    """`35x35, every 4`: what a pixel depends on, and how far its neighbour's is from it."""
    if field is None:
        return "not alike for all pixels"
    if field is WHOLE:
        return "all"
    (height, width), (down, across) = field.size, field.jump
    return f"{height}x{width}, every {down}" + (f"x{across}" if across != down else "")
