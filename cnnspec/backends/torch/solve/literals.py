"""Values as Python: their text, the types of parameters that take them, and layers by their classes."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from cnnspec.backends.torch.solve.solutions import Phrase, Solution
from cnnspec.backends.torch.unify.columns import ByRow
from cnnspec.elaborate.special_values import LayerName
from cnnspec.layers import find
from cnnspec.values.kinds import is_integer

LONGEST_DECIMAL = 10  # characters of a number that nobody asks where it comes from
LARGEST_WHOLE = 1000
LEAST_SUMMARISED = 12  # numbers of a list that a rule says sooner than they


class ClassName(str):
    """A class of the emitted program as a value: a layer that is an argument of a block."""


class Share(float):
    """`unit * number / whole`: a number of which its column shows how it was computed."""

    unit: float
    number: int
    whole: int

    def __new__(cls, unit: float, number: int, whole: int) -> Share:
        made = super().__new__(cls, unit * number / whole)
        made.unit, made.number, made.whole = unit, number, whole
        return made

    def says(self, number: Solution) -> Phrase:
        """The same share of another number."""
        return Phrase((f"{self.unit!r} * ", number, f" / {self.whole}" if self.whole > 1 else ""))


def literal(value: Any) -> str:
    """A checked value as Python text: nothing else of a specification ever becomes code."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, int):
        return repr(int(value))
    if isinstance(value, Share):
        return "".join(map(str, value.says(str(value.number)).parts)) if value else "0.0"
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, ClassName):
        return str(value)
    if isinstance(value, str):
        return '"' + value.encode("unicode_escape").decode("ascii").replace('"', '\\"') + '"'
    raise TypeError(type(value))


def decimal(value: float) -> str:
    """The shortest of `0.1`, `1 / 17` and `1 - 0.9997` that is exactly this number."""
    if value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    # 0.058823529411764705 is 1 / 17, 0.00029999999999996696 is 1 - 0.9997
    ratio, rest = Fraction(value).limit_denominator(1000), 1 - value
    forms = {repr(value): value, f"{ratio.numerator} / {ratio.denominator}": float(ratio)}
    if 0 < value < 1:
        forms[f"1 - {rest!r}"] = 1 - rest
    # 1 / 3 is right for 0.3333333333333333, not for 0.3333
    exact = [text for text, number in forms.items() if number == value]
    return exact[0] if len(exact[0]) <= LONGEST_DECIMAL else min(exact, key=len)


def shares(column: ByRow) -> ByRow:
    """The column as multiples of one share, such as `0.2 * 3 / 23`, if no shorter numbers say it."""
    values = [*column.values()]
    if {*map(type, values)} != {float} or max(len(repr(value)) for value in values) <= LONGEST_DECIMAL:
        return column
    # any two numbers are shares of something: 1 / 3 and 0.5 are 0.5 * 2 / 3 and 0.5 * 3 / 3
    if len({*values}) < 3:
        return column
    # of 0, 0.2 / 23, 0.4 / 23, … the smallest gap is the share: 0.2 * 1 / 23
    step = min(b - a for a, b in pairwise(sorted({0.0, *values})))
    # `not <` also turns down infinity, where inf / inf is nan
    if not max(map(abs, values)) / step < LARGEST_WHOLE:
        return column
    for whole in range(1, LARGEST_WHOLE):
        # three digits, which an author may have written: whole = 23 gives 0.2
        unit = float(f"{step * whole:.3g}")
        found = {row: Share(unit, round(value / step), whole) for row, value in column.items()}
        if found == column:
            return found
    return column


def summary(values: Any) -> str:
    """`[0] * 64` and `list(range(0, 64, 2))` for a list too long to be read number by number; else ""."""
    if not isinstance(values, list) or len(values) < LEAST_SUMMARISED or {*map(type, values)} != {int}:
        return ""
    step, (start, *_) = values[1] - values[0], values
    if any(b - a != step for a, b in pairwise(values)):
        return ""
    if step == 0:
        return f"[{start}] * {len(values)}"
    steps = f", {step}" if step != 1 else ""
    return f"list(range({start}, {start + step * len(values)}{steps}))"


def as_class(value: Any) -> Any:
    """A layer by name as its class in PyTorch, None where it does nothing; other values as they are."""
    if not isinstance(value, LayerName):
        return value
    layer = find(value.name)
    if layer is None or value.name == "identity":
        return None
    return ClassName(layer.torch_class) if layer.torch_class else value


def annotation(values: list[Any]) -> str:
    """The type of a parameter that takes these values."""
    sizes = {len(value) if isinstance(value, tuple) else 0 for value in values}
    if len(sizes) > 1 and all(isinstance(value, tuple) and all(map(is_integer, value)) for value in values):
        return "tuple[int, ...]"
    # None last: int | None
    return " | ".join(dict.fromkeys(map(kind_of, sorted(values, key=lambda value: value is None))))


def kind_of(value: Any) -> str:
    """The type of a value."""
    if isinstance(value, ClassName):
        return "type[nn.Module]"
    if isinstance(value, tuple):
        return f"tuple[{', '.join(map(kind_of, value)) or '()'}]"
    if isinstance(value, list):
        return f"list[{annotation(value)}]"
    if value is None:
        return "None"
    return "int" if is_integer(value) else "float" if isinstance(value, float) else type(value).__name__
