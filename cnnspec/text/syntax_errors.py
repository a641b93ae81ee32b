"""What to say of a token that no rule expects, in the words of someone who reads specs, not grammars."""

from __future__ import annotations

from cnnspec import layers
from cnnspec.text import foreign
from cnnspec.text import lexical_errors as unreadable
from cnnspec.text.diagnostics import Counted, Diagnostic
from cnnspec.text.foreign.comments import comment_at
from cnnspec.text.foreign.habits import HABITS
from cnnspec.text.scanner import CLOSER, WORDS
from cnnspec.text.slip import Slip
from cnnspec.text.source import Span

# What is missing behind a token.
AFTER = {
    "AT": "a size such as `3x3`",
    "KEY": "a value",
    "SIGN": "a value",
    "TIMES": "a value",
    "POWER": "a value",
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
    "SUBSCRIPT": "an index",
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
VALUES = {"INT", "FLOAT", "SIZE", "STRING", "BOOL", "NAME", "FUNC", "LPAR", "LSQB"}


def explain(slip: Slip) -> Diagnostic:
    """The fault of an unexpected token."""
    token = slip.token
    if token.type == "WRONG":
        return unreadable.explain(slip.source, token.start, token.end)
    if fault := comment_at(slip.source, token.start):
        return fault
    for hint in HINTS:
        if fault := hint(slip):
            return fault
    return expected_instead(slip)


def expected_instead(slip: Slip) -> Diagnostic:
    """What was expected instead, in general words."""
    token, before = slip.token, slip.back(1)
    what, found = missing(slip), named(slip)
    behind = f" after `{slip.text(before)}`" if before.end > before.start and before.type != "NL" else ""
    span = slip.span(token)
    if token.type in ("NL", "$END"):
        span = Span(slip.source, before.end, before.end)
    return Diagnostic("E0101", f"expected {what}{behind}, found {found}", span)


def missing(slip: Slip) -> str:
    """What the parser would take."""
    before = slip.back(1).type
    if slip.expects("BROKEN") or before in ("DOT", "FOR", "ELSE"):
        if before in ("NL", "LBRACE"):
            return "a value" if slip.expects("INT") and not slip.expects("LBRACE") else "a step"
        if before == "COMMA" and slip.expects("STRING") and not slip.expects("NAME"):
            return "a message in double quotes"
        if before in ("COMMA", "COLON", "LPAR"):
            value = "a value" if slip.expects("SIZE") else "a name"
            return value if slip.in_brackets() else "a step"
        if before in AFTER:
            return AFTER[before]
    for group in NEXT:
        words = [text for kind, text in group.items() if slip.expects(kind)]
        if words:
            return " or ".join(words)
    return "the end of the line"


def named(slip: Slip) -> str:
    """The token as a reader sees it."""
    token = slip.token
    if token.type == "NL":
        return "the end of the line"
    if token.start == len(slip.source.text):
        return "the end of the file"
    if token.type == "RBRACE" and token.start == token.end:
        return "the next net or block"
    text = slip.text(token) or slip.source.text[token.start]
    return f"`{text if len(text) <= 30 else text[:29] + '…'}`"


# Hints: each knows one common slip


def else_apart(slip: Slip) -> Diagnostic | None:
    """`else` on a line of its own."""
    brace = slip.back(2)
    if slip.token.type != "ELSE" or slip.back(1).type != "NL" or brace.type != "RBRACE":
        return None
    message = "`else` stands on the line of the closing brace: `} else {`"
    if slip.source.text[brace.end : slip.token.start].strip():
        return slip.fault(message)
    return slip.fault(message, "move it there", (brace.end, slip.token.start, " "))


def elif_word(slip: Slip) -> Diagnostic | None:
    token = slip.token
    if slip.back(1).type != "RBRACE" or slip.text(token) not in ("elif", "elseif"):
        return None
    return slip.fault(
        "a further test is written `else if`", "write `else if`", (token.start, token.end, "else if")
    )


def brace_apart(slip: Slip) -> Diagnostic | None:
    """`{` on a line of its own."""
    brace, before = slip.ahead(1), slip.back(1)
    if slip.token.type != "NL" or brace.type != "LBRACE" or not slip.expects("LBRACE"):
        return None
    message = "`{` stands on the line of what it belongs to"
    if slip.source.text[before.end : brace.start].strip():
        return slip.fault(message)
    return slip.fault(message, "move it there", (before.end, brace.start, " "))


def colon_for_equals(slip: Slip) -> Diagnostic | None:
    """`pad: 1` for `pad=1`."""
    token, name, value = slip.token, slip.back(1), slip.ahead(1)
    if token.type != "COLON":
        return None
    word = slip.text(name)
    if slip.back(2).type == "COLON" and len(slip.step()) == 1:
        return slip.fault("a step has one label")
    if name.type == "NAME" and value.type in VALUES | {"SIGN"} and len(slip.step()) > 1:
        message = f"an argument is written with `=`: `{word}={slip.text(value)}`"
        return slip.fault(message, "write `=`", (name.end, value.start, "="))
    return None


def word_as_label(slip: Slip) -> Diagnostic | None:
    """`output: conv 64`."""
    name = slip.back(1) if slip.token.type == "COLON" else slip.token
    word = slip.text(name)
    if word not in WORDS or slip.tokens[slip.tokens.index(name) + 1].type != "COLON":
        return None
    message = f"`{word}` is a word of the language; as a label it stands in quotes"
    return slip.fault(message, f'write `"{word}"`', (name.start, name.end, f'"{word}"'))


def lonely_word(slip: Slip) -> Diagnostic | None:
    """`else` without an `if`, and the loops and the attributes of other languages."""
    kind = slip.token.type
    if kind == "ELSE":
        return slip.fault("`else` follows the closing brace of an `if`")
    if kind == "FOR" and slip.expects("REPEAT"):
        token = slip.token
        message = "steps are repeated with `repeat`: `repeat i in 4 { … }`"
        return slip.fault(message, "write `repeat`", (token.start, token.end, "repeat"))
    if kind == "DOT" and slip.back(1).type == "NAME":
        return slip.fault(
            "a name has no parts; only `in` has: `in.channels`, `in.height`, `in.width`, `in.features`"
        )
    if kind == "SUBSCRIPT" and len(slip.step()) == 1:
        return slip.fault(
            f"`{slip.text(slip.back(1))}[` starts no step: a constant is given whole, `name = value`"
        )
    return None


def called_like_python(slip: Slip) -> Diagnostic | None:
    """`Conv2d(16, 32, 5)`, `Conv2D 16, (3, 3)`, `tanh()`: every call of the line in our words."""
    from cnnspec.text.foreign.pythonic import calls

    found = list(calls(slip.source, slip.whole_line()))
    at = slip.token.start
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
    if (
        here.ours is None
        and any(token.type == "BLOCK" for token in slip.tokens)
        and layers.find(name) is None
    ):
        given = [*here.call.plain, *(f"{key}={text}" for key, text in here.call.named)]
        here = here._replace(ours=" ".join([name, *given]))
    if here.ours is None:
        return slip.fault(message, foreign.answer("layers", name))
    said = [here if each.start == here.start else each for each in found]
    said = [each for each in said if each.ours is not None]
    title = ", ".join(each.ours or "" for each in said)
    fault = slip.fault(
        message, f"write `{title}`", *((each.start, each.end, each.ours or "") for each in said)
    )
    counted = zip(fault.fixes[0].edits, said, strict=True)
    return fault._replace(
        data=Counted(tuple(edit._replace(text=each.counted or "") for edit, each in counted))
    )


def key_out_of_place(slip: Slip) -> Diagnostic | None:
    """`conv 64@3x3, pad=1` and `if x = 3`."""
    token, before = slip.token, slip.back(1)
    if token.type != "KEY":
        return None
    name = slip.text(token)[:-1].rstrip()
    if before.type == "COMMA" and not slip.in_brackets():
        message = f"an argument such as `{name}=` follows without a comma; a comma starts the next step"
        return slip.fault(message, "remove the comma", (before.start, before.end, ""))
    words = {part.type for part in slip.step()}
    if words & {"IF", "REQUIRE", "NOT", "AND", "OR"}:
        sign = token.end - 1
        return slip.fault("`=` gives a name a value; `==` compares", "write `==`", (sign, sign + 1, "=="))
    return None


def plain_behind_key(slip: Slip) -> Diagnostic | None:
    """`conv pad=1 64@3x3`."""
    keys = [part for part in slip.step() if part.type == "KEY"]
    if slip.token.type not in VALUES or not keys or not slip.expects("KEY"):
        return None
    text = slip.text(slip.token)
    return slip.fault(
        f"`{text}` follows `{slip.text(keys[0])}…`: plain arguments come before `key=value` ones"
    )


def filter_without_count(slip: Slip) -> Diagnostic | None:
    """`conv @3x3`."""
    if slip.token.type != "AT" or not slip.expects("INT"):
        return None
    return slip.fault("the number of filters is missing before `@`, as in `conv 64@3x3`")


def bare_operator(slip: Slip) -> Diagnostic | None:
    """`linear -1`, `conv 4*width@3x3`."""
    token, before, after = slip.token, slip.back(1), slip.ahead(1)
    if token.type not in ("SIGN", "TIMES", "POWER", "COMPARE") or not slip.expects("KEY"):
        return None
    sign = slip.text(token)
    simple = {"INT", "FLOAT", "NAME"}
    if (
        token.type == "SIGN"
        and before.end < token.start
        and after.start == token.end
        and after.type in simple
    ):
        wrapped = f"({sign}{slip.text(after)})"
        message = f"a signed argument stands in parentheses: `{wrapped}`"
        return slip.fault(message, f"write `{wrapped}`", (token.start, after.end, wrapped))
    message = "an argument with an operator stands in parentheses, as in `conv (4 * width)@3x3`"
    if before.type in simple and after.type in simple and len(slip.step()) > 1:
        wrapped = f"({slip.source.text[before.start : after.end]})"
        return slip.fault(message, f"write `{wrapped}`", (before.start, after.end, wrapped))
    return slip.fault(message)


def chained_comparison(slip: Slip) -> Diagnostic | None:
    """`0 < x < 3`."""
    if slip.token.type != "COMPARE":
        return None
    for part in reversed(slip.step()):
        if part.type == "COMPARE":
            return slip.fault("comparisons do not chain: write `a < b and b < c`")
        if part.type in ("AND", "OR", "NOT", "IF", "ELSE", "KEY", *CLOSER):
            break
    return None


def behind_assertion(slip: Slip) -> Diagnostic | None:
    """`relu -> 6@28x28, tanh`."""
    if slip.token.type == "COMMA" and any(part.type == "ARROW" for part in slip.step()):
        return slip.fault("what a line claims with `->` ends it: the next step stands on a line of its own")
    return None


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
)
