"""What to say of a token that no rule expects, in the words of someone who reads specs, not grammars."""

from __future__ import annotations

from collections.abc import Iterator

from cnnspec import layers
from cnnspec.text import foreign, lexical_errors
from cnnspec.text.diagnostics import Counted, Diagnostic
from cnnspec.text.foreign.habits import HABITS
from cnnspec.text.recovery import BEGIN_VALUES
from cnnspec.text.scanner import CLOSER, WORDS
from cnnspec.text.slip import SIMPLE, Hint, Slip
from cnnspec.text.source import Span

# What is missing behind a token.
AFTER = {
    kind: what
    for what, kinds in {
        "a value": "KEY SIGN TIMES POWER COMPARE LPAR LSQB",
        "a test": "AND OR NOT IF REQUIRE",
        "a label": "FROM AGAIN OUTPUT",
        "a name": "NET BLOCK FOR DOT",
        "a count or a list": "REPEAT IN",
        "a size such as `3x3`": "AT",
        "a shape such as `6@28x28`": "ARROW",
        "a step": "VBAR",
        "an index": "SUBSCRIPT",
        "a layer's name": "DEFAULT",
        "a file's name in double quotes": "USE",
        "`{` or `if`": "ELSE",
    }.items()
    for kind in kinds.split()
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
VALUES = BEGIN_VALUES | {"NAME", "FUNC"}


def explain(slip: Slip) -> Diagnostic:
    """The fault of an unexpected token."""
    token = slip.token
    if token.type == "WRONG":
        return lexical_errors.explain(slip.source, token.start, token.end)
    if fault := lexical_errors.comment_at(slip.source, token.start):
        return fault
    faults = (fault for hint in HINTS for fault in hint(slip))
    return next(faults, None) or expected_instead(slip)


def expected_instead(slip: Slip) -> Diagnostic:
    """What was expected instead, in general words."""
    token, before = slip.token, slip.back(1)
    what, found = missing(slip), named(slip)
    behind = f" after `{slip.text(before)}`" if before.end > before.start and before.type != "NL" else ""
    span = slip.span(token)
    # A newline has no sign to point at: the place behind what stands before it is meant.
    if token.type in ("NL", "$END"):
        span = Span(slip.source, before.end, before.end)
    return Diagnostic("E0101", f"expected {what}{behind}, found {found}", span)


def missing(slip: Slip) -> str:
    """What the parser would take."""
    before = slip.back(1).type
    # BROKEN stands for a step, a value or a name: where it is expected, one of them begins.
    if slip.expects("BROKEN") or before in ("DOT", "FOR", "ELSE"):
        if before in ("NL", "LBRACE"):
            # An INT may be a step's label, `0: relu`; braces begin a step, but no value.
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
    # A brace put in for one that is missing: what a reader sees there is the next item.
    if token.type == "RBRACE" and token.start == token.end:
        return "the next net or block"
    text = slip.text(token) or slip.source.text[token.start]
    return f"`{text if len(text) <= 30 else text[:29] + '…'}`"


# Hints


def else_apart(slip: Slip) -> Iterator[Diagnostic]:
    """`else` on a line of its own."""
    brace = slip.back(2)
    if slip.token.type == "ELSE" and slip.back(1).type == "NL" and brace.type == "RBRACE":
        message = "`else` stands on the line of the closing brace: `} else {`"
        yield slip.joining(message, brace.end, slip.token.start)


def elif_word(slip: Slip) -> Iterator[Diagnostic]:
    token = slip.token
    if slip.back(1).type == "RBRACE" and slip.text(token) in ("elif", "elseif"):
        yield slip.replacement("a further test is written `else if`", "else if", token.start, token.end)


def brace_apart(slip: Slip) -> Iterator[Diagnostic]:
    """`{` on a line of its own."""
    brace, before = slip.ahead(1), slip.back(1)
    if slip.token.type == "NL" and brace.type == "LBRACE" and slip.expects("LBRACE"):
        yield slip.joining("`{` stands on the line of what it belongs to", before.end, brace.start)


def colon_for_equals(slip: Slip) -> Iterator[Diagnostic]:
    """`pad: 1` for `pad=1`."""
    token, name, value = slip.token, slip.back(1), slip.ahead(1)
    if token.type != "COLON":
        return
    if slip.back(2).type == "COLON" and len(slip.step()) == 1:
        yield slip.fault("a step has one label")
    elif name.type == "NAME" and value.type in VALUES | {"SIGN"} and len(slip.step()) > 1:
        message = f"an argument is written with `=`: `{slip.text(name)}={slip.text(value)}`"
        yield slip.fault(message, "write `=`", (name.end, value.start, "="))


def word_as_label(slip: Slip) -> Iterator[Diagnostic]:
    """`output: conv 64`."""
    name = slip.back(1) if slip.token.type == "COLON" else slip.token
    word = slip.text(name)
    if word in WORDS and slip.tokens[slip.tokens.index(name) + 1].type == "COLON":
        message = f"`{word}` is a word of the language; as a label it stands in quotes"
        yield slip.replacement(message, f'"{word}"', name.start, name.end)


def lonely_word(slip: Slip) -> Iterator[Diagnostic]:
    """`else` without an `if`, and the loops and the attributes of other languages."""
    token = slip.token
    if token.type == "ELSE":
        yield slip.fault("`else` follows the closing brace of an `if`")
    elif token.type == "FOR" and slip.expects("REPEAT"):
        message = "steps are repeated with `repeat`: `repeat i in 4 { … }`"
        yield slip.replacement(message, "repeat", token.start, token.end)
    elif token.type == "DOT" and slip.back(1).type == "NAME":
        fields = "`in.channels`, `in.height`, `in.width`, `in.features`"
        yield slip.fault(f"a name has no parts; only `in` has: {fields}")
    elif token.type == "SUBSCRIPT" and len(slip.step()) == 1:
        name = slip.text(slip.back(1))
        yield slip.fault(f"`{name}[` starts no step: a constant is given whole, `name = value`")


def called_like_python(slip: Slip) -> Iterator[Diagnostic]:
    """`Conv2d(16, 32, 5)`, `Conv2D 16, (3, 3)`, `tanh()`: every call of the line in our words."""
    from cnnspec.text.foreign.pythonic import calls

    found = list(calls(slip.source, slip.whole_line()))
    at = slip.token.start
    here = next((each for each in found if each.start <= at <= each.behind), None)
    if here is None:
        return
    name, given = here.call.name, [*here.call.plain, *(f"{key}={text}" for key, text in here.call.named)]
    message = f"a layer without arguments is just its name: `{name}`"
    layer = layers.find(name)
    if layer is not None and layer.is_join:
        message = f"`{name}` joins paths: `{name} {{ | … | … }}`"
    elif given:
        follow = "follow its name without parentheses and commas, as in `conv 64@3x3 pad=1`"
        message = f"the arguments of `{name}` {follow}"
    # `Stage(64, 2)`: a block of that name may stand further below.
    may_be_block = any(token.type == "BLOCK" for token in slip.tokens) and layer is None
    if here.ours is None and may_be_block:
        here = here._replace(ours=" ".join([name, *given]))
    if here.ours is None:
        yield slip.fault(message, foreign.answer("layers", name))
        return
    calls_said = [here if each.start == here.start else each for each in found]
    said = [(each, each.ours) for each in calls_said if each.ours is not None]
    title = f"write `{', '.join(ours for _, ours in said)}`"
    fault = slip.fault(message, title, *((each.start, each.end, ours) for each, ours in said))
    edits = zip(fault.fixes[0].edits, said, strict=True)
    counted = tuple(edit._replace(text=each.counted or "") for edit, (each, _) in edits)
    yield fault._replace(data=Counted(counted))


def key_out_of_place(slip: Slip) -> Iterator[Diagnostic]:
    """`conv 64@3x3, pad=1` and `if x = 3`."""
    token, before = slip.token, slip.back(1)
    if token.type != "KEY":
        return
    if before.type == "COMMA" and not slip.in_brackets():
        name = slip.name_of_key(token)
        message = f"an argument such as `{name}=` follows without a comma; a comma starts the next step"
        yield slip.fault(message, "remove the comma", (before.start, token.start, " "))
    elif {part.type for part in slip.step()} & {"IF", "REQUIRE", "NOT", "AND", "OR"}:
        yield slip.replacement("`=` gives a name a value; `==` compares", "==", token.end - 1, token.end)


def plain_behind_key(slip: Slip) -> Iterator[Diagnostic]:
    """`conv pad=1 64@3x3`."""
    keys = [part for part in slip.step() if part.type == "KEY"]
    if slip.token.type in VALUES and keys and slip.expects("KEY"):
        follows = f"`{slip.text(slip.token)}` follows `{slip.text(keys[0])}…`"
        yield slip.fault(f"{follows}: plain arguments come before `key=value` ones")


def filter_without_count(slip: Slip) -> Iterator[Diagnostic]:
    """`conv @3x3`."""
    if slip.token.type == "AT" and slip.expects("INT"):
        yield slip.fault("the number of filters is missing before `@`, as in `conv 64@3x3`")


def bare_operator(slip: Slip) -> Iterator[Diagnostic]:
    """`linear -1`, `conv 4*width@3x3`."""
    token, before, after = slip.token, slip.back(1), slip.ahead(1)
    if token.type not in ("SIGN", "TIMES", "POWER", "COMPARE") or not slip.expects("KEY"):
        return
    # By the blanks: `linear -1` has a sign, `linear a - 1` a difference.
    is_signed = token.type == "SIGN" and before.end < token.start and after.start == token.end
    if is_signed and after.type in SIMPLE:
        wrapped = f"({slip.text(token)}{slip.text(after)})"
        message = f"a signed argument stands in parentheses: `{wrapped}`"
        yield slip.replacement(message, wrapped, token.start, after.end)
        return
    if slip.text(token) == "*" and slip.back(2).type == "AT" and before.type == after.type == "INT":
        size = f"{slip.text(before)}x{slip.text(after)}"
        yield slip.replacement(f"a size is written with an x: `{size}`", size, before.start, after.end)
        return
    message = "an argument with an operator stands in parentheses, as in `conv (4 * width)@3x3`"
    end = slip.expression_end()
    if before.type in SIMPLE and end is not None and len(slip.step()) > 1:
        wrapped = f"({slip.source.text[before.start : end]})"
        yield slip.replacement(message, wrapped, before.start, end)
    else:
        yield slip.fault(message)


def chained_comparison(slip: Slip) -> Iterator[Diagnostic]:
    """`0 < x < 3`."""
    ends = ("COMPARE", "AND", "OR", "NOT", "IF", "ELSE", "KEY", *CLOSER)
    # The last of these decides: in `if a < b and c < d` each side of `and` has one comparison.
    before = (part.type for part in reversed(slip.step()) if part.type in ends)
    if slip.token.type == "COMPARE" and next(before, "") == "COMPARE":
        yield slip.fault("comparisons do not chain: write `a < b and b < c`")


def behind_assertion(slip: Slip) -> Iterator[Diagnostic]:
    """`relu -> 6@28x28, tanh`."""
    if slip.token.type == "COMMA" and any(part.type == "ARROW" for part in slip.step()):
        yield slip.fault("what a line claims with `->` ends it: the next step stands on a line of its own")


# The first that knows the slip speaks: what fits many, as `lonely_word`, stands last.
HINTS: tuple[Hint, ...] = (
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
