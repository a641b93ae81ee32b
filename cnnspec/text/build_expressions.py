"""Values and labels of the syntax tree, built by the grammar's callbacks.

Methods are named as the rules and aliases of grammars/cnn.lark. Each gets the rule's parts as a list,
tokens and punctuation included, so that every node can tell its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from cnnspec.text import syntax
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.scanner import Token
from cnnspec.text.source import Source, Span
from cnnspec.values.limits import TextLimits

# What stands on the parser's stack: tokens, nodes, lists of them.
Parts = list[Any]

_HOLE = re.compile(r"\{([^{}]*)\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class ValueBuilder:
    """Builds the values of one source at a time."""

    def begin(
        self,
        source: Source,
        limits: TextLimits,
        report: Callable[[Diagnostic], None],
        read_hole: Callable[[int, int], syntax.Expression],
    ) -> None:
        """Start on a source. `read_hole` reads the expression in a computed label."""
        self.source = source
        self.text = source.text
        self.limits = limits
        self.report = report
        self.read_hole = read_hole
        self.wired = False
        # How deep an expression is, by identity; with the node, so that its identity stays its own.
        self.depths: dict[int, tuple[int, Any]] = {}

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def span_of(self, parts: Parts) -> Span:
        """What a rule's parts take up, from the first to the last; either may be a list of parts."""
        first, last = parts[0], parts[-1]
        if type(first) is list:
            first = first[0]
        if type(last) is list:
            last = last[-1]
        start = first.start if type(first) is Token else first.span.start
        end = last.end if type(last) is Token else last.span.end
        # Span(…) is a call in Python: this makes a span in half the time.
        return tuple.__new__(Span, (self.source, start, end))

    def fault(self, code: str, message: str, span: Span) -> syntax.Broken:
        """Report a fault; what stands there is unknown from now on."""
        self.report(Diagnostic(code, message, span))
        return syntax.Broken(span)

    def deep(self, node: Any, *parts: Any) -> Any:
        """A node within bounds of depth, else Broken: whoever walks the tree may recurse."""
        depths = self.depths
        # Names and numbers are not in the table: they count as 0 deep.
        depth = 1 + max([depths[id(part)][0] for part in parts if id(part) in depths], default=0)
        if depth > self.limits.max_expression:
            bound = f"{self.limits.max_expression:,} deep (max_expression)"
            return self.fault("E0105", f"operators and tests nest at most {bound}", node.span)
        depths[id(node)] = depth, node
        return node

    # Lists of any rule's parts

    def first(self, parts: Parts) -> Parts:
        """The head of a list."""
        return parts

    def later(self, parts: Parts) -> Parts:
        """A list and its next item, whatever stands between."""
        items: Parts = parts[0]
        items.append(parts[-1])
        return items

    # Numbers and words

    def boolean(self, token: Token) -> syntax.Literal:
        """yes, no"""
        return syntax.Literal(self.text.startswith("y", token.start), self.span(token.start, token.end))

    def string(self, token: Token) -> syntax.Literal:
        return syntax.Literal(self.text[token.start + 1 : token.end - 1], self.span(token.start, token.end))

    def integer(self, token: Token) -> syntax.Expression:
        span = self.span(token.start, token.end)
        value = self.whole(self.text[token.start : token.end])
        return syntax.Literal(value, span) if value is not None else self.too_large(span)

    def size(self, token: Token) -> syntax.Expression:
        """5x5"""
        span = self.span(token.start, token.end)
        values = tuple(self.whole(digits) for digits in self.text[token.start : token.end].split("x"))
        return syntax.Literal(values, span) if None not in values else self.too_large(span)

    def whole(self, digits: str) -> int | None:
        """The value of digits, or None past the bound: `int` is slow on, or refuses, thousands of them."""
        # 2147483647 has 10 digits; zeros before a number count for nothing: 0000000000064 is 64.
        if len(digits) > 10:
            digits = digits.lstrip("0") or "0"
            if len(digits) > 10:
                return None
        value = int(digits)
        return value if value <= self.limits.max_integer else None

    def too_large(self, span: Span) -> syntax.Expression:
        bound = f"{self.limits.max_integer:,}"
        return self.fault("E0104", f"a number is too large: integers go up to {bound}", span)

    def floating(self, token: Token) -> syntax.Expression:
        span = self.span(token.start, token.end)
        value = float(self.text[token.start : token.end])
        if value in (float("inf"), float("-inf")):
            return self.fault("E0104", "a number is too large for a float: they go up to 1.8e308", span)
        return syntax.Literal(value, span)

    # Operators

    def name_of(self, token: Token) -> syntax.Name:
        return syntax.Name(self.text[token.start : token.end], self.span(token.start, token.end))

    def variable(self, parts: Parts) -> syntax.Name:
        return self.name_of(parts[0])

    def broken(self, parts: Parts) -> syntax.Broken:
        return syntax.Broken(self.span_of(parts))

    def arrival(self, parts: Parts) -> syntax.Arrival:
        """in.channels"""
        field = parts[2]
        return syntax.Arrival(self.text[field.start : field.end], self.span_of(parts))

    def parenthesised(self, parts: Parts) -> Any:
        """A value in parentheses spans them, so that what encloses it and what replaces it do too."""
        value = parts[1]
        node = value._replace(span=self.span_of(parts))
        return self.deep(node, value) if id(value) in self.depths else node

    def filter(self, parts: Parts) -> Any:
        """count@kernel"""
        count, _, kernel = parts
        node = syntax.FilterOf(count, kernel, self.span_of(parts))
        return self.deep(node, count, kernel) if self.depths else node

    def unary(self, parts: Parts) -> Any:
        sign, operand = parts
        if sign.start == sign.end:
            return syntax.Broken(operand.span)
        operator = self.text[sign.start : sign.end]
        return self.deep(syntax.Unary(operator, operand, self.span_of(parts)), operand)

    def binary(self, parts: Parts) -> Any:
        left, sign, right = parts
        span = self.span_of(parts)
        if sign.start == sign.end:  # the parser's own filler: behind the left side stood something else
            return syntax.Broken(span)
        node = syntax.Binary(self.text[sign.start : sign.end], left, right, span)
        return self.deep(node, left, right)

    def choice(self, parts: Parts) -> Any:
        """then if test else otherwise"""
        then, _, test, _, otherwise = parts
        node = syntax.Choice(then, test, otherwise, self.span_of(parts))
        return self.deep(node, then, test, otherwise)

    # Lists, indices, functions

    def list(self, parts: Parts) -> Any:
        """[1, 2]"""
        items = parts[1] if len(parts) > 2 else []
        return self.deep(syntax.List(tuple(items), self.span_of(parts)), *items)

    def comprehension(self, parts: Parts) -> Any:
        """[item for names in source]"""
        _, item, _, each, _ = parts
        node = syntax.Comprehension(item, each.names, each.source, self.span_of(parts))
        return self.deep(node, item, each.source)

    def index(self, parts: Parts) -> Any:
        """table[i, j]"""
        value, _, subscripts, _ = parts
        node = syntax.Index(value, tuple(subscripts), self.span_of(parts))
        return self.deep(node, value, *subscripts)

    def function(self, parts: Parts) -> Any:
        """max(a, b)"""
        arguments = tuple(parts[2]) if len(parts) > 3 else ()
        node = syntax.Function(self.name_of(parts[0]), arguments, self.span_of(parts))
        return self.deep(node, *arguments)

    def slice(self, parts: Parts) -> Any:
        """Either side of the colon may be absent."""
        colon = next(i for i, part in enumerate(parts) if type(part) is Token)
        start = parts[0] if colon else None
        stop = parts[colon + 1] if colon + 1 < len(parts) else None
        return self.deep(syntax.Slice(start, stop, self.span_of(parts)), start, stop)

    # Labels and references

    def label_of(self, span: Span) -> syntax.Label:
        """A label's parts: text, and the expressions in its braces."""
        text = span.text
        quoted = text.startswith('"')
        if not quoted and "{" not in text:
            return syntax.Label((text,), span)
        offset = span.start + 1 if quoted else span.start
        inner = text[1:-1] if quoted else text
        parts: Parts = []
        position = 0
        for hole in _HOLE.finditer(inner):
            expression = self.read_hole(offset + hole.start(1), offset + hole.end(1))
            parts += [inner[position : hole.start()], expression]
            position = hole.end()
        parts = [part for part in (*parts, inner[position:]) if part != ""]
        if quoted:
            self.check_quoted(parts, span)
        return syntax.Label(tuple(parts), span)

    def check_quoted(self, parts: Parts, span: Span) -> None:
        """Quotes allow any label that names a weight: dots part the names there, and so they do here."""
        text = "".join(part for part in parts if isinstance(part, str))
        if not parts:
            self.fault("E0101", "a label has at least one character", span)
        elif is_badly_parted(parts):
            self.fault("E0101", "the dots of a label part it, and each part has at least one character", span)
        elif "{" in text or "}" in text:
            self.fault("E0101", "a brace in a label lacks its partner", span)
        elif _CONTROL.search(text):
            self.fault("E0102", "a label holds no control characters", span)
        elif len(text.encode(errors="replace")) > self.limits.max_name:
            self.fault("E0105", f"a name has at most {self.limits.max_name} bytes (max_name)", span)

    def label(self, parts: Parts) -> syntax.Label:
        """conv1:"""
        return self.label_of(self.span_of(parts[:1]))

    def first_part(self, parts: Parts) -> Parts:
        """A label of a reference; `0.1` is two, though it looks like a number."""
        span = self.span_of(parts[-1:])
        text = span.text
        if "." in text and text[0].isdigit():
            dot = span.start + text.index(".")
            return [self.label_of(span._replace(end=dot)), self.label_of(span._replace(start=dot + 1))]
        return [self.label_of(span)]

    def later_part(self, parts: Parts) -> Parts:
        labels: Parts = parts[0]
        labels += self.first_part(parts)
        return labels

    def reference(self, labels: Parts) -> syntax.Reference:
        return syntax.Reference(tuple(labels), self.span_of(labels))


def is_badly_parted(parts: Parts) -> bool:
    """Whether a label begins or ends with a dot, or has two dots in a row."""
    # An expression stands for some text: of "block{i}." -> "block0." the last part is empty.
    texts = [part if isinstance(part, str) else "0" for part in parts]
    return not all("".join(texts).split("."))
