"""Re-rolling: steps that come again and again become a repeat, with loop names for what changes.

A run of equal turns is rolled up first, its first turn may differ (`2 if j == 0 else 1`); then turns of one
form become a repeat over a table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from cnnspec.importers.patterns.solve import CUTS
from cnnspec.importers.patterns.turns import (
    Turns,
    all_counted,
    first_differs,
    table,
    unwrapped,
    with_values,
)
from cnnspec.importers.patterns.unify import unify
from cnnspec.importers.terms.columns import Unalike
from cnnspec.importers.terms.formulas import Formula, Items, LayerName
from cnnspec.importers.terms.terms import (
    Again,
    Braces,
    Call,
    Chain,
    From,
    Join,
    Label,
    Repeat,
    Term,
    map_terms,
    names_read,
    rebuild,
    turns_of,
    values_of,
    walk,
    weight,
)

LONGEST_PERIOD = 6
FEWEST_PATHS, MOST_LOOP_NAMES = 3, 2


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
    # a stage of one step beside stages that repeat theirs becomes `repeat 1 { … }`: then all are of one form
    if solve is table:
        terms = list(harmonised(tuple(terms)))
    found: list[Term] = []
    place = 0
    while place < len(terms):
        for period, times in worthwhile(terms, place, solve is not table):
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
    """Whether a repeat takes fewer lines than its turns; over two rows, a line fewer for each of its names.

    Two steps that differ are read at a glance, a table of two rows and two names is not.
    """
    written = measure(unwrapped(tuple(term for window in windows for term in window)))
    is_pair = isinstance(made.rows, Items) and len(made.rows) == 2
    saved = written - measure((made,))
    return saved >= (len(made.names) if is_pair else 1)


def worthwhile(terms: list[Term], place: int, exact: bool) -> list[tuple[int, int]]:
    """Periods and times of the turns of one form that begin at a place, those first that save most.

    `exact`: from the second turn on they are equal, but for digits in labels. What repeats within such a turn
    is no turn of this length.
    """
    # widths 64, 64, 128, 128 have one loose form, so a turn may begin anywhere; the strict form tells that
    # 64, 64 is a run of two, which a table of widths takes up later as one row
    loose = [form(term) for term in terms[place:]]
    strict = [form(term, True) for term in terms[place:]] if exact else loose
    found = []
    for period in range(1, min(LONGEST_PERIOD, len(loose) // 2) + 1):
        if loose[:period] != loose[period : 2 * period]:
            continue
        second, times = strict[period : 2 * period], 2
        # a, a, a, a is period 1, four times, and not also period 2, twice
        if is_repeated(second):
            continue
        while strict[times * period : (times + 1) * period] == second:
            times += 1
        # two turns alone might be any two neighbours of a list: strides 9, 4 of 2, 9, 4, 7
        if exact and times == 2 and any(map(are_rows, neighbours(terms, place, period))):
            continue
        # so many words are saved; one alone is worth a repeat only where it is a layer with tensors
        size = weight(tuple(terms[place : place + period]))
        first = terms[place]
        if (times - 1) * size > 1 or (exact and isinstance(first, Call) and first.keyed):
            found.append(((times - 1) * size, -period, times))
    return [(-period, times) for _, period, times in sorted(found, reverse=True)]


def neighbours(terms: list[Term], place: int, period: int) -> Iterator[list[Chain]]:
    """Two turns with the one before, and with the one behind, where that is of their form."""
    for first in (place - period, place):
        # a turn that would begin before the chain is cut short, so it is of no such form
        turns = [tuple(terms[max(0, at) : at + period]) for at in range(first, first + 3 * period, period)]
        if len({tuple(map(form, turn)) for turn in turns}) == 1:
            yield turns


def are_rows(turns: Sequence[Chain]) -> bool:
    """Whether what differs among three turns is another in each: they are rows of a table.

    Strides 2, 9, 4 are; of Block 32 stride=2, Block 32 stride=1, Block 64 stride=2 the first two are a pair.
    """
    columns = zip(*(values_of(turn) for turn in turns), strict=True)
    sizes = {len({value for _, value in column}) for column in columns if column[0][0] != "label"}
    return 3 in sizes and 2 not in sizes


def is_repeated(forms: list[object]) -> bool:
    """Whether a list is a shorter one several times."""
    length = len(forms)
    shorter = (n for n in range(1, length) if length % n == 0)
    return any(forms == forms[:n] * (length // n) for n in shorter)


def form(term: Term, exact: bool = False) -> object:
    """What the turns of a repeat have in common; numbers, unless `exact`, and digits in labels may differ."""
    if isinstance(term, Call):
        kept = tuple(
            # equal turns, too, may count: a slice's ends, the `index` of a block
            (n, None if is_number(v) and not (exact and n not in ("index", *CUTS)) else v)
            for n, v in term.arguments
        )
        return term.name, kept, mask(term.label), term.keyed
    if isinstance(term, Braces):
        return Braces, mask(term.label), tuple(form(inner, exact) for inner in term.body)
    if isinstance(term, Join):
        paths = tuple(tuple(form(inner, exact) for inner in path) for path in term.paths)
        return Join, term.name, term.arguments, term.names, exact and term.rows, paths
    if isinstance(term, From | Again):
        return type(term), tuple(map(mask, term.target)), mask(getattr(term, "label", ()))
    if isinstance(term, Repeat) and not isinstance(term.rows, Items):
        return Repeat, exact and term.rows, tuple(form(inner, exact) for inner in term.body)
    return term


def is_number(value: Any) -> bool:
    """Whether it may be another in each turn: a number, a size, a list of them, a layer's name, a formula."""
    return isinstance(value, int | float | tuple | LayerName)


def mask(label: Label) -> tuple[str, ...]:
    return tuple(part if isinstance(part, str) else "#" for part in label)


def roll(windows: list[Chain], solve: Solve) -> Repeat | None:
    """A repeat of these turns; None where there is none that a person would write."""
    try:
        pattern = unify(windows, strict=True)
        return solve(Turns(pattern, len(windows)))
    except Unalike:
        return None


# Turns of one form


def harmonised(chain: Chain) -> Chain:
    """A step beside a repeat of its like is one, too, that runs once; so in braces."""
    found = list(chain)
    # twice: of A, A, repeat { A } the second is one by the step behind it, and only then the first
    for _ in range(2):
        for place, term in enumerate(found):
            for other in found[max(0, place - 1) : place + 2]:
                found[place] = term = once(term, other)
    return tuple(found)


def with_alike_repeats(chains: Sequence[Chain]) -> list[Chain]:
    """The chains with each repeat of equal steps, and one where others have one and they the step alone."""
    found = [rolled(chain, all_counted, count_steps) for chain in chains]
    # by the labels of the braces around: ((), ("layer", 1)) is within `layer1: { … }`, () outside of all
    models: dict[object, Repeat] = {}

    def collect(chain: Chain, around: object) -> None:
        for term in chain:
            if isinstance(term, Repeat) and len(term.body) == 1:
                models.setdefault(around, term)
            elif isinstance(term, Braces):
                collect(term.body, (around, term.label))

    def lift(chain: Chain, around: object) -> Chain:
        model = models.get(around)
        return tuple(
            term._replace(body=lift(term.body, (around, term.label)))
            if isinstance(term, Braces) and model is None
            else once(term, model)
            for term in chain
        )

    for chain in found:
        collect(chain, ())
    return [lift(chain, ()) for chain in found]


def count_steps(chain: Chain) -> int:
    return sum(isinstance(term, Call) for term in walk(chain))


def once(term: Term, model: Term | None) -> Term:
    """A step as a repeat that runs once, like the model."""
    if isinstance(model, Repeat) and not isinstance(model.rows, Items):
        is_like = len(model.body) == 1 and form(term) == form(model.body[0])
        # a repeat's own names would hide the model's
        hides = isinstance(term, Repeat) and not {*term.names}.isdisjoint(model.names)
        return Repeat(model.names, 1, (first_turn(term, model.body[0]),)) if is_like and not hides else term
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
        # it runs once, so j is 0: beside `j + 1` 5 becomes `j + 5`,
        # beside `1 if j == 0 else 3` it becomes `5 if j == 0 else 3`
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


def with_loops(
    chain: Chain, taken: Collection[str] = (), solve: Solve = table, fewest: int = FEWEST_PATHS
) -> Chain:
    """The chain with paths of one form written once: `concat for pad in [6, 12, 18] { | … }`.

    Where they are some of the paths of a concatenation, or the first that are added, they are one within it.
    `taken` are others' names.
    """

    def change(term: Term) -> Term:
        return loop(term, taken, solve, fewest) if isinstance(term, Join) and not term.names else term

    return map_terms(chain, change)


def with_counted_loops(chains: Sequence[Chain]) -> list[Chain]:
    """The chains with loops over paths whose numbers count; over two, too, where one has them over more."""
    for fewest in (FEWEST_PATHS, 2):
        found = [with_loops(chain, (), all_counted, fewest) for chain in chains]
        with_loop = [any(isinstance(term, Join) and term.names for term in walk(chain)) for chain in found]
        if all(with_loop) or not any(with_loop):
            break
    return found


def loop(join: Join, taken: Collection[str], solve: Solve, fewest: int) -> Join:
    paths: list[Chain] = []
    place = 0
    whole = [*map(with_stop, join.paths)]
    while place < len(join.paths):
        # the longest run first: of 6, 12, 18 all three, not 6, 12
        stops = range(len(join.paths), place + fewest - 1, -1)
        made = next(filter(None, (one_path(whole[place:stop], taken, solve) for stop in stops)), None)
        # a + (b + c) is rounded otherwise than a + b + c: only the first of a sum may be a sum of its own,
        # while a concatenation within one changes nothing
        is_nested = made is not None and len(turns_of(made)) < len(join.paths)
        if made is None or (is_nested and not (join.name == "concat" or (join.name == "add" and not place))):
            paths.append(join.paths[place])
            place += 1
        else:
            paths.append((Join(join.name, (made.body,), made.names, made.rows),))
            place += len(turns_of(made))
    # where one loop has all paths, it is the join itself, not a path of one
    inner = paths[0][0] if len(paths) == 1 < len(join.paths) else None
    return inner if isinstance(inner, Join) else join._replace(paths=tuple(paths))


def with_stop(path: Chain) -> Chain:
    """A path that cuts channels out of a map up to its end says where that is, as the others beside it do."""
    first = path[0] if path else None
    if not isinstance(first, Call) or first.name != "slice" or not first.channels:
        return path
    arguments = ((n, first.channels if n == "stop" and v is None else v) for n, v in first.arguments)
    return (first._replace(arguments=tuple(arguments)), *path[1:])


def one_path(paths: Sequence[Chain], taken: Collection[str], solve: Solve) -> Repeat | None:
    """The path that several are, by the rows of one or two names."""
    if not paths[0] or len({tuple(map(form, path)) for path in paths}) > 1:
        return None
    made = roll([*paths], solve)
    if made is None or not made.names or len(made.names) > MOST_LOOP_NAMES:
        return None
    # a loop's name would hide the parameter that is called so
    return None if {*made.names} & {*taken} else made


def tidy(chain: Chain) -> Chain:
    """The chain without names of repeats that nothing reads, and without sums of 0."""

    def change(term: Term) -> Term:
        if isinstance(term, Repeat) and isinstance(term.rows, int | Formula):
            return term if names_read(term.body) & {*term.names} else term._replace(names=())
        return term

    return map_terms(with_values(chain, {}), change)
