"""Statements and files of the syntax tree, built by the grammar's callbacks as soon as they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnspec.text import syntax
from cnnspec.text.build_expressions import Parts, ValueBuilder
from cnnspec.text.scanner import WORDS, Token
from cnnspec.text.source import Span


def end_of(action: syntax.Action) -> int:
    """Where a step ends: a head's span stops before its braces."""
    if isinstance(action, syntax.Call):
        return action.body.span.end if action.body else action.span.end
    if isinstance(action, syntax.If):
        return (action.otherwise or action.then).span.end
    if isinstance(action, syntax.Repeat):
        return action.body.span.end
    return action.span.end


# What in the grammar goes by another name than its method.
METHODS = {
    "from": "from_rule",
    "beside": "later",
    "next_path": "later",
    "INT": "integer",
    "FLOAT": "floating",
    "SIZE": "size",
    "STRING": "string",
    "BOOL": "boolean",
}
TERMINALS = tuple(name for name in METHODS if name.isupper())


class TreeBuilder(ValueBuilder):
    """Builds the tree of one source at a time."""

    def callback(self, name: str) -> Callable[..., Any]:
        """What a rule, an alias or a terminal of the grammar calls."""
        call: Callable[..., Any] = getattr(self, METHODS.get(name, name))
        return call

    # Files

    def start(self, parts: Parts) -> syntax.File:
        return syntax.File(tuple(self.inside(parts)), self.span(0, len(self.text)))

    def nothing(self, parts: Parts) -> None:
        """What could not be read leaves no item."""

    def key_of(self, token: Token) -> syntax.Name:
        """The name in `name =`."""
        name = self.text[token.start : token.end - 1].rstrip(" \t")
        return syntax.Name(name, self.span(token.start, token.start + len(name)))

    def net(self, parts: Parts) -> syntax.Net | None:
        _, name, *parameters, body = parts
        # No expression reaches from one net or block into the next.
        self.depths.clear()
        self.wired = False
        if name.type == "BROKEN":
            return None
        values = tuple(parameters[0]) if parameters else ()
        return syntax.Net(self.name_of(name), values, body, self.span_of(parts))

    def block(self, parts: Parts) -> syntax.Block | None:
        # Before net(), which resets it for the next item.
        wired = self.wired
        net = self.net(parts)
        return net and syntax.Block(net.name, net.parameters, net.body, wired, net.span)

    def variant(self, parts: Parts) -> syntax.Variant:
        """net ResNet152 = ResNet depths=[3, 8, 36, 3]"""
        _, key, pattern = parts[:3]
        keywords = tuple(parts[3]) if len(parts) > 3 else ()
        return syntax.Variant(self.key_of(key), self.name_of(pattern), keywords, self.span_of(parts))

    def use(self, parts: Parts) -> syntax.UsedFile:
        return syntax.UsedFile(parts[1], self.span_of(parts))

    def inside(self, parts: Parts) -> Parts:
        """A list between brackets, which may be empty."""
        return [item for part in parts if type(part) is list for item in part if item is not None]

    def parameter(self, parts: Parts) -> syntax.Parameter:
        name = self.name_of(parts[0])
        return syntax.Parameter(name, None, name.span)

    def parameter_with(self, parts: Parts) -> syntax.Parameter:
        key, default = parts
        return syntax.Parameter(self.plain(key), default, self.span_of(parts))

    def plain(self, key: Token) -> syntax.Name:
        """The name in `name =`, where it names a new value."""
        name = self.key_of(key)
        if name.name in WORDS:
            self.fault("E0101", f"`{name.name}` is a word of the language and cannot name a value", name.span)
        return name

    def constant(self, parts: Parts) -> syntax.Constant:
        """out = 4 * width"""
        key, value = parts
        return syntax.Constant(self.plain(key), value, self.span_of(parts))

    # Braces

    def body(self, parts: Parts) -> syntax.Body:
        """Statements before the first bar; what follows a bar belongs to its path."""
        lines = next((part for part in parts if type(part) is list), ())
        statements: Parts = []
        paths: Parts = []
        current = statements
        for line in lines:
            if type(line) is syntax.Path:
                current = list(line.statements)
                paths.append((current, line.span))
            else:
                current.append(line)
        whole = tuple(syntax.Path(tuple(path), bar) for path, bar in paths)
        return syntax.Body(tuple(statements), whole, self.span_of(parts))

    def path(self, parts: Parts) -> syntax.Path:
        """The bar and its first statement."""
        bar, statement = parts[0], parts[-1]
        end = statement.span.end
        # A statement may go on below, as a repeat does.
        newline = self.text.find("\n", statement.span.start, end)
        span = self.span(bar.start, end if newline < 0 else newline)
        return syntax.Path((statement,), span)

    def require(self, parts: Parts) -> syntax.Require:
        message = parts[-1] if isinstance(parts[-1], syntax.Literal) and len(parts) > 2 else None
        return syntax.Require(parts[1], message, self.span_of([parts[0], message or parts[1]]))

    def default(self, parts: Parts) -> syntax.Default:
        _, layer, keywords = parts
        return syntax.Default(self.name_of(layer), tuple(keywords), self.span_of(parts))

    def broken_chain(self, parts: Parts) -> syntax.Chain:
        broken = self.broken(parts)
        return syntax.Chain((syntax.Step(None, broken, broken.span),), None, broken.span)

    # Steps

    def chain(self, parts: Parts) -> syntax.Chain:
        steps, *claim = parts
        assertion = syntax.Assertion(claim[-1], self.span_of(claim)) if claim else None
        return syntax.Chain(tuple(steps), assertion, self.span_of(parts))

    def step(self, parts: Parts) -> syntax.Step:
        action = parts[-1]
        label = parts[0] if len(parts) > 1 else None
        if label is None and type(action) is syntax.Call and action.body is None:
            return syntax.Step(None, action, action.span)
        start = label.span.start if label else action.span.start
        return syntax.Step(label, action, self.span(start, end_of(action)))

    def group(self, parts: Parts) -> syntax.Group:
        (body,) = parts
        return syntax.Group(body, body.span)

    def repeat(self, parts: Parts) -> syntax.Repeat:
        _, each, body = parts
        names, source = (each.names, each.source) if type(each) is syntax.Each else ((), each)
        return syntax.Repeat(names, source, body, self.span_of(parts[:2]))

    def each(self, parts: Parts) -> syntax.Each:
        """names in source"""
        names, _, source = parts
        return syntax.Each(tuple(map(self.name_of, names)), source, self.span_of(parts))

    def condition(self, parts: Parts) -> Any:
        """if test { … } else { … }"""
        _, test, then = parts[:3]
        otherwise = parts[4] if len(parts) > 3 else None
        span = self.span_of(parts[:2])
        if isinstance(otherwise, syntax.If | syntax.Broken):
            whole = self.span(otherwise.span.start, end_of(otherwise))
            step = syntax.Step(None, otherwise, whole)
            body = syntax.Body((syntax.Chain((step,), None, whole),), (), whole)
            return self.deep(syntax.If(test, then, body, span), otherwise)
        return self.deep(syntax.If(test, then, otherwise, span))

    def from_rule(self, parts: Parts) -> syntax.From:
        self.wired = True
        return syntax.From(self.reference(parts[1]), self.span_of(parts))

    def again(self, parts: Parts) -> syntax.Again:
        return syntax.Again(self.reference(parts[1]), self.span_of(parts))

    def output(self, parts: Parts) -> syntax.Output:
        """output aux2 aux1 train=yes"""
        targets = tuple(map(self.reference, parts[1]))
        keywords = tuple(parts[2]) if len(parts) > 2 else ()
        end = keywords[-1] if keywords else targets[-1]
        return syntax.Output(targets, keywords, self.span_of([parts[0], end]))

    # Calls

    def call(self, parts: Parts) -> syntax.Call:
        head: syntax.Call = parts[0]
        if len(parts) == 1:
            return head
        each, body = (parts[2], parts[3]) if len(parts) > 2 else (None, parts[1])
        if body.paths:
            self.wired = True
        span: Span = self.span(head.span.start, each.span.end) if each else head.span
        return syntax.Call(head.name, head.positional, head.keywords, each, body, span)

    def head(self, parts: Parts) -> syntax.Call:
        """conv 64@3x3 pad=1"""
        token, *given = parts
        name = self.name_of(token)
        if not given:
            return syntax.Call(name, (), (), None, None, name.span)
        # `conv 64@3x3 pad=1`: given = [[64@3x3], [pad=1]]; either list may be absent.
        span = self.span_of(parts)
        keywords = given.pop() if type(given[-1][0]) is syntax.Keyword else ()
        positionals = given[0] if given else ()
        return syntax.Call(name, tuple(positionals), tuple(keywords), None, None, span)

    def keyword(self, parts: Parts) -> syntax.Keyword:
        """pad=1"""
        key, value = parts
        name = self.key_of(key)
        return syntax.Keyword(name.name, value, name.span, self.span_of(parts))
