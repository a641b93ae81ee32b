"""Steps that stand in no braces: `net A`, `net A:`, `repeat 3:` without them, `model A {`, or no net at all.

What is missing is put in among the tokens, so that the steps are read, and their own faults found, in the
same run.
"""

from __future__ import annotations

from typing import NamedTuple

from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.lexical_errors import comment_at
from cnnspec.text.scanner import Token
from cnnspec.text.slip import Slip

FILE_LEVEL = ("NET", "BLOCK", "USE", "$END")
HEADS = {"network": "net", "model": "net", "cnn": "net", "function": "block", "module": "block"}
HEADS |= {"net": "net", "block": "block"}  # in capitals
"""What others begin a net or a block with; only where a name follows."""


class MissingBraces(NamedTuple):
    """What is wrong, and the kinds of token that belong in place of those from `start` to `stop`.

    `end`: the index of the token that a closing brace is missing before.
    """

    fault: Diagnostic
    start: int
    stop: int
    kinds: tuple[str, ...] = ()
    end: int | None = None

    def mend(self, tokens: list[Token]) -> int:
        """Put in what is missing; the index of the token to go on with."""
        # The later place first: what is put in at the earlier one moves it.
        if self.end is not None:
            place = tokens[self.end].start
            tokens.insert(self.end, Token("RBRACE", place, place))
        first, behind = tokens[self.start].start, tokens[self.stop].start
        tokens[self.start : self.stop] = [Token(kind, first, behind) for kind in self.kinds]
        return self.start


def find(slip: Slip) -> MissingBraces | None:
    """What is missing around the steps that begin at an unexpected token; None where that is no fault."""
    if comment_at(slip.source, slip.token.start):
        return None
    line = slip.line()
    if line and line[0].type in ("NET", "BLOCK") and slip.expects("LBRACE"):
        return _without_braces(slip)
    if slip.token.type == "COLON" and slip.ahead(1).type == "NL" and slip.expects("LBRACE"):
        return _by_indentation(slip)
    starts = slip.back(1).type == "NL" and slip.expects("NET")
    if not starts or slip.token.type in ("NL", "$END"):
        return None
    if slip.text(slip.token).lower() in HEADS and slip.ahead(1).type in ("NAME", "FUNC"):
        return _other_head(slip)
    return _astray(slip)


def _without_braces(slip: Slip) -> MissingBraces | None:
    """`net A`, `net A:`."""
    end = _end(slip, slip.at)
    edits = _braces(slip, slip.at, end)
    if not edits:
        return None
    head = slip.source.text[slip.line()[0].start : slip.back(1).end]
    message = f"what belongs to a {head.split()[0]} stands in braces: `{head} {{ … }}`"
    fault = slip.fault(message, "put it in braces", *edits)
    fault = fault._replace(span=slip.span(slip.line()[0], slip.back(1)))
    return MissingBraces(fault, slip.at, slip.at + (slip.token.type == "COLON"), ("LBRACE",), end)


def _by_indentation(slip: Slip) -> MissingBraces | None:
    """`repeat 3:` and `if i == 0:`, with the steps further in on the next lines."""
    line, end = slip.line(), slip.indented_end()
    if end == slip.at + 1 or not line:
        return None
    close, head = slip.line_end(end), slip.text(line[0])
    brace = f"\n{slip.source.indent(slip.token.start)}}}"
    edits = (slip.back(1).end, slip.token.end, " {"), (close, close, brace)
    message = f"what belongs to `{head}` stands in braces: `{head} … {{ … }}`"
    return MissingBraces(
        slip.fault(message, "put it in braces", *edits), slip.at, slip.at + 1, ("LBRACE",), end
    )


def _other_head(slip: Slip) -> MissingBraces:
    """`model A {`; without its braces, too."""
    token = slip.token
    ours = HEADS[slip.text(token).lower()]
    index = slip.at
    while slip.tokens[index].type not in ("NL", "LBRACE", "COLON", "$END"):
        index += 1
    edits = _braces(slip, index, _end(slip, index))
    message = f"a {ours} begins with `{ours}`"
    fault = slip.fault(message, f"write `{ours}`", (token.start, token.end, ours), *edits)
    # Only the word: the braces that it lacks are put in at the token that is unexpected next.
    return MissingBraces(fault, slip.at, slip.at + 1, (ours.upper(),))


def _astray(slip: Slip) -> MissingBraces:
    """Steps at the level of the file: where it has no net, those of one."""
    end = _end(slip, slip.at)
    text = slip.text(slip.token)
    message = f"`{text}` stands outside of every net and block: steps belong in `net Name {{ … }}`"
    # Whose steps they are is a guess: they are left out.
    if any(token.type == "NET" for token in slip.tokens):
        return MissingBraces(slip.fault(message), slip.at, end)
    start, close = slip.token.start, slip.line_end(end)
    edits = (start, start, "net Net {\n"), (close, close, "\n}")
    fault = slip.fault(message, "put them in `net Net { … }`", *edits)
    return MissingBraces(fault, slip.at, slip.at, ("NET", "NAME", "LBRACE"), end)


def _braces(slip: Slip, at: int, end: int) -> tuple[tuple[int, int, str], ...]:
    """The edits that put what follows a head in braces; none where nothing does, or where a brace stands."""
    token, tokens = slip.tokens[at], slip.tokens
    behind = at + (token.type == "COLON")
    if tokens[behind].type != "NL" or behind + 1 >= end or tokens[behind + 1].type == "LBRACE":
        return ()
    close = slip.line_end(end)
    return (tokens[at - 1].end, tokens[behind - 1].end, " {"), (close, close, "\n}")


def _end(slip: Slip, at: int) -> int:
    """The index of the newline before the next net, block or `use`, or of the end of the file."""
    depth, index, last = 0, at, len(slip.tokens) - 1
    while index < last:
        kind = slip.tokens[index].type
        depth += {"LBRACE": 1, "RBRACE": -1}.get(kind, 0)
        if kind == "NL" and depth <= 0 and slip.tokens[index + 1].type in FILE_LEVEL:
            break
        index += 1
    return index
