"""Formulas of sizes as data: printed with the names of their numbers, and with the numbers themselves."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import NamedTuple

Number = int | float


class Term(NamedTuple):
    """A part of a sum, `{name}` for each number; `twin`: a second one, the same but for its number's name.

    Under a `flag` it counts where that argument is yes.
    """

    text: str
    sign: str = "+"
    twin: str = ""
    flag: str = ""

    def symbolic(self) -> str:
        parts = [f"({self.text} if {self.flag})" if self.flag else self.text, *filter(None, [self.twin])]
        return "".join(f" {self.sign} {part}" for part in parts).format_map(_Names())

    def worked(self, known: Mapping[str, Number]) -> str:
        """With numbers; nothing where it adds nothing. Raises KeyError where one is not known."""
        if self.flag:
            return f" {self.sign} ({self.text.format_map(known)})" if known.get(self.flag) else ""
        parts = [part for part in (self.text, self.twin) if part]
        # A pad of 0 adds nothing, of 2 on both sides it is 2*2.
        numbers = [part.format_map(known) for part in parts if any(known[name] for name in names_in(part))]
        if len(numbers) == 2 and numbers[0] == numbers[1]:
            numbers = [f"2*{numbers[0]}"]
        return "".join(f" {self.sign} {number}" for number in numbers)


class SizeFormula(NamedTuple):
    """The terms added up, and what becomes of their `{sum}`: the size of the output along an axis."""

    terms: tuple[Term, ...]
    whole: str = "{sum}"

    def __str__(self) -> str:
        total = "".join(term.symbolic() for term in self.terms)
        return self.whole.format_map(_Names(sum=total.removeprefix(" + ")))

    def worked(self, known: Mapping[str, Number]) -> str:
        """With numbers; "" where one is not known."""
        try:
            total = "".join(term.worked(known) for term in self.terms)
            return self.whole.format_map({**known, "sum": total.removeprefix(" + ")})
        except KeyError:
            return ""


class _Names(dict[str, str]):
    """Each name as itself."""

    def __missing__(self, name: str) -> str:
        return name


def names_in(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name]


N, PADS = Term("{n}"), Term("{lo}", twin="{hi}")
CEIL = Term("{stride} - 1", flag="ceil")
STEPS = "({sum})//{stride} + 1"

SLIDING = SizeFormula((N, PADS, Term("{e}", "-")), STEPS)
POOLING = SizeFormula((N, PADS, Term("{e}", "-"), CEIL), STEPS)
AVERAGING = SizeFormula((N, PADS, Term("{window}", "-"), CEIL), STEPS)
BLURRING = SizeFormula((N, Term("2*{pad}"), Term("{window}", "-")), STEPS)
TRANSPOSED = SizeFormula((Term("({n} - 1)*{stride}"), Term("2*{pad}", "-"), Term("{e}"), Term("{extra}")))
STRETCHED = SizeFormula((Term("{n}*{factor}"),), "floor({sum})")
PADDED = SizeFormula((N, PADS))
CROPPED = SizeFormula((N, PADS._replace(sign="-")))
FLATTENED = SizeFormula((Term("{C}*{H}*{W}"),))
