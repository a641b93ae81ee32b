"""What to say of a token that no rule expects, in the words of someone who reads specs, not grammars."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cnnspec.text import foreign
from cnnspec.text import lexical_errors as unreadable
from cnnspec.text.diagnostics import Counted, Diagnostic, Edit, Fix
from cnnspec.text.foreign.habits import HABITS
from cnnspec.text.scanner import DEPTH, WORDS, Token
from cnnspec.text.source import Source, Span

# What is missing behind a token.
AFTER = {
    "AT": "a size such as `3x3`",
    "KEY": "a value",
    "SIGN": "a value",
    "TIMES": "a value",
    "COMPARE": "a value",
    "AND": "a test",
    "OR": "a test",
    "NOT": "a test",
    "IF": "a test",
    "REQUIRE": "a test",
    "ARROW": "a shape such as `6@28x28`",
    "VBAR": "a step",
    "FROM": "a label",
    "AGAIN": "a label",
    "OUTPUT": "a label",
    "LPAR": "a value",
    "LSQB": "a value",
    "NET": "a name",
    "BLOCK": "a name",
    "USE": "a file's name in double quotes",
    "REPEAT": "a count or a list",
    "IN": "a count or a list",
    "FOR": "a name",
    "DEFAULT": "a layer's name",
    "DOT": "a name",
    "ELSE": "`{` or `if`",
}
# What may follow instead; of the first group that the parser would take, all that it would.
NEXT: tuple[dict[str, str], ...] = (
    {"RPAR": "`)`", "RSQB": "`]`"},
    {"NL": "the end of the line"},
    {"LBRACE": "`{`", "IN": "`in`"},
    {"COLON": "`:`"},
    {"KEY": "an argument `key=value`"},
    {"NAME": "a name"},
    {"DOT": "`.channels`, `.height`, `.width` or `.features`"},
    {"$END": "`}`"},
)
VALUES = {"INT", "FLOAT", "SIZE", "STRING", "BOOL", "NAME", "FUNC", "INDEXED", "LPAR", "LSQB"}
LINE_ENDS = {"NL", "LBRACE", "RBRACE", "VBAR"}
FAR = 500
"""Tokens looked back at for a hint."""


class Place(NamedTuple):
    """An unexpected token among the others; `expects` asks whether the parser would take another instead."""

    source: Source
    tokens: list[Token]
    at: int
    expects: Callable[[str], bool]

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def back(self, count: int) -> Token:
        """The token so many before; before the first stands a newline."""
        return self.tokens[self.at - count] if self.at >= count else Token("NL", *[self.tokens[0].start] * 2)

    def ahead(self, count: int) -> Token:
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def line(self) -> list[Token]:
        """The tokens up to here from the last that parts lines; of a monstrous line only the end."""
        start = self.at
        while start > max(0, self.at - FAR) and self.tokens[start - 1].type not in LINE_ENDS:
            start -= 1
        return self.tokens[start : self.at]

    def step(self) -> list[Token]:
        """The tokens of the step up to here; a comma in brackets does not end one."""
        line = self.line()
        depth, start = 0, 0
        for index, token in enumerate(line):
            depth += DEPTH.get(token.type, 0)
            if depth == 0 and token.type in ("COMMA", "COLON"):
                start = index + 1
        return line[start:]

    def whole_line(self) -> list[Token]:
        """The tokens of the line, its end with them; of a monstrous line only those around this one."""
        start, end = self.at, self.at
        while start > max(0, self.at - FAR) and self.tokens[start - 1].type != "NL":
            start -= 1
        while end < min(len(self.tokens) - 1, self.at + FAR) and self.tokens[end].type != "NL":
            end += 1
        return self.tokens[start : end + 1]

    def in_brackets(self) -> bool:
        """Whether a round or square bracket is open here."""
        return sum(DEPTH.get(token.type, 0) for token in self.line()) > 0

    def text(self, token: Token) -> str:
        return self.source.text[token.start : token.end]

    def span(self, first: Token, last: Token | None = None) -> Span:
        return Span(self.source, first.start, (last or first).end)

    def fault(self, message: str, title: str = "", *edits: tuple[int, int, str]) -> Diagnostic:
        """The fault of the token, with a way out where there is one."""
        changes = tuple(Edit(Span(self.source, start, end), text) for start, end, text in edits)
        fixes = (Fix(title, changes),) if title else ()
        return Diagnostic("E0101", message, self.span(self.token), fixes=fixes)


def explain(source: Source, tokens: list[Token], index: int, expects: Callable[[str], bool]) -> Diagnostic:
    """The fault of the token at the index."""
    place = Place(source, tokens, index, expects)
    token = tokens[index]
    if token.type == "WRONG":
        return unreadable.explain(source, token.start, token.end)
    for hint in HINTS:
        if fault := hint(place):
            return fault
    return expected(place)


def expected(place: Place) -> Diagnostic:
    """What was expected instead, in general words."""
    token, before = place.token, place.back(1)
    what, found = missing(place), named(place)
    behind = f" after `{place.text(before)}`" if before.end > before.start and before.type != "NL" else ""
    span = place.span(token)
    if token.type in ("NL", "$END"):
        span = Span(place.source, before.end, before.end)
    return Diagnostic("E0101", f"expected {what}{behind}, found {found}", span)


def missing(place: Place) -> str:
    """What the parser would take."""
    before = place.back(1).type
    if place.expects("BROKEN") or before in ("DOT", "FOR", "ELSE"):
        if before in ("NL", "LBRACE"):
            return "a value" if place.expects("INT") and not place.expects("LBRACE") else "a step"
        if before == "COMMA" and place.expects("STRING") and not place.expects("NAME"):
            return "a message in double quotes"
        if before in ("COMMA", "COLON", "LPAR"):
            value = "a value" if place.expects("SIZE") else "a name"
            return value if place.in_brackets() else "a step"
        if before in AFTER:
            return AFTER[before]
    for group in NEXT:
        words = [text for kind, text in group.items() if place.expects(kind)]
        if words:
            return " or ".join(words)
    return "the end of the line"


def named(place: Place) -> str:
    """The token as a reader sees it."""
    token = place.token
    if token.type == "NL":
        return "the end of the line"
    if token.start == len(place.source.text):
        return "the end of the file"
    if token.type == "RBRACE" and token.start == token.end:
        return "the next net or block"
    text = place.text(token) or place.source.text[token.start]
    return f"`{text if len(text) <= 30 else text[:29] + '…'}`"


# Hints: each knows one common slip


def else_apart(place: Place) -> Diagnostic | None:
    """`else` on a line of its own."""
    brace = place.back(2)
    if place.token.type != "ELSE" or place.back(1).type != "NL" or brace.type != "RBRACE":
        return None
    message = "`else` stands on the line of the closing brace: `} else {`"
    if place.source.text[brace.end : place.token.start].strip():
        return place.fault(message)
    return place.fault(message, "move it there", (brace.end, place.token.start, " "))


def elif_word(place: Place) -> Diagnostic | None:
    token = place.token
    if place.back(1).type != "RBRACE" or place.text(token) not in ("elif", "elseif"):
        return None
    return place.fault(
        "a further test is written `else if`", "write `else if`", (token.start, token.end, "else if")
    )


def brace_apart(place: Place) -> Diagnostic | None:
    """`{` on a line of its own."""
    brace, before = place.ahead(1), place.back(1)
    if place.token.type != "NL" or brace.type != "LBRACE" or not place.expects("LBRACE"):
        return None
    message = "`{` stands on the line of what it belongs to"
    if place.source.text[before.end : brace.start].strip():
        return place.fault(message)
    return place.fault(message, "move it there", (before.end, brace.start, " "))


def colon_for_equals(place: Place) -> Diagnostic | None:
    """`pad: 1` for `pad=1`."""
    token, name, value = place.token, place.back(1), place.ahead(1)
    if token.type != "COLON":
        return None
    word = place.text(name)
    if place.back(2).type == "COLON" and len(place.step()) == 1:
        return place.fault("a step has one label")
    if name.type == "NAME" and value.type in VALUES | {"SIGN"} and len(place.step()) > 1:
        message = f"an argument is written with `=`: `{word}={place.text(value)}`"
        return place.fault(message, "write `=`", (name.end, value.start, "="))
    return None


def word_as_label(place: Place) -> Diagnostic | None:
    """`output: conv 64`."""
    name = place.back(1) if place.token.type == "COLON" else place.token
    word = place.text(name)
    if word not in WORDS or place.tokens[place.tokens.index(name) + 1].type != "COLON":
        return None
    message = f"`{word}` is a word of the language; as a label it stands in quotes"
    return place.fault(message, f'write `"{word}"`', (name.start, name.end, f'"{word}"'))


def lonely_word(place: Place) -> Diagnostic | None:
    """`else` without an `if`, and the loops and the attributes of other languages."""
    kind = place.token.type
    if kind == "ELSE":
        return place.fault("`else` follows the closing brace of an `if`")
    if kind == "FOR" and place.expects("REPEAT"):
        token = place.token
        message = "steps are repeated with `repeat`: `repeat i in 4 { … }`"
        return place.fault(message, "write `repeat`", (token.start, token.end, "repeat"))
    if kind == "DOT" and place.back(1).type == "NAME":
        return place.fault(
            "a name has no parts; only `in` has: `in.channels`, `in.height`, `in.width`, `in.features`"
        )
    if kind == "INDEXED" and place.expects("REPEAT"):
        return place.fault(
            f"`{place.text(place.token)}[` starts no step: a constant is given whole, `name = value`"
        )
    return None


def called_like_python(place: Place) -> Diagnostic | None:
    """`Conv2d(16, 32, 5)`, `Conv2D 16, (3, 3)`, `tanh()`: every call of the line in our words."""
    from cnnspec.text.foreign.pythonic import Written, calls

    found = list(calls(place.source, place.whole_line()))
    at = place.token.start
    here = next((each for each in found if each.start <= at <= each.behind), None)
    if here is None:
        return None
    name = here.call.name
    if not here.call.plain and not here.call.named:
        message = f"a layer without arguments is just its name: `{name}`"
    else:
        message = (
            f"the arguments of `{name}` follow its name without parentheses and commas, "
            "as in `conv 64@3x3 pad=1`"
        )
    if here.ours is None:
        return place.fault(message, foreign.answer("layers", name))
    said: list[Written] = [each for each in found if each.ours is not None]
    title = ", ".join(each.ours or "" for each in said)
    fault = place.fault(
        message, f"write `{title}`", *((each.start, each.end, each.ours or "") for each in said)
    )
    counted = zip(fault.fixes[0].edits, said, strict=True)
    return fault._replace(
        data=Counted(tuple(edit._replace(text=each.counted or "") for edit, each in counted))
    )


def key_out_of_place(place: Place) -> Diagnostic | None:
    """`conv 64@3x3, pad=1` and `if x = 3`."""
    token, before = place.token, place.back(1)
    if token.type != "KEY":
        return None
    name = place.text(token)[:-1].rstrip()
    if before.type == "COMMA" and not place.in_brackets():
        message = f"an argument such as `{name}=` follows without a comma; a comma starts the next step"
        return place.fault(message, "remove the comma", (before.start, before.end, ""))
    words = {part.type for part in place.step()}
    if words & {"IF", "REQUIRE", "NOT", "AND", "OR"}:
        sign = token.end - 1
        return place.fault("`=` gives a name a value; `==` compares", "write `==`", (sign, sign + 1, "=="))
    return None


def plain_behind_key(place: Place) -> Diagnostic | None:
    """`conv pad=1 64@3x3`."""
    keys = [part for part in place.step() if part.type == "KEY"]
    if place.token.type not in VALUES or not keys or not place.expects("KEY"):
        return None
    text = place.text(place.token)
    return place.fault(
        f"`{text}` follows `{place.text(keys[0])}…`: plain arguments come before `key=value` ones"
    )


def filter_without_count(place: Place) -> Diagnostic | None:
    """`conv @3x3`."""
    if place.token.type != "AT" or not place.expects("INT"):
        return None
    return place.fault("the number of filters is missing before `@`, as in `conv 64@3x3`")


def bare_operator(place: Place) -> Diagnostic | None:
    """`linear -1`, `conv 4*width@3x3`."""
    token, before, after = place.token, place.back(1), place.ahead(1)
    if token.type not in ("SIGN", "TIMES", "COMPARE") or not place.expects("KEY"):
        return None
    sign = place.text(token)
    simple = {"INT", "FLOAT", "NAME"}
    if (
        token.type == "SIGN"
        and before.end < token.start
        and after.start == token.end
        and after.type in simple
    ):
        wrapped = f"({sign}{place.text(after)})"
        message = f"a signed argument stands in parentheses: `{wrapped}`"
        return place.fault(message, f"write `{wrapped}`", (token.start, after.end, wrapped))
    message = "an argument with an operator stands in parentheses, as in `conv (4 * width)@3x3`"
    if before.type in simple and after.type in simple and len(place.step()) > 1:
        wrapped = f"({place.source.text[before.start : after.end]})"
        return place.fault(message, f"write `{wrapped}`", (before.start, after.end, wrapped))
    return place.fault(message)


def chained_comparison(place: Place) -> Diagnostic | None:
    """`0 < x < 3`."""
    if place.token.type != "COMPARE":
        return None
    for part in reversed(place.step()):
        if part.type == "COMPARE":
            return place.fault("comparisons do not chain: write `a < b and b < c`")
        if part.type in ("AND", "OR", "NOT", "IF", "ELSE", "KEY", "LPAR", "LSQB"):
            break
    return None


def behind_assertion(place: Place) -> Diagnostic | None:
    """`relu -> 6@28x28, tanh`."""
    if place.token.type == "COMMA" and any(part.type == "ARROW" for part in place.step()):
        return place.fault("what a line claims with `->` ends it: the next step stands on a line of its own")
    return None


def outside_of_nets(place: Place) -> Diagnostic | None:
    """A layer at the level of the file."""
    starts = place.back(1).type == "NL" and place.expects("NET")
    if not starts or place.token.type in ("NL", "$END"):
        return None
    text = place.text(place.token)
    return place.fault(f"`{text}` stands outside of every net and block: steps belong in `net Name {{ … }}`")


HINTS = (
    else_apart,
    elif_word,
    *HABITS,
    brace_apart,
    word_as_label,
    colon_for_equals,
    called_like_python,
    key_out_of_place,
    plain_behind_key,
    filter_without_count,
    bare_operator,
    chained_comparison,
    behind_assertion,
    lonely_word,
    outside_of_nets,
)
