"""Text to syntax tree, whatever the text: every fault is reported in one run, and the rest is kept.

An automaton runs on the LALR(1) table that Lark computes from the grammar, and calls the tree builder at
each rule. After an unexpected token the rest of its line is skipped, and the shortest way to go on is fed
in its place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from cnnspec.text import syntax
from cnnspec.text.automaton import Action, Automaton, actions
from cnnspec.text.build_statements import TERMINALS, TreeBuilder
from cnnspec.text.decoding import too_long
from cnnspec.text.diagnostics import Diagnostic
from cnnspec.text.scanner import MAX_FAULTS, Token, scan
from cnnspec.text.source import Source, Span
from cnnspec.values.limits import DEFAULT_TEXT_LIMITS, TextLimits, pause_collector

MAX_ATTEMPTS = 1000
"""To go on behind a fault; several may be on one line, of which one is reported."""

# One builder serves all threads, and keeps the source that it is at.
_LOCK = threading.RLock()


def parse(source: Source, limits: TextLimits = DEFAULT_TEXT_LIMITS) -> tuple[syntax.File, list[Diagnostic]]:
    """The tree of a source and all its faults of syntax, in their order. Never raises."""
    with _LOCK, pause_collector():
        reading = _Reading(source, limits)
        file, faults = reading.file(), reading.faults()
        if faults and len(source.text) <= limits.max_source:
            from cnnspec.text.foreign.pasted import recognise  # loaded on demand: most files have no fault

            if (pasted := recognise(source)) is not None:
                return syntax.File((), file.span), [pasted]
        return file, faults


@cache
def machine() -> tuple[TreeBuilder, list[Action], dict[str, Callable[[Token], Any]]]:
    """The builder of trees, and what it makes of rules and of terminals."""
    builder = TreeBuilder()
    return builder, actions(builder.callback), {name: builder.callback(name) for name in TERMINALS}


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
        builder, *_ = machine()
        builder.begin(self.source, self.limits, self.report, self.hole)
        file: syntax.File | None = self.read(scanned.tokens, "start")
        # The table is kept for later texts, and would keep this one's nodes alive.
        builder.depths.clear()
        return file or nothing

    def hole(self, start: int, end: int) -> syntax.Expression:
        """The expression in a computed label, from offset to offset."""
        scanned = scan(self.source, self.limits, start, end)
        for fault in scanned.faults:
            self.report(fault)
        value: syntax.Expression | None = None
        if not scanned.refused:
            value = self.read(scanned.tokens, "value")
        return value or syntax.Broken(Span(self.source, start, end))

    def read(self, tokens: list[Token], start: str) -> Any:
        """The value of the start rule; None where nothing can be made of the tokens."""
        _, rules, terminals = machine()
        automaton, index = Automaton(start, rules, terminals), 0
        while (index := automaton.read(tokens, index)) < len(tokens):  # a fault may put in what was missing
            index = self.recover(automaton, tokens, index)
            if index < 0:
                return None
        return automaton.values[-1]

    def recover(self, automaton: Automaton, tokens: list[Token], index: int) -> int:
        """Tell the fault, skip to the end of the line, and complete what was begun."""
        # Loaded on demand: most files have no fault.
        from cnnspec.text import missing_braces
        from cnnspec.text.recovery import completion, goes_on, past_braces, skip
        from cnnspec.text.slip import Slip
        from cnnspec.text.syntax_errors import explain

        expects, stack = automaton.expects, automaton.states
        slip = Slip(self.source, tokens, index, expects)
        if len(self.reported) < MAX_FAULTS and (missing := missing_braces.find(slip)) is not None:
            self.report(missing.fault)
            return missing.mend(tokens)
        self.report(explain(slip))
        place = tokens[index].start
        # `repeat 3` and `{` on the next line: without the newline all of it can be read.
        if goes_on(tokens, index, expects):
            return index + 1
        index = skip(tokens, index)
        while len(self.reported) < MAX_FAULTS and self.attempts < MAX_ATTEMPTS:
            self.attempts += 1
            target = tokens[index].type
            fillers = completion(tuple(stack), automaton.end, target)
            if fillers is not None:
                automaton.read([Token(filler, place, place) for filler in fillers], 0)
                return index
            # `net A(x=3) in {`: before the brace nothing may stand, not even BROKEN, and it fits as it is.
            if expects(target):
                return index
            # Not within them: their steps would be read as those of the braces around.
            if target == "LBRACE":
                index = skip(tokens, past_braces(tokens, index))
            # Nothing completes what was begun: its innermost part is given up, then what that stood in.
            elif len(stack) > 1:
                stack.pop()
                automaton.values.pop()
            elif target == "$END":
                return -1
            else:
                index = skip(tokens, index + 1)
        return -1
