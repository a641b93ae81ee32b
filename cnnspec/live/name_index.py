"""What every name in a text means: where it is given, and where else it stands.

Names are seen as the elaborator sees them: a parameter or a constant from its braces inwards, a label in its
net or block behind its step, a step's first name as a layer before all else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from cnnspec import layers
from cnnspec.elaborate.load import Module, is_built_in
from cnnspec.graph.tree import Use
from cnnspec.live.findings import Check, StepRun
from cnnspec.live.session import Document
from cnnspec.text import syntax
from cnnspec.text.source import Span
from cnnspec.values.functions import FUNCTIONS

SymbolKind = Literal[
    "net", "block", "constant", "parameter", "label", "layer", "argument", "function", "file"
]
"""What a name is the name of."""

OURS = {"net", "block", "constant", "parameter", "label"}
"""Kinds of what texts give names to; the language itself names the others."""


class NameMeaning(NamedTuple):
    """What a name means. `home` is where it is given: a source's name and an offset.

    Of an argument `owner` is the layer; of a label it is the path of labels around it.
    """

    kind: SymbolKind
    name: str
    home: tuple[str, int] = ("", -1)
    owner: str = ""


class Mention(NamedTuple):
    """A name in its place."""

    span: Span
    symbol: NameMeaning
    gives: bool = False


SymbolTable = dict[str, NameMeaning]


class NameIndex:
    """All names of a text. `runs` hold the blocks that a value stood for where it is called as a step."""

    def __init__(self, module: Module, runs: Mapping[Span, list[StepRun]] | None = None) -> None:
        self.module, self.runs = module, runs or {}
        self.mentions: list[Mention] = []
        self.labels: dict[str, NameMeaning] = {}  # of the net or block that is being read
        for item in module.tree.items:
            self.item(item)
        self.mentions.sort(key=lambda mention: (mention.span.start, mention.span.end))

    def at(self, offset: int) -> Mention | None:
        """The name at an offset, or the one that ends there."""
        touching = [m for m in self.mentions if m.span.start <= offset <= m.span.end]
        # In `conv{i}:` both the label and `i` touch the `i`: the shorter one is meant.
        # Where one name ends and another begins, it is the one that begins.
        return min(touching, key=lambda m: (offset == m.span.end, m.span.end - m.span.start), default=None)

    # Files

    def item(self, item: syntax.Item) -> None:
        if isinstance(item, syntax.UsedFile):
            self.mention(item.path.span, NameMeaning("file", str(item.path.value)))
        elif isinstance(item, syntax.Constant):
            self.expression(item.value, {})
            self.give(item.name, "constant")
        elif isinstance(item, syntax.Variant):
            self.variant(item)
        else:
            self.give(item.name, "net" if isinstance(item, syntax.Net) else "block")
            self.labels = {}
            scope: SymbolTable = {}
            for parameter in item.parameters:
                if parameter.default is not None:
                    # Before its own name is given: in `net A(width, twice=2*width)` twice sees width.
                    self.expression(parameter.default, scope)
                scope[parameter.name.name] = self.give(parameter.name, "parameter")
            self.body(item.body, scope, ())

    def variant(self, item: syntax.Variant) -> None:
        self.give(item.name, "net")
        self.mention(item.pattern.span, self.of_file(item.pattern.name))
        net = self.module.pattern(item.pattern.name)
        for keyword in item.keywords:
            self.parameter(keyword, [net] if net is not None else [])
            self.expression(keyword.value, {})

    def of_file(self, name: str) -> NameMeaning | None:
        """What a name of this file or of one that it uses means."""
        place = self.module.places.get(name)
        if place is None:
            return None
        blocks, nets = self.module.blocks, self.module.nets
        kind: SymbolKind = "block" if name in blocks else "net" if name in nets else "constant"
        return NameMeaning(kind, name, place.home)

    # Statements

    def body(self, body: syntax.Body, scope: SymbolTable, path: tuple[str, ...]) -> None:
        """Braces; `scope` is theirs to change, `path` are the labels around them."""
        for statement in body.statements:
            self.statement(statement, scope, path)
        for each in body.paths:
            for statement in each.statements:
                self.statement(statement, scope, path)

    def statement(self, statement: syntax.Statement, scope: SymbolTable, path: tuple[str, ...]) -> None:
        if isinstance(statement, syntax.Chain):
            for step in statement.steps:
                self.step(step, scope, path)
            if statement.assertion is not None:
                self.expression(statement.assertion.expected, scope)
        elif isinstance(statement, syntax.Constant):
            self.expression(statement.value, scope)
            # `w = 2*w` gives a known name another value: it is the symbol of its first place.
            known = scope.get(statement.name.name)
            if known is None:
                scope[statement.name.name] = self.give(statement.name, "constant")
            else:
                self.mentions.append(Mention(statement.name.span, known, True))
        elif isinstance(statement, syntax.Require):
            self.expression(statement.test, scope)
        else:
            self.callee(statement.layer, scope)
            self.keywords(statement.keywords, self.targets(statement.layer.name, None), scope)

    def step(self, step: syntax.Step, scope: SymbolTable, path: tuple[str, ...]) -> None:
        action = step.action
        inner = path
        if step.label is not None:
            # In the braces of `"a.b": { … }` the path is (a, b); `from` refers from outside of it.
            inner = (*path, *self.label(step.label, scope, path))
        if isinstance(action, syntax.Call):
            self.call(action, step, scope, inner)
        elif isinstance(action, syntax.From | syntax.Again):
            self.reference(action.target, scope, path)
        elif isinstance(action, syntax.Output):
            for target in action.targets:
                self.reference(target, scope, path)
            self.keywords(action.keywords, [], scope)
        elif isinstance(action, syntax.Repeat):
            self.expression(action.source, scope)
            self.body(action.body, self.bound(action.names, scope), inner)
        elif isinstance(action, syntax.If):
            self.expression(action.test, scope)
            for body in syntax.bodies(action):
                # A copy: what braces give is unknown behind them.
                self.body(body, dict(scope), inner)
        elif isinstance(action, syntax.Group):
            self.body(action.body, dict(scope), inner)

    def call(self, call: syntax.Call, step: syntax.Step, scope: SymbolTable, path: tuple[str, ...]) -> None:
        self.callee(call.name, scope)
        for node in call.positional:
            self.expression(node, scope)
        self.keywords(call.keywords, self.targets(call.name.name, step), scope)
        inner = dict(scope)
        if call.each is not None:
            self.expression(call.each.source, scope)
            inner = self.bound(call.each.names, scope)
        if call.body is not None:
            self.body(call.body, inner, path)

    def bound(self, names: Iterable[syntax.Name], scope: SymbolTable) -> SymbolTable:
        """The scope within a loop."""
        return scope | {name.name: self.give(name, "constant") for name in names}

    def callee(self, name: syntax.Name, scope: SymbolTable) -> None:
        """A step's first name: a layer, a block, else a value that is one."""
        if is_built_in(name.name):
            self.mention(name.span, NameMeaning("layer", name.name))
        elif name.name in self.module.blocks:
            self.mention(name.span, self.of_file(name.name))
        else:
            self.mention(name.span, scope.get(name.name) or self.of_file(name.name))

    def targets(self, name: str, step: syntax.Step | None) -> list[Any]:
        """What a step's first name calls: a layer's name, a block, or the blocks that a value stood for."""
        if name in layers.NAMES:
            return [name]
        known = self.module.blocks.get(name)
        if known is not None:
            return [known.block]
        if step is None:
            return []
        uses = [run.made for run in self.runs.get(step.span, ()) if isinstance(run.made, Use)]
        # Each block once, by id: a step in a loop runs often, and its value may be one block, then another.
        return list({id(use.instance.block): use.instance.block for use in uses}.values())

    def keywords(self, keywords: Iterable[syntax.Keyword], targets: list[Any], scope: SymbolTable) -> None:
        for keyword in keywords:
            if targets and isinstance(targets[0], str):
                self.mention(keyword.name_span, NameMeaning("argument", keyword.name, owner=targets[0]))
            else:
                self.parameter(keyword, targets)
            self.expression(keyword.value, scope)

    def parameter(self, keyword: syntax.Keyword, targets: Iterable[syntax.Block | syntax.Net]) -> None:
        """The key of an argument: of each net or block that it may go to the parameter of that name."""
        for target in targets:
            for parameter in target.parameters:
                if parameter.name.name == keyword.name:
                    symbol = NameMeaning("parameter", keyword.name, parameter.name.span.home)
                    self.mention(keyword.name_span, symbol)

    # Labels

    def label(self, label: syntax.Label, scope: SymbolTable, path: tuple[str, ...]) -> list[str]:
        """A label where it is given; its parts between dots."""
        for part in label.parts:
            if not isinstance(part, str):
                self.expression(part, scope)
        text = skeleton(label)
        symbol = NameMeaning("label", text, label.span.home, ".".join(path))
        # {"stem.conv": …} of a step `conv: …` in the braces of `stem: { … }`
        self.labels[".".join((*path, text))] = symbol
        self.mentions.append(Mention(label.span, symbol, True))
        return text.split(".")

    def reference(self, reference: syntax.Reference, scope: SymbolTable, path: tuple[str, ...]) -> None:
        """A path of labels: each part leads to a label, looked for from the innermost scope outwards."""
        texts: list[str] = []
        for part in reference.parts:
            for piece in part.parts:
                if not isinstance(piece, str):
                    self.expression(piece, scope)
            texts.append(skeleton(part))
            # Within `a.b` the name `c` is `a.b.c`, else `a.c`, else `c`.
            around = [".".join((*path[:count], *texts)) for count in range(len(path), -1, -1)]
            found = next((self.labels[each] for each in around if each in self.labels), None)
            self.mention(part.span, found)

    # Expressions

    def expression(self, node: Any, scope: SymbolTable) -> None:
        if isinstance(node, syntax.Name):
            layer = NameMeaning("layer", node.name) if node.name in layers.NAMES else None
            self.mention(node.span, scope.get(node.name) or self.of_file(node.name) or layer)
        elif isinstance(node, syntax.Function):
            function = NameMeaning("function", node.name.name) if node.name.name in FUNCTIONS else None
            self.mention(node.name.span, function)
            for argument in node.arguments:
                self.expression(argument, scope)
        elif isinstance(node, syntax.Comprehension):
            self.expression(node.source, scope)
            self.expression(node.item, self.bound(node.names, scope))
        else:
            # All other nodes are tuples of nodes, of tuples of nodes, and of plain values.
            # A node has a span; a Span, which is a tuple too, has none.
            for field in node:
                for each in field if type(field) is tuple else (field,):
                    if isinstance(each, tuple) and not isinstance(each, Span) and hasattr(each, "span"):
                        self.expression(each, scope)

    # Mentions

    def give(self, name: syntax.Name, kind: SymbolKind) -> NameMeaning:
        symbol = NameMeaning(kind, name.name, name.span.home)
        self.mentions.append(Mention(name.span, symbol, True))
        return symbol

    def mention(self, span: Span, symbol: NameMeaning | None) -> None:
        if symbol is not None:
            self.mentions.append(Mention(span, symbol))


def skeleton(label: syntax.Label) -> str:
    """A label with `{}` for what is computed of it."""
    return "".join(part if isinstance(part, str) else "{}" for part in label.parts)


def index_of(document: Document) -> NameIndex | None:
    """The names of an open text, read once for each version of it."""
    return document.check.once(index_names) if document.check is not None else None


def index_names(check: Check) -> NameIndex:
    return NameIndex(check.module, check.runs)


def mention_at(document: Document, offset: int) -> Mention | None:
    index = index_of(document)
    return index.at(offset) if index is not None else None
