"""Columns to formulas: what differs among the instances of a block becomes its parameters.

A column is solved by the first that fits of: one value; a formula of a parameter or of the channels that
arrive, in forms that people write; a new parameter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from itertools import combinations
from typing import Any, NamedTuple

from cnnspec.importers.terms.columns import ABSENT, Column, Unalike, same
from cnnspec.importers.terms.formulas import Formula, LayerName, evaluate, name, names_in
from cnnspec.importers.wording.free_names import unused

CUTS = ("start", "stop")
"""Roles of the channels at which a map is cut."""
WIDTHS = ("count", "units", "groups", "channels", "multiplier", "width", "out", "hidden", "squeeze", *CUTS)
"""Roles of numbers of channels, which are computed from each other."""

NAMES = {
    "count": "width",
    "units": "width",
    "window": "kernel",
    "rows": "depth",
    "start": "width",
    "stop": "width",
}
"""What a parameter is called, by the argument that it is for; others as the argument."""

RELATED = {"pad": ("dilation", "kernel"), "dilation": ("pad",), "kernel": ("window",), "factor": ("stride",)}
"""Roles whose parameters a column of this role may be computed from, besides its own."""

IDLE = {**dict.fromkeys(WIDTHS, 0), "groups": 1, "stride": 1, "dilation": 1, "paths": 1}
"""The values of parameters where the step that they are for is not there."""

# `in.channels` is what arrives where it stands; `full = in.channels` at a block's head is what enters it
ARRIVING = name("in.channels")
FULL = name("full")
FACTORS = (2, 3, 4, 6, 8, 16)
MOST_PARAMETERS = 12


MOST_SHARES = 16
SHARES = [
    Formula("//", (Formula("*", (share, ARRIVING)) if share > 1 else ARRIVING, parts))
    for parts in range(2, MOST_SHARES + 1)
    for share in range(1, parts)
]
"""Some of the equal parts that all channels are cut into."""


class Slot(NamedTuple):
    """A column in its place: the role of the value, the channels that arrive there, words near it."""

    column: Column
    role: str
    channels: Any = 0
    words: str = ""
    first: bool = False  # the block's own input arrives there
    behind: Any = 0  # the channels behind the `if` that it stands in


class BlockParameter(NamedTuple):
    name: str
    role: str
    values: tuple[Any, ...]  # one for each instance
    default: Any = ...


class Solver:
    """Solves the columns of one pattern, which stand in `slots`.

    `entries` and `leaving` are the channels of each instance.
    """

    def __init__(self, entries: Sequence[int], leaving: Sequence[int], slots: Sequence[Slot]) -> None:
        self.entries, self.leaving, self.slots = tuple(entries), tuple(leaving), slots
        self.parameters: list[BlockParameter] = []
        self.constants: dict[str, tuple[Formula, tuple[int, ...]]] = {}
        self.known: dict[Slot, Any] = {}

    # Values

    def value(self, slot: Slot) -> Any:
        """A value or a formula for a column. Raises Unalike where too many parameters would be needed."""
        # what stands near or behind tells no columns apart: equal ones have one value
        plain = slot._replace(words="", behind=0)
        if plain not in self.known:
            found = self.fit(slot)
            # branches make 16 as `conv 16` or as a block of width 8: first the 16 behind them, then its half
            if found is None and slot.role in WIDTHS and is_part_of(slot.column, slot.behind):
                self.value(Slot(slot.behind, slot.role))
                found = self.fit(slot)
            self.known[plain] = found if found is not None else self.invent(slot)
        return self.known[plain]

    def fit(self, slot: Slot) -> Any:
        places = slot.column.present
        values = [slot.column.values[place] for place in places]
        if all(same(value, values[0]) for value in values):
            return values[0]
        if any(isinstance(value, Formula) for value in values):
            raise Unalike
        names = self.names(slot)
        rows = [{name_: column[place] for name_, column in names.items()} for place in places]
        for formula in self.candidates(slot):
            if all(same(exact(formula, row, slot.role), v) for row, v in zip(rows, values, strict=True)):
                return self.optional_expansion(formula, places) or formula
        return None

    def names(self, slot: Slot) -> dict[str, Sequence[Any]]:
        """The values of the names that a formula at a slot may have, by instance."""
        found: dict[str, Sequence[Any]] = {parameter.name: parameter.values for parameter in self.parameters}
        found |= {constant: values for constant, (_, values) in self.constants.items()}
        return found | {
            FULL.operands[0]: self.entries,
            ARRIVING.operands[0]: self.local(slot) or self.entries,
        }

    def general(self, role: str, value: Any, places: Sequence[int]) -> Any:
        """The block's stride, where it is that one number in the instances that have a step."""
        # where shortcuts with a convolution are those of strided blocks, their 2 is `stride=stride`, too
        for parameter in self.parameters if role == "stride" and value != 1 else ():
            if parameter.role == role and places and all(parameter.values[p] == value for p in places):
                return name(parameter.name)
        return value

    def optional_expansion(self, formula: Any, places: list[int]) -> Any:
        """Where only some instances expand the channels that arrive, the others expand them by 1."""
        is_multiple = formula.operator == "*" and formula.operands[1] in (ARRIVING, FULL)
        if len(places) == len(self.entries) or not is_multiple or type(formula.operands[0]) is not int:
            return None
        # widths absent, 96, 144 of 32, 16, 24 channels: 6 * in.channels where it is, so expand is 1, 6, 6
        ratio = tuple(formula.operands[0] if place in places else 1 for place in range(len(self.entries)))
        return Formula("*", (name(self.parameter("expand", "expand", ratio).name), formula.operands[1]))

    def candidates(self, slot: Slot) -> Iterator[Formula]:
        """Formulas that people write for a value of this role, the simplest first."""
        own = [p for p in self.parameters if related(slot.role, p.role)]
        # a pad as large as the kernel is so by chance: its half is what people write
        yield from (name(p.name) for p in own if not (slot.role == "pad" and p.role == "kernel"))
        if not all(type(slot.column.values[place]) is int for place in slot.column.present):
            return
        numbers = [p for p in own if all(type(value) is int for value in p.values)]
        if slot.role == "pad":
            yield from (Formula("//", (name(p.name), 2)) for p in numbers if p.role == "kernel")
        if slot.role in WIDTHS:
            yield from self.widths(slot, [name(p.name) for p in numbers])

    def widths(self, slot: Slot, own: list[Formula]) -> Iterator[Formula]:
        """Widths by others: equal, so many times, a part, a product, rounded as the MobileNets do."""
        local = self.local(slot)
        bases = [*own, *map(name, self.constants)]
        bases += [ARRIVING] if local is not None else []
        bases += [FULL] if local != self.entries else []
        if slot.role in CUTS and local is not None:
            counts = [name(parameter.name) for parameter in self.parameters if parameter.role == "paths"]
            yield from (Formula("//", (ARRIVING, count)) for count in counts)
            yield from SHARES
        # the simplest to read comes first: where `width` is 32, 64, a count of 64, 128 is `2 * width`, though
        # a product of two names may be as much
        yield from bases
        yield from (Formula("*", (factor, base)) for base in bases for factor in FACTORS)
        yield from (Formula("//", (base, factor)) for base in bases for factor in FACTORS)
        yield from (Formula("*", pair) for pair in combinations(bases, 2))
        # the squeeze of MobileNetV3's gates: divisible(hidden // 4, 8)
        for base in bases:
            yield Formula("divisible", (Formula("//", (base, 4)), 8))
            yield Formula("divisible", (base, 8))

    def local(self, slot: Slot) -> tuple[Any, ...] | None:
        """The channels that arrive at a slot, by instance."""
        if isinstance(slot.channels, Column):
            return slot.channels.values
        return (
            (slot.channels,) * len(self.entries) if isinstance(slot.channels, int) and slot.channels else None
        )

    # Parameters

    def invent(self, slot: Slot) -> Any:
        """A new parameter, or an expansion of the channels that arrive at the block where that is simpler."""
        values = self.filled(slot)
        if slot.role in WIDTHS and (ratio := self.expansion(slot.column)) is not None:
            parameter = self.parameter("expand", "expand", ratio)
            hidden = self.free(("hidden",))
            formula = Formula("*", (ARRIVING, name(parameter.name)))
            self.constants[hidden] = (formula, tuple(e * r for e, r in zip(self.entries, ratio, strict=True)))
            return name(hidden)
        return name(self.parameter(self.wanted(slot, values), slot.role, values).name)

    def wanted(self, slot: Slot, values: tuple[Any, ...]) -> str:
        """What a parameter for a slot is called, if that is free."""
        if slot.role == "count" and slot.words:
            return slot.words
        if slot.role in WIDTHS and (slot.role == "out" or values == self.leaving):
            has_out = any(parameter.name == "out" for parameter in self.parameters)
            return "out" if values == self.leaving else "hidden" if has_out else "width"
        if slot.role == "name":
            return "act" if all(isinstance(value, LayerName) for value in values) else "unit"
        if slot.role == "test":
            return slot.words or "flag"
        return NAMES.get(slot.role, slot.role)

    def parameter(self, wanted: str, role: str, values: tuple[Any, ...]) -> BlockParameter:
        if len(self.parameters) >= MOST_PARAMETERS:
            raise Unalike
        others = ("hidden", "middle") if role in WIDTHS else ()
        made = BlockParameter(self.free((wanted, *others)), role, values)
        self.parameters.append(made)
        return made

    def free(self, wanted: Sequence[str]) -> str:
        taken = {parameter.name for parameter in self.parameters} | {*self.constants, FULL.operands[0]}
        return unused(wanted, taken)

    def filled(self, slot: Slot) -> tuple[Any, ...]:
        """The values; where there is no step the number that stands for none, else the commonest."""
        # a width of 0 says that its step is not there: it is no other step's
        column = slot.column if slot.role in WIDTHS else self.joined(slot)
        if slot.role == "index" and all(type(column.values[place]) is int for place in column.present):
            return tuple(counted_on(column.values))
        values = [column.values[place] for place in column.present]
        idle = IDLE.get(slot.role, commonest(values))
        return tuple(idle if value is ABSENT else value for value in column.values)

    def joined(self, slot: Slot) -> Column:
        """The column with the values of others of its role where it has none, which agree where both have."""
        values = slot.column.values
        # (1, absent) and (absent, 2) are (1, 2): one of two steps that exclude each other has the stride
        for other in self.slots:
            pairs = [*zip(values, other.column.values, strict=True)]
            if other.role == slot.role and all(ABSENT in (a, b) or same(a, b) for a, b in pairs):
                values = tuple(b if a is ABSENT else a for a, b in pairs)
        return Column(values)

    def expansion(self, column: Column) -> tuple[int, ...] | None:
        """The ratio of a width to the channels that enter the block, where it takes few values."""
        if column.values == self.leaving:
            return None
        pairs = [(column.values[place], self.entries[place]) for place in column.present]
        if any(type(value) is not int or value % entry for value, entry in pairs):
            return None
        ratios = [value // entry for value, entry in pairs]
        # widths 96, 144, 192, 240 of 16, 24, 32, 40 channels are one ratio of 6; few widths are read better
        if len({*ratios}) > 3 or len({value for value, _ in pairs}) <= max(3, len({*ratios})):
            return None
        rest = dict(zip(column.present, ratios, strict=True))
        return tuple(rest.get(place, 1) for place in range(len(self.entries)))

    # Conditions

    def test(self, slot: Slot, used: Set[str] = frozenset()) -> Any:
        """A condition of the forms that people write, of names that are `used` if it can be; else a flag."""
        places = slot.column.present
        values = [slot.column.values[place] for place in places]
        if all(value == values[0] for value in values):
            return values[0]
        indices = {parameter.name for parameter in self.parameters if parameter.role == "index"}
        atoms = [(formula, [each[place] for place in places]) for formula, each in self.atoms(slot, used)]
        # of conditions that fit alike the one that speaks of what its steps use: `squeeze != 0` about a gate
        atoms.sort(key=lambda atom: names_in(atom[0]).isdisjoint(used - indices))
        for formula, each in atoms:
            if each == values:
                return formula
        # `stride != 1 or in.channels != out`, as residual blocks are written; three atoms are overfitted
        for (one, first), (two, second) in combinations(atoms, 2):
            pairs = list(zip(first, second, strict=True))
            if [a or b for a, b in pairs] == values:
                return Formula("or", (one, two))
            if [a and b for a, b in pairs] == values:
                return Formula("and", (one, two))
        return self.value(slot)

    def atoms(self, slot: Slot, used: Collection[str]) -> Iterator[tuple[Formula, list[bool]]]:
        """Conditions of one comparison: of channels that stay, a flag, a stride or an expansion of 1.

        Channels that do not leave, and 0 channels, are told apart only by steps that use them.
        """
        entry = ARRIVING if slot.first else FULL
        widths = [p for p in self.parameters if p.role in WIDTHS and all(type(v) is int for v in p.values)]
        outputs = [name(p.name) for p in widths if p.values == self.leaving]
        for base in (*outputs, *self.computed_outputs()):
            yield from comparisons(entry, base, self.equal_entries(self.leaving))
        for parameter in self.parameters:
            this = name(parameter.name)
            if all(isinstance(value, bool) for value in parameter.values):
                yield this, [*parameter.values]
                yield Formula("not", (this,)), [not value for value in parameter.values]
            elif parameter.role in ("index", "expand", *IDLE):
                idle = IDLE.get(parameter.role, int(parameter.role == "expand"))
                if idle or parameter.role == "index" or parameter.name in used:
                    yield from comparisons(this, idle, [value == idle for value in parameter.values])
        for parameter in widths:
            if parameter.values != self.leaving and (parameter.name in used or slot.words == "residual"):
                yield from comparisons(entry, name(parameter.name), self.equal_entries(parameter.values))

    def equal_entries(self, values: Sequence[Any]) -> list[bool]:
        return [a == b for a, b in zip(self.entries, values, strict=True)]

    def computed_outputs(self) -> Iterator[Formula]:
        """What is computed for the channels that leave."""
        for slot, formula in self.known.items():
            computed = isinstance(formula, Formula) and formula.operator != "name"
            if computed and slot.role in WIDTHS and slot.column.values == self.leaving:
                yield formula


def exact(formula: Formula, names: Mapping[str, Any], role: str) -> Any:
    """The value of a formula; `ABSENT` where a width would be a part of another that leaves a rest."""
    if formula.operator == "//" and role in WIDTHS:
        # 25 // 2 is 12, but a half that leaves a rest is none that a person would write
        whole, parts = (evaluate(operand, names) for operand in formula.operands)
        return ABSENT if whole % parts else whole // parts
    return evaluate(formula, names)


def comparisons(one: Formula, two: Any, equal: list[bool]) -> Iterator[tuple[Formula, list[bool]]]:
    yield Formula("!=", (one, two)), [not each for each in equal]
    yield Formula("==", (one, two)), equal


def is_part_of(column: Column, whole: Any) -> bool:
    """Whether widths are as many times the channels behind them, which all instances have, but not these."""
    if not isinstance(whole, Column) or ABSENT in whole.values or whole == column:
        return False
    own, others = ([each.values[place] for place in column.present] for each in (column, whole))
    return bool(multiple(own, others) or multiple(others, own))


def multiple(values: Sequence[Any], others: Sequence[Any]) -> int:
    """The factor by which all values are larger than the others; 0 where there is none."""
    if not all(type(value) is int and value > 0 for value in (*values, *others)):
        return 0
    factor: int = values[0] // others[0]
    return factor if all(v == factor * o for v, o in zip(values, others, strict=True)) else 0


def related(role: str, other: str) -> bool:
    if role in WIDTHS:
        return other in WIDTHS
    return role == other or other in RELATED.get(role, ())


def counted_on(numbers: Sequence[Any]) -> Iterator[int]:
    """Numbers, those that are absent counted back from the next one, else on from the last one."""
    present = {place: number for place, number in enumerate(numbers) if number is not ABSENT}
    # (absent, absent, 4, absent, 7) is counted as (2, 3, 4, 6, 7): one number a turn for a repeat
    for place in range(len(numbers)):
        known = min((p for p in present if p >= place), default=max(present))
        yield present[known] + place - known


def commonest(values: Sequence[Any]) -> Any:
    """The value that comes most often, the first of several."""
    # True == 1 in Python: a flag is not counted as a number
    counts = Counter((type(value), value) for value in values)
    return max(values, key=lambda value: counts[type(value), value])
