"""Text to syntax tree, whatever the text: every fault is reported in one run, and the rest is kept.

Lark's LALR parser runs on the table in grammar_table.py and calls the tree builder at each rule. After
an unexpected token the rest of its line is skipped, and the shortest way to go on is fed in its place.
"""

from __future__ import annotations

import gc
import threading
from functools import cache
from operator import itemgetter
from typing import Any

from lark.exceptions import UnexpectedToken
from lark.grammar import NonTerminal, Rule, Terminal
from lark.parsers.lalr_analysis import IntParseTable, Reduce, Shift
from lark.parsers.lalr_parser_state import ParseConf, ParserState

from cnnspec.text import syntax
from cnnspec.text.build_statements import TERMINALS, TreeBuilder
from cnnspec.text.decoding import MAX_SOURCE, decode, too_long
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.scanner import DEFAULT_LIMITS, MAX_FAULTS, TextLimits, Token, allowances, scan
from cnnspec.text.source import Source, Span

__all__ = ["MAX_SOURCE", "allowances", "decode", "parse"]

MAX_ATTEMPTS = 1000
"""To go on behind a fault; several may be on one line, of which one is reported."""

_LOCK = threading.RLock()


def parse(source: Source, limits: TextLimits = DEFAULT_LIMITS) -> tuple[syntax.File, list[Diagnostic]]:
    """The tree of a source and all its faults of syntax, in their order. Never raises."""
    with _LOCK:
        resting = gc.isenabled()
        gc.disable()
        try:
            reading = _Reading(source, limits)
            file, faults = reading.file(), reading.faults()
            if faults and len(source.text) <= limits.max_source:
                from cnnspec.text.foreign.pasted import (
                    recognise,  # loaded on demand: most files have no fault
                )

                if (pasted := recognise(source)) is not None:
                    return syntax.File((), file.span), [pasted]
            return file, faults
        finally:
            if resting:
                gc.enable()


@cache
def machine() -> tuple[dict[str, ParseConf[int]], TreeBuilder]:
    """Lark's parser over the shipped table, for each start, and the builder that it calls."""
    from cnnspec.text.grammar_table import ENDS, RULES, STARTS, STATES

    builder = TreeBuilder()
    calls: dict[Any, Any] = {name: builder.callback(name) for name in TERMINALS}
    rules = []
    for number, (name, origin, *parts) in enumerate(RULES):
        symbols = [Terminal(part) if part.isupper() else NonTerminal(part) for part in parts]
        rule = Rule(NonTerminal(origin), symbols, number, str(number))
        rules.append(rule)
        calls[rule] = builder.callback(name) if name else itemgetter(0)
    states = {
        number: {name: (Shift, to) if to >= 0 else (Reduce, rules[~to]) for name, to in moves.items()}
        for number, moves in enumerate(STATES)
    }
    table = IntParseTable(states, STARTS, ENDS)  # type: ignore[no-untyped-call]
    return {start: ParseConf(table, calls, start) for start in STARTS}, builder


class _Reading:
    """One run over one source."""

    def __init__(self, source: Source, limits: TextLimits) -> None:
        self.source = source
        self.limits = limits
        self.reported: dict[int, Diagnostic] = {}
        self.attempts = 0

    def report(self, fault: Diagnostic) -> None:
        """Keep a fault, unless its line has one already: that one may be the reason."""
        self.reported.setdefault(fault.span.line, fault)

    def faults(self) -> list[Diagnostic]:
        return [fault for _, fault in sorted(self.reported.items())]

    def file(self) -> syntax.File:
        nothing = syntax.File((), Span(self.source, 0, len(self.source.text)))
        if len(self.source.text) > self.limits.max_source:
            self.report(too_long(self.source, self.limits.max_source))
            return nothing
        scanned = scan(self.source, self.limits)
        for fault in scanned.faults:
            self.report(fault)
        if scanned.refused:
            return nothing
        confs, builder = machine()
        builder.begin(self.source, self.limits, self.report, self.hole)
        file: syntax.File | None = self.read(scanned.tokens, confs["start"])
        builder.depths.clear()
        return file or nothing

    def hole(self, start: int, end: int) -> syntax.Expression:
        """The expression in a computed label, from offset to offset."""
        confs, _ = machine()
        scanned = scan(self.source, self.limits, start, end)
        for fault in scanned.faults:
            self.report(fault)
        value: syntax.Expression | None = None
        if not scanned.refused:
            value = self.read(scanned.tokens, confs["value"])
        return value or syntax.Broken(Span(self.source, start, end))

    def read(self, tokens: list[Token], conf: ParseConf[int]) -> Any:
        """The value of the start rule; None where nothing can be made of the tokens."""
        state = ParserState(conf, None)  # type: ignore[arg-type]  # no lexer: the tokens are here
        feed = state.feed_token
        index, last = 0, len(tokens) - 1
        while True:
            try:
                while index < last:
                    feed(tokens[index])  # type: ignore[arg-type]  # the parser asks a token's type only
                    index += 1
                return feed(tokens[last], True)  # type: ignore[arg-type]
            except UnexpectedToken:
                index = self.recover(state, tokens, index)
                if index < 0:
                    return None
                last = len(tokens) - 1  # what was missing may have been put in

    def recover(self, state: ParserState[int], tokens: list[Token], index: int) -> int:
        """Tell the fault, skip to the end of the line, and complete what was begun."""
        # Loaded on demand: most files have no fault.
        from cnnspec.text import unwrapped
        from cnnspec.text.recovery import advance, completion, goes_on, past_braces, skip
        from cnnspec.text.slip import Slip
        from cnnspec.text.syntax_errors import explain

        conf, stack = state.parse_conf, state.state_stack
        states, end_state = conf.states, conf.end_state

        def expects(terminal: str) -> bool:
            return advance(states, end_state, tuple(stack), terminal) is not None

        slip = Slip(self.source, tokens, index, expects)
        if len(self.reported) < MAX_FAULTS and (missing := unwrapped.find(slip)) is not None:
            self.report(missing.fault)
            return missing.mend(tokens)
        self.report(explain(slip))
        place = tokens[index].start
        if goes_on(tokens, index, expects):
            return index + 1
        index = skip(tokens, index)
        while len(self.reported) < MAX_FAULTS and self.attempts < MAX_ATTEMPTS:
            self.attempts += 1
            target = tokens[index].type
            fillers = completion(states, end_state, tuple(stack), target)
            if fillers is not None:
                for filler in fillers:
                    state.feed_token(Token(filler, place, place))  # type: ignore[arg-type]
                return index
            if expects(target):
                return index
            if target == "LBRACE":
                index = skip(tokens, past_braces(tokens, index))
            elif len(stack) > 1:
                stack.pop()
                state.value_stack.pop()
            elif target == "$END":
                return -1
            else:
                index = skip(tokens, index + 1)
        return -1
