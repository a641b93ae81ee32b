"""What there is to say of a name in its place, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from cnnspec import layers
from cnnspec.analysis.costs import CostCounter
from cnnspec.analysis.receptive import WHOLE, ReceptiveField, fields
from cnnspec.analysis.unroll import Node, unroll
from cnnspec.elaborate.special_values import BlockName
from cnnspec.faults.reference import KINDS
from cnnspec.graph.tree import Leaf, Use
from cnnspec.layers.base import Argument, Layer
from cnnspec.layers.worked_sums import work_out
from cnnspec.live.answers.find import definition
from cnnspec.live.findings import Check, StepRun
from cnnspec.live.name_index import Mention, NameMeaning, mention_at
from cnnspec.live.session import Document, Session
from cnnspec.text.source import Span
from cnnspec.values.kinds import describe
from cnnspec.values.shapes import Shape, plain_shape

MOST = 6
"""The most sizes or values that are listed."""


class HoverText(NamedTuple):
    """A text in Markdown about a span."""

    markdown: str
    span: Span


class HoverContext(NamedTuple):
    """The name that is asked about, and the text around it."""

    session: Session
    document: Document
    check: Check
    mention: Mention

    @property
    def symbol(self) -> NameMeaning:
        return self.mention.symbol

    @property
    def runs(self) -> list[StepRun]:
        """Those of the step that the name is in."""
        return self.check.runs_at(self.mention.span.start)

    @property
    def definition(self) -> Span | None:
        return definition(self.session, self.document, self.mention.span.start)


def hover(session: Session, document: Document, offset: int) -> HoverText | None:
    """What there is to say of the name at an offset; None where there is nothing."""
    mention, check = mention_at(document, offset), document.check
    if mention is None or check is None or mention.symbol.kind not in _PARTS:
        return None
    parts = [
        part for part in _PARTS[mention.symbol.kind](HoverContext(session, document, check, mention)) if part
    ]
    return HoverText("\n\n".join(parts), mention.span) if parts else None


def code(text: str) -> str:
    return f"```cnn\n{text}\n```"


def join_distinct(values: Iterable[Any]) -> str:
    """Values, each once."""
    texts = list(dict.fromkeys(map(str, values)))
    return ", ".join(texts[:MOST]) + (", …" if len(texts) > MOST else "")


# A step


def flow(runs: list[StepRun]) -> str:
    """`3@224x224 → 64@112x112`, of each way once."""
    ways = []
    for run in runs:
        if run.leaving is not None and run.leaving.shape is not None:
            arriving = run.arriving.shape if run.arriving is not None else None
            ways.append(f"`{arriving} → {run.leaving.shape}`" if arriving else f"`{run.leaving.shape}`")
    return join_distinct(ways)


def of_layer(here: HoverContext) -> list[str]:
    name, runs = here.symbol.name, here.runs
    cls = layers.find(name)
    if cls is None:
        return (
            [code(f"{name} 3@224x224"), "what arrives"] if name == "input" else ["the path that is not there"]
        )
    leaves = [run.made for run in runs if isinstance(run.made, Leaf) and run.made.layer.name == name]
    parts = [f"**{name}**: {cls.summary}"]
    if leaves or cls.is_join:
        parts += [figures_of(here.check, leaves) or flow(runs), *numbers(leaves)]
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
            arriving, leaving = plain_shape(leaf.input.shape), plain_shape(leaf.output.shape)
            lines += work_out(leaf.layer, (arriving,), leaving)
    return [code("\n".join([leaves[0].layer.formula, *dict.fromkeys(lines)]))]


def nodes_of(check: Check) -> dict[tuple[str, int], list[tuple[Node, ReceptiveField | None]]]:
    """The layers of the net in view with their receptive fields, by where they stand in the text."""
    found: dict[tuple[str, int], list[tuple[Node, ReceptiveField | None]]] = {}
    if check.network is not None:
        graph = unroll(check.network)
        reached = fields(graph)
        for node in graph.nodes:
            found.setdefault(node.span.home, []).append((node, reached[node.path]))
    return found


def figures_of(check: Check, made: Sequence[Leaf | Use]) -> str:
    """A table of a step's runs, those alike once: sizes, parameters, MACs, receptive field and jump."""
    lines: dict[str, None] = {}
    counter = CostCounter()
    for each in made:
        if each.input.shape is not None and each.output.shape is not None:
            arriving, leaving = plain_shape(each.input.shape), plain_shape(each.output.shape)
            # Not `counter.step`, which counts no MACs of what no output needs.
            found = counter.leaf(each) if isinstance(each, Leaf) else counter.instance(each.instance)
            field = reach(check, each.span, (arriving, leaving))
            lines[f"| `{arriving} → {leaving}` | {found.params:,} | {found.macs:,} | {field} |"] = None
    if not lines:
        return ""
    head = ("| here | parameters | MACs | receptive field | jump |", "|---|---|---|---|---|")
    return "\n".join([*head, *list(lines)[:MOST], *(["| … | | | | |"] if len(lines) > MOST else [])])


def reach(check: Check, span: Span, way: tuple[Shape, Shape]) -> str:
    """The receptive field and the jump behind the first layer that stands there and goes that way."""
    # A step of a block runs often; the first run of these shapes stands for those that look the same.
    for node, field in check.once(nodes_of).get(span.home, ()):
        if (plain_shape(node.shapes[0]), plain_shape(node.output)) == way and field is not None:
            return "all | –" if field is WHOLE else f"{sides_text(field.size)} | {sides_text(field.jump)}"
    return "– | –"


def sides_text(sides: tuple[int, int] | tuple[Fraction, Fraction]) -> str:
    return str(sides[0]) if sides[0] == sides[1] else f"{sides[0]}x{sides[1]}"


def arguments(cls: type[Layer], layer: Layer | None) -> str:
    """The table of a layer's arguments, with their values where it is known."""
    if not cls.arguments:
        return ""
    lines = ["| argument | here | |" if layer is not None else "| argument | default | |", "|---|---|---|"]
    for name, argument in cls.arguments.items():
        value = layer.value(name) if layer is not None else default(argument)
        shown = f"`{value_text(value)}`" if value is not None and value != "" else ""
        lines.append(f"| `{name}` | {shown} | {argument.doc.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def default(argument: Argument) -> Any:
    return None if argument.required else argument.default


def value_text(value: Any) -> str:
    """A value as the language writes it; equal sides as one number."""
    if isinstance(value, BlockName):
        return value.block.name.name
    # (3, 3) is `3`, (3, 5) is `3x5`, (1, 1, 2, 2) is a list.
    if isinstance(value, tuple) and not isinstance(value, Shape) and all(isinstance(v, int) for v in value):
        return str(value[0]) if len(set(value)) == 1 else describe(list(value) if len(value) > 2 else value)
    return describe(value)


# Names


def of_argument(here: HoverContext) -> list[str]:
    name, cls = here.symbol.name, layers.find(here.symbol.owner)
    argument = cls.arguments.get(name) if cls is not None else None
    if cls is None or argument is None:
        return []
    values = [run.made.layer.value(name) for run in here.runs if isinstance(run.made, Leaf)]
    kind = " or ".join(f'`"{choice}"`' for choice in argument.choices) if argument.kind == "word" else ""
    parts = [f"**{name}** of `{cls.name}`: {argument.doc}", kind or KINDS[argument.kind]]
    if not argument.required and argument.default is not None:
        parts.append(f"default `{value_text(argument.default)}`")
    return [*parts, f"here `{join_distinct(map(value_text, values))}`" if values else ""]


def definition_text(span: Span | None) -> str:
    """The line where something is given, and the comment right above it."""
    if span is None:
        return ""
    source, (line, _) = span.source, span.source.position(span.start)
    above: list[str] = []
    # Comments at the line's start alone: an indented one belongs to braces above.
    while line - len(above) > 1 and source.line(line - len(above) - 1).startswith("#"):
        above.insert(0, source.line(line - len(above) - 1))
    return code("\n".join([*above, source.line(line).strip().removesuffix("{").rstrip()]))


def of_block(here: HoverContext) -> list[str]:
    runs = [] if here.mention.gives else here.runs
    uses = [run.made for run in runs if isinstance(run.made, Use)]
    return [definition_text(here.definition), figures_of(here.check, uses) or flow(runs)]


def of_net(here: HoverContext) -> list[str]:
    return [definition_text(here.definition), here.check.figures(here.symbol.name)]


def of_value(here: HoverContext) -> list[str]:
    """A parameter or a constant, with the values that it has in the net in view."""
    check, symbol, network = here.check, here.symbol, here.check.network
    values = []
    if network is not None and symbol.name in network.arguments and is_given_in(network.net, symbol.home):
        values.append(network.arguments[symbol.name])
    for runs in check.runs.values():
        for run in runs:
            if isinstance(run.made, Use) and is_given_in(run.made.instance.block, symbol.home):
                # What each call of the block gave it, in the order in which the calls ran.
                values += [run.made.instance.arguments.get(symbol.name)]
    if not values and symbol.kind == "constant" and check.module.places.get(symbol.name) is not None:
        values.append(check.module.constants.get(symbol.name))
    shown = join_distinct(value_text(value) for value in values if value is not None)
    return [f"{symbol.kind} **{symbol.name}**", f"here `{shown}`" if shown else ""]


def is_given_in(owner: Any, home: tuple[str, int]) -> bool:
    """Whether a parameter is one of this net or block."""
    return any(p.name.span.home == home for p in owner.parameters)


def of_label(here: HoverContext) -> list[str]:
    symbol, runs = here.symbol, here.check.runs
    there = [span for span in runs if span.home == symbol.home]
    path = f"{symbol.owner}.{symbol.name}".lstrip(".")
    return [
        f"label **{path}**",
        join_distinct(f"`{run.leaving.shape}`" for span in there for run in runs[span] if run.leaving),
    ]


def of_file(here: HoverContext) -> list[str]:
    span = here.definition
    if span is None:
        return []
    given = [
        name for name, place in here.check.module.places.items() if place.source.name == span.source.name
    ]
    return [f"`{span.source.name}`", f"gives {', '.join(f'`{name}`' for name in given)}" if given else ""]


_PARTS = {
    "layer": of_layer,
    "argument": of_argument,
    "block": of_block,
    "net": of_net,
    "parameter": of_value,
    "constant": of_value,
    "label": of_label,
    "file": of_file,
}
