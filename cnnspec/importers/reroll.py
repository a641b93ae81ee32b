"""Re-rolling: steps that come again and again become a repeat, with loop names for what changes.

A run of equal turns is rolled up first, its first turn may differ (`2 if j == 0 else 1`); then turns of one
form become a repeat over a table. `unroll` gives back the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from cnnspec.importers.columns import Column, Unalike, columns_in, same
from cnnspec.importers.formulas import Formula, Items, LayerName, evaluate, name, names_in, substitute
from cnnspec.importers.terms import (
    Again,
    Braces,
    Call,
    Chain,
    From,
    Join,
    Label,
    Repeat,
    Term,
    map_values,
    rebuild,
    values_of,
    walk,
    weight,
)
from cnnspec.importers.unify import unify

LONGEST_PERIOD = 6
MOST_ROWS = 12
MOST_CHOICES = 2
"""So many values of the first turn may differ from the others'."""

COUNTED = ("label", "index")
"""Roles of numbers that rise by the turn."""

LOOPS = ("j", "i", "k", "m", "n")
ROLES = {"count": "width", "units": "width", "window": "kernel", "rows": "depth", "label": "i"}


Measure = Callable[[Chain], int]
"""How many lines a chain is written in."""


def reroll(chain: Chain, measure: Measure = weight, tables: bool = True) -> Chain:
    """The chain with repeats, where these make it shorter. `tables`: also such as have a row a turn."""
    chain = rolled(chain, first_differs, measure)
    if tables:
        chain = unwrapped(rolled(harmonised(chain), table, measure))
    return chain


Solve = Callable[["Turns"], Repeat | None]


def rolled(chain: Chain, solve: Solve, measure: Measure) -> Chain:
    """The chain, and those in it from the inside out, with the repeats that `solve` makes of equal forms."""
    terms = [rebuild(term, lambda inner: rolled(inner, solve, measure)) for term in chain]
    if solve is table:
        terms = list(harmonised(tuple(terms)))
    found: list[Term] = []
    place = 0
    while place < len(terms):
        for period, times in worthwhile(terms, place, solve is first_differs):
            windows = [tuple(terms[place + k * period : place + (k + 1) * period]) for k in range(times)]
            made = roll(windows, solve)
            if made is not None and is_shorter(made, windows, measure):
                found.append(made)
                place += period * times
                break
        else:
            found.append(terms[place])
            place += 1
    return tuple(found)


def is_shorter(made: Repeat, windows: list[Chain], measure: Measure) -> bool:
    """Whether a repeat takes fewer lines than its turns; as many where a table may follow from it."""
    written = measure(unwrapped(tuple(term for window in windows for term in window)))
    return measure((made,)) < written


def worthwhile(terms: list[Term], place: int, exact: bool) -> list[tuple[int, int]]:
    """Periods and times of the turns of one form that begin at a place, those first that save most.

    `exact`: from the second turn on they are equal, but for digits in labels.
    """
    loose = [form(term) for term in terms[place:]]
    strict = [form(term, True) for term in terms[place:]] if exact else loose
    found = []
    for period in range(1, min(LONGEST_PERIOD, len(loose) // 2) + 1):
        if loose[:period] != loose[period : 2 * period]:
            continue
        second, times = strict[period : 2 * period], 2
        while strict[times * period : (times + 1) * period] == second:
            times += 1
        size = weight(tuple(terms[place : place + period]))
        first = terms[place]
        if (times - 1) * size > 1 or (exact and isinstance(first, Call) and first.keyed):
            found.append(((times - 1) * size, -period, times))
    return [(-period, times) for _, period, times in sorted(found, reverse=True)]


def form(term: Term, exact: bool = False) -> object:
    """What the turns of a repeat have in common; numbers, unless `exact`, and digits in labels may differ."""
    if isinstance(term, Call):
        kept = tuple(
            (n, None if is_number(v) and not (exact and n != "index") else v) for n, v in term.arguments
        )
        return term.name, kept, mask(term.label), term.keyed
    if isinstance(term, Braces):
        return Braces, mask(term.label), tuple(form(inner, exact) for inner in term.body)
    if isinstance(term, Join):
        return Join, term.name, tuple(tuple(form(inner, exact) for inner in path) for path in term.paths)
    if isinstance(term, From | Again):
        return type(term), tuple(map(mask, term.target)), mask(getattr(term, "label", ()))
    if isinstance(term, Repeat) and not isinstance(term.rows, Items):
        return Repeat, exact and term.rows, tuple(form(inner, exact) for inner in term.body)
    return term


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Formula | LayerName) or (
        isinstance(value, tuple) and not isinstance(value, Items)
    )


def mask(label: Label) -> tuple[str, ...]:
    return tuple(part if isinstance(part, str) else "#" for part in label)


def roll(windows: list[Chain], solve: Solve) -> Repeat | None:
    """A repeat of these turns; None where there is none that a person would write."""
    try:
        pattern = unify(windows, strict=True)
        return solve(Turns(pattern, len(windows)))
    except Unalike:
        return None


class Turns:
    """A pattern of turns, its columns by role, and the names that its formulas have already."""

    def __init__(self, pattern: Chain, times: int) -> None:
        self.pattern, self.times = pattern, times
        self.columns: dict[Column, str] = {}
        taken: set[str] = set()
        for role, value in values_of(pattern):
            taken |= names_in(value)
            for column in columns_in(value):
                if any(
                    isinstance(each, Formula | str) and not isinstance(each, LayerName)
                    for each in column.values
                ):
                    raise Unalike
                self.columns.setdefault(column, role)
        self.taken = taken | {n for term in walk(pattern) if isinstance(term, Repeat) for n in term.names}
        self.index = name(next(loop for loop in LOOPS if loop not in self.taken))

    def repeat(self, names: tuple[str, ...], rows: Any, given: Mapping[Column, Any]) -> Repeat:
        body = with_values(self.pattern, given)
        used = {each for _, value in values_of(body) for each in names_in(value)}
        return Repeat(names if used & {*names} else (), rows, body)


def first_differs(turns: Turns) -> Repeat | None:
    """Equal turns, whose labels count, and of which the first may have other values."""
    given: dict[Column, Any] = {}
    for column, role in turns.columns.items():
        found = counted(turns.index, column.values) if role in COUNTED else None
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


def counted(index: Formula, numbers: Sequence[Any]) -> Any:
    """The formula of numbers that rise by one step: `j`, `j + 1`, `2 * j + 1`."""
    if any(type(number) is not int for number in numbers):
        return None
    start, step = numbers[0], numbers[1] - numbers[0]
    if step < 1 or any(number != start + step * turn for turn, number in enumerate(numbers)):
        return None
    return Formula("+", (index if step == 1 else Formula("*", (step, index)), start))


def choice(index: Formula, values: Sequence[Any]) -> Any:
    if not all(same(value, values[1]) for value in values[1:]):
        return None
    return Formula("if", (Formula("==", (index, 0)), values[0], values[1]))


def table(turns: Turns) -> Repeat | None:
    """Turns with a row of values for each."""
    simple = first_differs(turns)
    if simple is not None:
        return simple
    columns = turns.columns
    given: dict[Column, Any] = {}
    chosen: dict[str, tuple[str, tuple[Any, ...]]] = {}
    labels = [column for column, role in columns.items() if role == "label"]
    for column in [*labels, *(column for column in columns if column not in labels)]:
        given[column] = variable(column.values, columns[column], chosen, turns)
    if turns.times > MOST_ROWS or len(chosen) > 8:
        return None
    lists = [values for _, values in chosen.values()]
    rows = Items(lists[0]) if len(lists) == 1 else Items(Items(row) for row in zip(*lists, strict=True))
    return turns.repeat(tuple(chosen), rows, given)


def variable(
    values: tuple[Any, ...], role: str, chosen: dict[str, tuple[str, tuple[Any, ...]]], turns: Turns
) -> Any:
    """A loop name for values, or a multiple of one that there is."""
    alone = role in ("label", "index", "rows")
    for known, (of, others) in chosen.items():
        if all(map(same, values, others)) and (of == role or not alone):
            return name(known)
        factor = multiple(values, others)
        if factor and not alone and of not in ("label", "index", "rows"):
            return Formula("*", (factor, name(known)))
    wanted = ROLES.get(role, role)
    taken = {*chosen, *turns.taken}
    own = next(n for k in count(1) if (n := wanted if k == 1 else f"{wanted}{k}") not in taken)
    chosen[own] = (role, values)
    return name(own)


def multiple(values: tuple[Any, ...], others: tuple[Any, ...]) -> int:
    """The factor above 1 by which all values are larger than the others; 0 where there is none."""
    if not all(type(value) is int and value > 0 for value in (*values, *others)):
        return 0
    factor = values[0] // others[0]
    return factor if factor > 1 and all(v == factor * o for v, o in zip(values, others, strict=True)) else 0


# Turns of one form


def harmonised(chain: Chain) -> Chain:
    """A step beside a repeat of its like is one, too, that runs once; so in braces."""
    found = list(chain)
    for _ in range(2):
        for place, term in enumerate(found):
            for other in found[max(0, place - 1) : place + 2]:
                found[place] = term = once(term, other)
    return tuple(found)


def once(term: Term, model: Term) -> Term:
    """A step as a repeat that runs once, like the model."""
    if isinstance(model, Repeat) and not isinstance(model.rows, Items):
        is_like = len(model.body) == 1 and form(term) == form(model.body[0])
        return Repeat(model.names, 1, (first_turn(term, model.body[0]),)) if is_like else term
    if not isinstance(term, Braces) or not isinstance(model, Braces) or len(term.body) != len(model.body):
        return term
    if mask(term.label) != mask(model.label):
        return term
    return term._replace(body=tuple(map(once, term.body, model.body)))


def first_turn(term: Term, model: Term) -> Term:
    """A step with formulas that come to its values in the first turn, and else are those of the model."""

    def alike(value: Any, formula: Any) -> Any:
        if not isinstance(formula, Formula) or isinstance(value, Formula):
            return value
        if formula.operator == "if":
            return formula._replace(operands=(formula.operands[0], value, formula.operands[2]))
        if formula.operator == "+" and type(value) is int:
            return formula._replace(operands=(formula.operands[0], value))
        return value

    if not isinstance(term, Call | Braces) or not isinstance(model, Call | Braces):
        return term
    label = tuple(alike(own, other) for own, other in zip(term.label, model.label, strict=True))
    if isinstance(term, Call) and isinstance(model, Call):
        given = dict(model.arguments)
        return term._replace(label=label, arguments=tuple((n, alike(v, given[n])) for n, v in term.arguments))
    return term._replace(label=label)


def unwrapped(chain: Chain, in_table: bool = False) -> Chain:
    """The chain without repeats that run once, or, outside tables, twice with labels and a choice."""
    found: list[Term] = []
    for term in chain:
        within = in_table or (isinstance(term, Repeat) and isinstance(term.rows, Items))
        term = rebuild(term, partial(unwrapped, in_table=within))
        if isinstance(term, Repeat) and (term.rows == 1 or (not in_table and is_forced(term))):
            for turn in turn_values(term):
                found += with_values(term.body, turn) if turn else term.body
        else:
            found.append(term)
    return tuple(found)


def is_forced(term: Repeat) -> bool:
    """Whether two steps with names of their own are written as one."""
    roles = [(role, value) for role, value in values_of(term.body) if names_in(value)]
    has_names = any(role == "label" for role, _ in roles)
    return term.rows == 2 and has_names and any(is_choice(value) for _, value in roles)


def tidy(chain: Chain) -> Chain:
    """The chain without names of repeats that nothing reads, and without sums of 0."""

    def change(term: Term) -> Term:
        term = rebuild(term, tidy)
        if isinstance(term, Repeat) and isinstance(term.rows, int | Formula):
            read = {each for _, value in values_of(term.body) for each in names_in(value)}
            return term if read & {*term.names} else term._replace(names=())
        return term

    return tuple(map(change, with_values(chain, {})))


# Values


def with_values(chain: Chain, given: Mapping[Any, Any]) -> Chain:
    """The chain with other values in place of columns, or, by their names, of names."""

    def at(value: Any) -> Any:
        if isinstance(value, Column):
            return given.get(value, value)
        if not isinstance(value, Formula):
            return value
        if value.operator == "name":
            return substitute(value, given)
        made = Formula(value.operator, tuple(map(at, value.operands)))
        if value.operator == "+" and same(made.operands[1], 0) and not given:
            return made.operands[0]
        return made if names_in(made) or columns_in(made) else evaluate(made, {})

    return map_values(without_channels(chain), at)


def without_channels(chain: Chain) -> Chain:
    """The chain without channels that differ by the turn."""

    def change(term: Term) -> Term:
        term = rebuild(term, without_channels)
        if isinstance(term, Call | Braces) and isinstance(term.channels, Column):
            term = term._replace(channels=0)
        if isinstance(term, Braces) and isinstance(term.leaving, Column):
            term = term._replace(leaving=0)
        return term

    return tuple(map(change, chain))


def unroll(chain: Chain) -> Chain:
    """The chain without repeats: each turn written out."""
    found: list[Term] = []
    for term in chain:
        if isinstance(term, Repeat):
            for turn in turn_values(term):
                found += unroll(with_values(term.body, turn))
        else:
            found.append(rebuild(term, unroll))
    return tuple(found)


def turn_values(term: Repeat) -> list[dict[str, Any]]:
    if isinstance(term.rows, int):
        return [dict.fromkeys(term.names, turn) for turn in range(term.rows)]
    if len(term.names) == 1:
        return [{term.names[0]: value} for value in term.rows]
    return [dict(zip(term.names, row, strict=True)) for row in term.rows]
