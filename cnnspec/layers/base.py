"""What a layer is: a small declaration of its arguments, and methods that are its meaning.

Layers know shapes and numbers, no text and no places. What does not fit they raise as Misfit, which
names the argument at fault; the elaborator finds its place in the file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

from cnnspec.shapes import Shape

LARGEST_INTEGER = 2**31 - 1


class Misfit(Exception):
    """Why a layer cannot be, or cannot take what arrives.

    `argument` names the argument at fault (None: the layer as a whole); `formula` is shown once with its numbers.
    """

    def __init__(self, code: str, message: str, argument: str | None = None, formula: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.argument, self.formula = code, message, argument, formula


class Filter(NamedTuple):
    """`64@3x3`: so many filters, each of so many rows and columns."""

    count: int
    kernel: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.count}@{self.kernel[0]}x{self.kernel[1]}"


class Argument(NamedTuple):
    """One argument of a layer: its kind, its default, and the range that it keeps to.

    Kinds: `count` a width, an int of at least `low` that may stay symbolic; `int`; `size` height and
    width; `filter`; `pad`; `flag`; `float`; `word` one of `choices`; `list` of ints; `numbers` a list
    of numbers, nested or not; `text`.
    """

    kind: str
    default: Any = ...  # ...: the argument has to be given
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    doc: str = ""

    @property
    def required(self) -> bool:
        return self.default is ...


class Weight(NamedTuple):
    """A tensor of a layer, named and laid out as PyTorch does."""

    name: str  # "": the tensor bears the step's own name
    shape: tuple[int, ...]
    trained: bool = True  # False: a buffer

    @property
    def elements(self) -> int:
        return math.prod(self.shape)


class Call(NamedTuple):
    """A constructor call of the emitted code, as data: a torch class or a helper, and its arguments.

    Arguments are numbers, strings, booleans, None, tuples and lists of them, or further Calls.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 - never changed


class Layer:
    """A layer with all its arguments checked; every subclass is one layer of the language.

    Construct it with the arguments that differ from their defaults; raises Misfit.
    """

    name: ClassVar[str]
    summary: ClassVar[str]  # one line for the reference
    formula: ClassVar[str] = ""  # of the output's shape
    example: ClassVar[str]  # one line of the language
    positional: ClassVar[tuple[str, ...]] = ()
    arguments: ClassVar[dict[str, Argument]] = {}
    torch_class: ClassVar[str] = ""  # the torch.nn class of the same meaning, if there is one
    is_join: ClassVar[bool] = False

    def __init__(self, **given: Any) -> None:
        for name in given:
            if name not in self.arguments:
                raise Misfit("E0301", f"`{self.name}` has no argument `{name}`", name)
        for name, argument in self.arguments.items():
            if name in given:
                setattr(self, name, convert(name, argument, given[name]))
            elif argument.required:
                raise Misfit("E0302", f"`{self.name}` needs `{name}`", None)
            else:
                setattr(self, name, argument.default)
        self.settle()

    def settle(self) -> None:
        """Fill defaults that depend on other arguments, and check arguments against each other."""

    def output(self, x: Shape) -> Shape:
        """The shape of one image's output. Raises Misfit."""
        return x

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        """The tensors of the layer when `x` arrives, in state_dict order."""
        return ()

    def macs(self, x: Shape) -> int:
        """Multiply-accumulates of one image; only convolutions and linear layers have any."""
        return 0

    def torch(self, x: Shape) -> Call:
        """The constructor of the equal PyTorch module when `x` arrives."""
        raise NotImplementedError(self.name)

    def need_map(self, x: Shape) -> tuple[int, int]:
        """Height and width of the map that arrives. Raises Misfit where a vector does."""
        if not x.is_map:
            raise Misfit("E0405", f"`{self.name}` works on feature maps, but a vector of {x} features arrives")
        return x.size


class Join(Layer):
    """A layer that takes the values of several paths."""

    is_join = True
    symbol: ClassVar[str] = ""  # the Python operator of the emitted code; "": torch.cat

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        """The shape of the joined value; two paths or more. Raises Misfit."""
        raise NotImplementedError(self.name)


def describe(value: object) -> str:
    """A value as the language writes it."""
    if value is True or value is False:
        return "yes" if value else "no"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Filter):
        return str(value)
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, list):
        return "[" + ", ".join(map(describe, value)) + "]"
    return str(value)


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def convert(name: str, argument: Argument, value: Any) -> Any:
    """A value as the argument's kind wants it. Raises Misfit."""
    if value is None and argument.default is None:
        return None
    return _CONVERTERS[argument.kind](name, argument, value)


def _wrong(name: str, wanted: str, value: object) -> Misfit:
    return Misfit("E0303", f"`{name}` wants {wanted}, not {describe(value)}", name)


def _range(name: str, argument: Argument, value: float) -> None:
    low, high = argument.low, argument.high
    if low is not None and value < low:
        raise Misfit("E0304", f"`{name}` must be at least {low}, not {value}", name)
    if high is not None and value > high:
        raise Misfit("E0304", f"`{name}` must be at most {high}, not {value}", name)
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise Misfit("E0304", f"`{name}` must stay below 2^31", name)


def _integer(name: str, argument: Argument, value: Any) -> int:
    if not is_integer(value):
        raise _wrong(name, "an integer", value)
    _range(name, argument, value)
    return value  # type: ignore[no-any-return]  # a Symbol stays one


def _float(name: str, argument: Argument, value: Any) -> float:
    if not is_number(value) or not math.isfinite(value):
        raise _wrong(name, "a number", value)
    _range(name, argument, value)
    return float(value)


def _flag(name: str, argument: Argument, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, "yes or no", value)
    return value


def _word(name: str, argument: Argument, value: Any) -> str:
    if value not in argument.choices:
        raise _wrong(name, "one of " + ", ".join(f'"{c}"' for c in argument.choices), value)
    return str(value)


def _text(name: str, argument: Argument, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(name, "a string", value)
    return value


def _size(name: str, argument: Argument, value: Any) -> tuple[int, int]:
    if is_integer(value):
        value = (value, value)
    if not (isinstance(value, tuple | list) and len(value) == 2 and all(map(is_integer, value))):
        raise _wrong(name, "a size such as 3x3", value)
    for side in value:
        _range(name, argument, side)
    return int(value[0]), int(value[1])


def _filter(name: str, argument: Argument, value: Any) -> Filter:
    if not isinstance(value, Filter):
        raise _wrong(name, "filters such as 64@3x3", value)
    _range(f"{name}'s count", Argument("int", low=1), value.count)
    _range(f"{name}'s kernel", Argument("int", low=1), min(value.kernel))
    return Filter(value.count, _size(name, argument, value.kernel))


def _pad(name: str, argument: Argument, value: Any) -> str | tuple[int, int, int, int]:
    """`"same"`, or (top, bottom, left, right)."""
    if value == "same" and "same" in argument.choices:
        return "same"
    if isinstance(value, list) and len(value) == 4 and all(map(is_integer, value)):
        sides = tuple(value)
    elif is_integer(value):
        sides = (value,) * 4
    elif isinstance(value, tuple | list) and len(value) == 2 and all(map(is_integer, value)):
        sides = (value[0], value[0], value[1], value[1])
    else:
        raise _wrong(name, 'a pad such as 1, 1x2, [top, bottom, left, right] or "same"', value)
    for side in sides:
        _range(name, argument, side)
    top, bottom, left, right = map(int, sides)
    return top, bottom, left, right


def _list(name: str, argument: Argument, value: Any) -> list[int]:
    if not isinstance(value, list) or not value or not all(map(is_integer, value)):
        raise _wrong(name, "a list of integers", value)
    for item in value:
        _range(name, argument, item)
    return [int(item) for item in value]


def _numbers(name: str, argument: Argument, value: Any) -> Any:
    """A number or a list, nested or not, of numbers."""
    if isinstance(value, list) and value:
        return [_numbers(name, argument, item) for item in value]
    return _float(name, argument, value)


_CONVERTERS: dict[str, Any] = {
    "count": _integer,
    "int": _integer,
    "float": _float,
    "flag": _flag,
    "word": _word,
    "text": _text,
    "size": _size,
    "filter": _filter,
    "pad": _pad,
    "list": _list,
    "numbers": _numbers,
}


def numbers(values: Iterable[int]) -> str:
    return " ".join(map(str, values))
