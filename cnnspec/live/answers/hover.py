"""What there is to say of a name in its place, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from cnnspec import layers
from cnnspec.analysis.costs import CostCounter
from cnnspec.analysis.receptive import WHOLE, Field, fields
from cnnspec.analysis.unroll import Node, unroll
from cnnspec.elaborate.special_values import BlockName
from cnnspec.faults.reference import KINDS
from cnnspec.graph.tree import Leaf, Use
from cnnspec.layers.base import Argument, Layer
from cnnspec.live.answers.find import definition
from cnnspec.live.answers.formula import with_numbers
from cnnspec.live.check import Check, Run
from cnnspec.live.names import (
    ARGUMENT,
    BLOCK,
    CONSTANT,
    FILE,
    LABEL,
    LAYER,
    NET,
    PARAMETER,
    Mention,
    mention_at,
)
from cnnspec.live.session import Document, Session
from cnnspec.text.source import Span
from cnnspec.values.kinds import describe
from cnnspec.values.shapes import Shape, plain_shape

MOST = 6
"""So many sizes or values are listed."""


class Said(NamedTuple):
    """A text in Markdown about a span."""

    markdown: str
    span: Span


def hover(session: Session, document: Document, offset: int) -> Said | None:
    """What there is to say of the name at an offset; None where there is nothing."""
    mention, check = mention_at(document, offset), document.check
    if mention is None or check is None:
        return None
    parts = [part for part in _SAY[mention.symbol.kind](session, document, check, mention) if part]
    return Said("\n\n".join(parts), mention.span) if parts else None


def code(text: str) -> str:
    return f"```cnn\n{text}\n```"


def listed(values: Iterable[Any]) -> str:
    """Values, each once."""
    texts = list(dict.fromkeys(map(str, values)))
    return ", ".join(texts[:MOST]) + (", …" if len(texts) > MOST else "")


# A step


def flow(runs: list[Run]) -> str:
    """`3@224x224 → 64@112x112`, of each way once."""
    ways = []
    for run in runs:
        if run.leaving is not None and run.leaving.shape is not None:
            arriving = run.arriving.shape if run.arriving is not None else None
            ways.append(f"`{arriving} → {run.leaving.shape}`" if arriving else f"`{run.leaving.shape}`")
    return listed(ways)


def of_layer(session: Session, document: Document, check: Check, mention: Mention) -> list[str]:
    name = mention.symbol.name
    cls = layers.find(name)
    if cls is None:
        return (
            [code(f"{name} 3@224x224"), "what arrives"] if name == "input" else ["the path that is not there"]
        )
    runs = check.runs_at(mention.span.start)
    leaves = [run.made for run in runs if isinstance(run.made, Leaf) and run.made.layer.name == name]
    parts = [f"**{name}**: {cls.summary}"]
    if leaves or cls.is_join:
        parts += [figures_of(check, leaves) or flow(runs), *numbers(leaves)]
    elif cls.formula:
        parts.append(f"`{cls.formula}`")
    return [*parts, arguments(cls, leaves[0].layer if leaves else None), code(cls.example)]


def numbers(leaves: list[Leaf]) -> list[str]:
    """The formula, and what it comes to here."""
    if not leaves or not leaves[0].layer.formula:
        return []
    lines: list[str] = []
    for leaf in leaves[:MOST]:
        if leaf.input.shape is not None and leaf.output.shape is not None:
            lines += with_numbers(leaf.layer, plain_shape(leaf.input.shape), plain_shape(leaf.output.shape))
    return [code("\n".join([leaves[0].layer.formula, *dict.fromkeys(lines)]))]


def nodes_of(check: Check) -> dict[tuple[str, int], list[tuple[Node, Field | None]]]:
    """The layers of the net in view with their receptive fields, by where they stand in the text."""
    if "nodes" not in check.kept:
        found: dict[tuple[str, int], list[tuple[Node, Field | None]]] = {}
        if check.network is not None:
            graph = unroll(check.network)
            reached = fields(graph)
            for node in graph.nodes:
                place = node.span.source.name, node.span.start
                found.setdefault(place, []).append((node, reached[node.path]))
        check.kept["nodes"] = found
    known: dict[tuple[str, int], list[tuple[Node, Field | None]]] = check.kept["nodes"]
    return known


def figures_of(check: Check, made: Sequence[Leaf | Use]) -> str:
    """A table of a step's runs, those alike once: sizes, parameters, MACs, receptive field and jump."""
    lines: dict[str, None] = {}
    counter = CostCounter()
    for each in made:
        if each.input.shape is not None and each.output.shape is not None:
            arriving, leaving = plain_shape(each.input.shape), plain_shape(each.output.shape)
            found = counter.leaf(each) if isinstance(each, Leaf) else counter.instance(each.instance)
            field = reach(check, each.span, (arriving, leaving))
            lines[f"| `{arriving} → {leaving}` | {found.params:,} | {found.macs:,} | {field} |"] = None
    if not lines:
        return ""
    head = ("| here | parameters | MACs | receptive field | jump |", "|---|---|---|---|---|")
    return "\n".join([*head, *list(lines)[:MOST], *(["| … | | | | |"] if len(lines) > MOST else [])])


def reach(check: Check, span: Span, way: tuple[Shape, Shape]) -> str:
    """The receptive field and the jump behind the first layer that stands there and goes that way."""
    for node, field in nodes_of(check).get((span.source.name, span.start), ()):
        if (plain_shape(node.shapes[0]), plain_shape(node.output)) == way and field is not None:
            return "all | –" if field is WHOLE else f"{by(field.size)} | {by(field.jump)}"
    return "– | –"


def by(sides: tuple[int, int] | tuple[Fraction, Fraction]) -> str:
    return str(sides[0]) if sides[0] == sides[1] else f"{sides[0]}x{sides[1]}"


def arguments(cls: type[Layer], layer: Layer | None) -> str:
    """The table of a layer's arguments, with their values where it is known."""
    if not cls.arguments:
        return ""
    lines = ["| argument | here | |" if layer is not None else "| argument | default | |", "|---|---|---|"]
    for name, argument in cls.arguments.items():
        value = layer.value(name) if layer is not None else default(argument)
        shown = f"`{written(value)}`" if value is not None and value != "" else ""
        lines.append(f"| `{name}` | {shown} | {argument.doc.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def default(argument: Argument) -> Any:
    return None if argument.required else argument.default


def written(value: Any) -> str:
    """A value as the language writes it; equal sides as one number."""
    if isinstance(value, BlockName):
        return value.block.name.name
    if isinstance(value, tuple) and not isinstance(value, Shape) and all(isinstance(v, int) for v in value):
        return str(value[0]) if len(set(value)) == 1 else describe(list(value) if len(value) > 2 else value)
    return describe(value)


# Names


def of_argument(session: Session, document: Document, check: Check, mention: Mention) -> list[str]:
    cls = layers.find(mention.symbol.owner)
    argument = cls.arguments.get(mention.symbol.name) if cls is not None else None
    if cls is None or argument is None:
        return []
    runs = check.runs_at(mention.span.start)
    here = [run.made.layer.value(mention.symbol.name) for run in runs if isinstance(run.made, Leaf)]
    kind = " or ".join(f'`"{choice}"`' for choice in argument.choices) if argument.kind == "word" else ""
    parts = [f"**{mention.symbol.name}** of `{cls.name}`: {argument.doc}", kind or KINDS[argument.kind]]
    if not argument.required and argument.default is not None:
        parts.append(f"default `{written(argument.default)}`")
    return [*parts, f"here `{listed(map(written, here))}`" if here else ""]


def head(span: Span | None) -> str:
    """The line where something is given, and the comment right above it."""
    if span is None:
        return ""
    source, (line, _) = span.source, span.source.position(span.start)
    above: list[str] = []
    while line - len(above) > 1 and source.line(line - len(above) - 1).startswith("#"):
        above.insert(0, source.line(line - len(above) - 1))
    return code("\n".join([*above, source.line(line).strip().removesuffix("{").rstrip()]))


def of_block(session: Session, document: Document, check: Check, mention: Mention) -> list[str]:
    parts = [head(definition(session, document, mention.span.start))]
    runs = [] if mention.gives else check.runs_at(mention.span.start)
    uses = [run.made for run in runs if isinstance(run.made, Use)]
    return [*parts, figures_of(check, uses) or flow(runs)]


def of_net(session: Session, document: Document, check: Check, mention: Mention) -> list[str]:
    return [head(definition(session, document, mention.span.start)), check.figures(mention.symbol.name)]


def of_value(session: Session, document: Document, check: Check, mention: Mention) -> list[str]:
    """A parameter or a constant, with the values that it has in the net in view."""
    symbol, values = mention.symbol, []
    network = check.network
    if network is not None and symbol.name in network.arguments and is_given_in(network.net, symbol.home):
        values.append(network.arguments[symbol.name])
    for runs in check.runs.values():
        for run in runs:
            if isinstance(run.made, Use) and is_given_in(run.made.instance.block, symbol.home):
                values += [run.made.instance.arguments.get(symbol.name)]
    if not values and symbol.kind == CONSTANT and check.module.places.get(symbol.name) is not None:
        values.append(check.module.constants.get(symbol.name))
    shown = listed(written(value) for value in values if value is not None)
    return [f"{symbol.kind} **{symbol.name}**", f"here `{shown}`" if shown else ""]


def is_given_in(owner: Any, home: tuple[str, int]) -> bool:
    """Whether a parameter is one of this net or block."""
    return any((p.name.span.source.name, p.name.span.start) == home for p in owner.parameters)


def of_label(session: Session, document: Document, check: Check, mention: Mention) -> list[str]:
    symbol = mention.symbol
    there = [span for span in check.runs if (span.source.name, span.start) == symbol.home]
    runs = [run for span in there for run in check.runs[span]]
    path = f"{symbol.owner}.{symbol.name}".lstrip(".")
    return [f"label **{path}**", listed(f"`{run.leaving.shape}`" for run in runs if run.leaving)]


def of_file(session: Session, document: Document, check: Check, mention: Mention) -> list[str]:
    span = definition(session, document, mention.span.start)
    if span is None:
        return []
    given = [name for name, place in check.module.places.items() if place.source.name == span.source.name]
    return [f"`{span.source.name}`", f"gives {', '.join(f'`{name}`' for name in given)}" if given else ""]


def nothing(session: Session, document: Document, check: Check, mention: Mention) -> list[str]:
    return []


_SAY = {
    LAYER: of_layer,
    ARGUMENT: of_argument,
    BLOCK: of_block,
    NET: of_net,
    PARAMETER: of_value,
    CONSTANT: of_value,
    LABEL: of_label,
    FILE: of_file,
    "function": nothing,
}
