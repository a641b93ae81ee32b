"""The turns of a repeat: what changes from turn to turn becomes a loop name, a formula of one, a choice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from cnnspec.importers.patterns.solve import CUTS, WIDTHS, multiple
from cnnspec.importers.terms.columns import Column, Unalike, columns_in, same
from cnnspec.importers.terms.formulas import (
    Formula,
    Items,
    LayerName,
    evaluate,
    name,
    names_in,
    parts,
    substitute,
)
from cnnspec.importers.terms.terms import (
    Braces,
    Call,
    Chain,
    Repeat,
    Term,
    map_terms,
    map_values,
    names_read,
    own_values,
    rebuild,
    turns_of,
    values_of,
    walk,
)
from cnnspec.importers.wording.free_names import unused
from cnnspec.layers import find

MOST_ROWS = 12
"""So many rows a table has; a list of single values may be longer."""
MOST_CHOICES = 2
"""So many values of the first turn may differ from the others'."""

COUNTED = ("label", "index")
"""Roles of numbers that rise by the turn."""

MOST_NAMES = 8
LOOPS = ("j", "i", "k", "m", "n")
LABELS = ("i", "k", "m", "n")
ROLES = {"count": "width", "units": "width", "window": "kernel", "rows": "depth", "label": "i"}


class Turns:
    """A pattern of turns, its columns, and the names that its formulas have already."""

    def __init__(self, pattern: Chain, times: int) -> None:
        self.pattern, self.times = pattern, times
        self.columns: dict[Column, Occurrence] = {}
        taken: set[str] = set()
        for term in walk(pattern):
            for role, value in own_values(term):
                taken |= names_in(value)
                for column in columns_in(value):
                    self.add(column, Occurrence(role, word_of(term), is_first(column, value)))
        self.taken = taken | {n for term in walk(pattern) if isinstance(term, Repeat) for n in term.names}
        self.index = name(unused(LOOPS, self.taken))

    def add(self, column: Column, place: Occurrence) -> None:
        """A column that stands at several places is named by the first that says more than a number does."""
        if any(isinstance(v, Formula | str) and not isinstance(v, LayerName) for v in column.values):
            raise Unalike
        known = self.columns.get(column)
        if known is None or (
            known.role in COUNTED and place.role not in COUNTED and not rises(column.values)
        ):
            self.columns[column] = place

    def repeat(self, names: tuple[str, ...], rows: Any, given: Mapping[Column, Any]) -> Repeat:
        body = with_values(self.pattern, given)
        return Repeat(names if names_read(body) & {*names} else (), rows, body)


class Occurrence(NamedTuple):
    """Where a column stands: the role of the value, a word about it, whether it is the first turn's alone."""

    role: str
    word: str = ""
    is_first: bool = False


def word_of(term: Term) -> str:
    """What a term is called: its label, else the block that it uses; "" where that is no word."""
    if not isinstance(term, Call):
        return ""
    label = "".join(part for part in term.label if isinstance(part, str))
    # of conv1 `conv`, of a1 nothing; of the block ConvNorm `conv_norm`
    if re.fullmatch("[a-z]{3,}", label):
        return label
    is_block = isinstance(term.name, str) and find(term.name) is None
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(term.name)).lower() if is_block else ""


def is_first(column: Column, value: Any) -> bool:
    """Whether a choice is between a column in the first turn and another one in later turns."""
    return is_choice(value) and value.operands[1] is column and isinstance(value.operands[2], Column)


def first_differs(turns: Turns) -> Repeat | None:
    """Equal turns, whose labels count, and of which the first may have other values."""
    given: dict[Column, Any] = {}
    # beside a label that rises another may fall: up1, to3; up2, to2; up3, to1 is up{j + 1}, to{3 - j}
    counts = any(place.role == "label" and rises(column.values) for column, place in turns.columns.items())
    for column, (role, *_) in turns.columns.items():
        if role in COUNTED:
            found = counted(turns.index, column.values, counts)
        else:
            found = stepped(turns.index, column.values) if role in CUTS else None
        # of two turns all values are `x if j == 0 else y`: one call is read so, a longer turn is forced
        if found is None and role != "label" and (turns.times > 2 or is_one_call(turns.pattern)):
            found = choice(turns.index, column.values)
        if found is None:
            return None
        given[column] = found
    if sum(map(is_choice, given.values())) > (MOST_CHOICES if turns.times > 2 else 1):
        return None
    return turns.repeat(turns.index.operands, turns.times, given)


def is_choice(value: Any) -> bool:
    return isinstance(value, Formula) and value.operator == "if"


def is_one_call(pattern: Chain) -> bool:
    return len(pattern) == 1 and isinstance(pattern[0], Call)


def counted(index: Formula, numbers: Sequence[Any], may_fall: bool = False) -> Any:
    """The formula of numbers that rise by one step: `j`, `j + 1`, `2 * j + 1`; that fall: `3 - j`."""
    found = affine(index, range(len(numbers)), numbers)
    if found is None or (isinstance(found, Formula) and found.operator == "-" and not may_fall):
        return None
    return found


def stepped(index: Formula, numbers: Sequence[Any]) -> Any:
    """The formula of multiples that follow each other: `26 * j`, `26 * (j + 1)`."""
    if any(type(number) is not int for number in numbers):
        return None
    # 26, 52, 78: factor 26, first 1, so 26 * (j + 1); 10, 36, 62 begin at no multiple of 26
    factor = numbers[1] - numbers[0]
    if factor <= 0 or any(v != numbers[0] + factor * k for k, v in enumerate(numbers)) or numbers[0] % factor:
        return None
    first = numbers[0] // factor
    return Formula("*", (factor, Formula("+", (index, first)) if first else index))


def all_counted(turns: Turns) -> Repeat | None:
    """Turns all of whose numbers count."""
    given = {
        column: stepped(turns.index, column.values) if role in CUTS else counted(turns.index, column.values)
        for column, (role, *_) in turns.columns.items()
    }
    return None if None in given.values() else turns.repeat(turns.index.operands, turns.times, given)


def rises(numbers: Sequence[Any]) -> bool:
    return counted(name("j"), numbers) is not None


def affine(base: Formula, known: Sequence[int], numbers: Sequence[Any]) -> Any:
    """The formula of numbers that are one number times others, and one more; None where they are not."""
    # known 1, 2, 3 and numbers 5, 7, 9: factor = (7 - 5) / (2 - 1) = 2, start = 5 - 2 * 1 = 3, so 2 * k + 3
    if any(type(number) is not int for number in (*known, *numbers)) or known[0] == known[1]:
        return None
    factor, rest = divmod(numbers[1] - numbers[0], known[1] - known[0])
    start = numbers[0] - factor * known[0]
    if rest or not factor or any(v != start + factor * k for k, v in zip(known, numbers, strict=True)):
        return None
    multiple = base if abs(factor) == 1 else Formula("*", (abs(factor), base))
    if factor < 0:
        return Formula("-", (start, multiple))
    # `j + 0` stays: with the `j + 3` of another instance it is `j + index`; `tidy` drops the 0 elsewhere
    return Formula("-", (multiple, -start)) if start < 0 else Formula("+", (multiple, start))


def choice(index: Formula, values: Sequence[Any]) -> Any:
    if not all(same(value, values[1]) for value in values[1:]):
        return None
    return Formula("if", (Formula("==", (index, 0)), values[0], values[1]))


def table(turns: Turns) -> Repeat | None:
    """Turns with a row of values for each."""
    turns = Turns(unwrapped(turns.pattern, True), turns.times)
    simple = first_differs(turns)
    if simple is not None:
        return simple
    found = Table(turns)
    given = {column: found.value(column) for column in sorted(turns.columns, key=found.order)}
    if len(found.chosen) > (MOST_NAMES if turns.times <= MOST_ROWS else 1):
        return None
    # i: (1, 2, 3), width: (64, 128, 256) are the rows [[1, 64], [2, 128], [3, 256]]
    lists = [column.values for column in found.chosen.values()]
    rows = Items(lists[0]) if len(lists) == 1 else Items(Items(row) for row in zip(*lists, strict=True))
    return turns.repeat((*found.chosen,), rows, given)


class Table:
    """Chooses loop names for the columns of turns; `chosen` has the column of each."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.chosen: dict[str, Column] = {}

    def order(self, column: Column) -> int:
        """Labels come first, of these such as count."""
        is_label = self.turns.columns[column].role == "label"
        return (0 if rises(column.values) else 1) if is_label else 2

    def value(self, column: Column) -> Any:
        """A loop name, or a formula of one that there is."""
        place = self.turns.columns[column]
        for own, known in self.chosen.items():
            role = self.turns.columns[known].role
            found = related(name(own), role, known.values, place.role, column.values)
            if found is not None:
                return found
        own = self.free(place)
        self.chosen[own] = column
        return name(own)

    def free(self, place: Occurrence) -> str:
        """A name that says what the values are."""
        wanted = ROLES.get(place.role, place.role)
        words = ["first", f"first_{wanted}"] if place.is_first else [*(LABELS if wanted == "i" else [wanted])]
        # `width`, if that is taken `branch_width`, then width2
        words += [f"{place.word}_{wanted}"] if place.word and wanted != "i" else []
        return unused(words, {*self.chosen, *self.turns.taken})


def related(base: Formula, of: str, known: Sequence[Any], role: str, values: Sequence[Any]) -> Any:
    """Values by others: labels count alike, widths are so many times as large, or a part."""
    if role in COUNTED:
        found = affine(base, known, values) if of in COUNTED else None
        is_product = any(isinstance(each, Formula) and each.operator == "*" for each in parts(found))
        return None if is_product and len(known) == 2 else found  # any two numbers are
    if all(map(same, known, values)) and of == role:
        return base
    if role == "pad" and of in ("kernel", "window"):
        halves = all(type(k) is type(v) is int and v == k // 2 for k, v in zip(known, values, strict=True))
        return Formula("//", (base, 2)) if halves else None
    if not (is_width(role) and is_width(of)):
        return None
    if factor := multiple(values, known):
        return Formula("*", (factor, base)) if factor > 1 else base
    return Formula("//", (base, factor)) if (factor := multiple(known, values)) else None


def is_width(role: str) -> bool:
    # a block's parameter may be called width2
    return role.rstrip("0123456789") in (*WIDTHS, "middle")


# Turns written out


def unwrapped(chain: Chain, in_table: bool = False) -> Chain:
    """The chain without repeats that run once, or, outside tables, twice with labels and a choice."""
    found: list[Term] = []
    for term in chain:
        within = in_table or (isinstance(term, Repeat) and isinstance(term.rows, Items))
        term = rebuild(term, partial(unwrapped, in_table=within))
        if isinstance(term, Repeat) and (term.rows == 1 or (not in_table and is_forced(term))):
            for turn in turns_of(term):
                given = {name(each): value for each, value in turn.items()}
                found += with_values(term.body, given) if given else term.body
        else:
            found.append(term)
    return tuple(found)


def is_forced(term: Repeat) -> bool:
    """Whether two steps with names of their own are written as one."""
    roles = [(role, value) for role, value in values_of(term.body) if names_in(value)]
    has_names = any(role == "label" for role, _ in roles)
    # conv1 stride=1, conv2 stride=2 would be `repeat j in 2 { conv{j + 1}: … stride=(1 if j == 0 else 2) }`
    return term.rows == 2 and has_names and any(is_choice(value) for _, value in roles)


# Values


def with_values(chain: Chain, given: Mapping[Any, Any]) -> Chain:
    """The chain with other values in place of columns or of names."""

    def at(value: Any) -> Any:
        if not isinstance(value, Formula) or value.operator == "name":
            return substitute(value, given)
        made = Formula(value.operator, tuple(map(at, value.operands)))
        # 1 + k is written k + 1, and k + 0 as k
        # only where nothing is filled in, at the end: till then such forms are unified operand by operand
        if value.operator == "+" and not given:  # a number stands behind what it is added to
            other, number = sorted(made.operands, key=lambda operand: isinstance(operand, int))
            return other if same(number, 0) else Formula("+", (other, number))
        if value.operator == "if" and isinstance(made.operands[0], bool):
            return made.operands[1 if made.operands[0] else 2]
        return made if names_in(made) or columns_in(made) else evaluate(made, {})

    return map_values(without_channels(chain), at)


def without_channels(chain: Chain) -> Chain:
    """The chain without channels that differ by the turn."""

    def change(term: Term) -> Term:
        if isinstance(term, Call | Braces) and isinstance(term.channels, Column):
            term = term._replace(channels=0)
        if isinstance(term, Braces) and isinstance(term.leaving, Column):
            term = term._replace(leaving=0)
        return term

    return map_terms(chain, change)
