"""What a layer is: a small declaration of its arguments, and methods that are its meaning.

Layers know shapes and numbers, no text and no places. What does not fit they raise as Misfit, which
names the argument at fault; the elaborator finds its place in the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

from cnnspec.layers.size_formulas import SizeFormula
from cnnspec.layers.windows import ALONG, SAME, Pace, Window
from cnnspec.values.comparisons import Bound, Mismatch
from cnnspec.values.kinds import Filter, describe, is_finite, is_integer, is_number
from cnnspec.values.limits import LARGEST_INTEGER
from cnnspec.values.shapes import Shape
from cnnspec.values.symbols import Symbol


class Misfit(Exception):
    """Why a layer cannot be, or cannot take what arrives.

    `argument` names the argument at fault (None: the layer as a whole); `formula` is shown once, with its
    numbers; `data` is as in Diagnostic.
    """

    def __init__(
        self,
        code: str,
        message: str,
        argument: str | None = None,
        formula: str = "",
        data: Mismatch | Bound | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.argument = code, message, argument
        self.formula, self.data = formula, data


class Unsupported(Exception):
    """A back end has no form of a layer, or, where one is given, of this value of an argument."""

    def __init__(self, layer: str, argument: str = "", value: object = None) -> None:
        super().__init__(layer, argument, value)
        self.layer = layer
        self.words = f"layer `{layer}`"
        if argument:
            self.words = f"`{layer}` with `{argument}={describe(value)}`"


class Argument(NamedTuple):
    """One argument of a layer: its kind, its default, and the range that it keeps to.

    Kinds: `count` a width, an int that may stay symbolic; `int`; `size` height and width; `filter`;
    `pad`; `flag`; `float`, or one of the words in `choices`; `factor` a number or one an axis; `word`
    one of `choices`; `list` of ints; `numbers` a number or a list, nested or not, of them; `text`.
    `torch`: what it is called in the constructor of the torch class; several words where it holds several.
    """

    kind: str
    default: Any = ...  # ...: the argument has to be given
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    doc: str = ""
    torch: str = ""

    @property
    def required(self) -> bool:
        return self.default is ...


def argument(kind: str, default: Any = ..., **more: Any) -> Any:
    """An Argument, in the place of the value that a layer has of it."""
    return Argument(kind, default, **more)


class Weight(NamedTuple):
    """A tensor of a layer, named and laid out as PyTorch does."""

    name: str  # "": the tensor bears the step's own name
    shape: tuple[int, ...]
    trained: bool = True  # False: a buffer

    @property
    def elements(self) -> int:
        return math.prod(map(int, self.shape))


class Construction(NamedTuple):
    """A constructor call of the emitted code, as data: a torch class or a helper, and its arguments.

    Arguments are numbers, strings, booleans, None, tuples and lists of them, or further Constructions.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # never changed


class Layer:
    """A layer with all its arguments checked; every subclass with a `summary` is one layer of the language.

    Its attributes made by `argument` are its arguments, those of its bases behind its own; what Layer itself
    has, or Python, bears a `_` there: `in_`. Construct it with the arguments that differ from their defaults;
    raises Misfit.
    """

    name: ClassVar[str] = ""  # if not given, that of the class in small letters
    summary: ClassVar[str] = ""  # one line for the reference
    formula: ClassVar[str] = ""  # of the output's shape; "": that of the input
    size_formula: ClassVar[SizeFormula | None] = None  # of what its numbers can be put into
    example: ClassVar[str] = ""  # one line of the language; if not given, the name
    example_input: ClassVar[str] = "64@32x32"  # that the example is valid for
    positional: ClassVar[tuple[str, ...]] = ()
    arguments: ClassVar[dict[str, Argument]] = {}
    torch_class: ClassVar[str] = ""  # the torch class of the same meaning, if there is one, …
    helper: ClassVar[str] = ""  # … else that of the emitted file; both if they take our arguments, …
    takes_channels: ClassVar[bool] = False  # … the number of channels before them
    torch_arguments: ClassVar[dict[str, str]] = {}  # the class's arguments, and ours that stand for them
    maps_only: ClassVar[bool] = False  # no vector may arrive
    divides: ClassVar[str] = ""  # the argument that has to divide the channels that arrive
    is_join: ClassVar[bool] = False
    axes_apart: ClassVar[bool] = (
        True  # False: a map may be refused for height and width together, a larger not
    )

    symbols: Mapping[str, Symbol] = MappingProxyType({})
    """Sizes, strides and pads that are one number with a name, as they were given: sizes alone are computed
    with, and that in plain numbers."""

    _attributes: ClassVar[dict[str, str]] = {}  # argument -> attribute
    _defaults: ClassVar[dict[str, Any]] = {}
    _required: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        if "summary" in vars(cls):
            cls.name = vars(cls).get("name", cls.__name__.lower())
            cls.example = vars(cls).get("example", cls.name)
        declared = [(n, a) for base in cls.__mro__ for n, a in vars(base).items() if isinstance(a, Argument)]
        # {"filter": "filter", "in": "in_", "weights": "weights_"}, and for
        # PyTorch {"out_channels": "filter"}.
        cls._attributes = {attribute.removesuffix("_"): attribute for attribute, _ in declared}
        cls.arguments = {name: getattr(cls, attribute) for name, attribute in cls._attributes.items()}
        cls.torch_arguments = {theirs: n for n, a in cls.arguments.items() for theirs in a.torch.split()}
        cls._defaults = {cls._attributes[n]: a.default for n, a in cls.arguments.items() if not a.required}
        cls._required = tuple(name for name, a in cls.arguments.items() if a.required)

    def __init__(self, **given: Any) -> None:
        values = self.__dict__
        values.update(self._defaults)
        for name, value in given.items():
            argument = self.arguments.get(name)
            if argument is None:
                raise Misfit("E0301", f"`{self.name}` has no argument `{name}`", name)
            values[self._attributes[name]] = convert(name, argument, value)
            if isinstance(value, Symbol) and argument.kind in ("size", "pad"):
                self.symbols = {**self.symbols, name: value}
        for name in self._required:
            if name not in given:
                raise Misfit("E0302", f"`{self.name}` needs its `{name}`, as in `{self.example}`")
        self.settle()

    def value(self, argument: str) -> Any:
        """The value of an argument, given or default."""
        return getattr(self, self._attributes[argument])

    def with_arguments(self, **values: Any) -> Self:
        """The layer with other values for arguments, in the form that `value` gives them, or attributes."""
        found = object.__new__(type(self))
        found.__dict__.update(self.__dict__)
        for name, value in values.items():
            setattr(found, self._attributes.get(name, name), value)
        return found

    def settle(self) -> None:
        """Fill defaults that depend on other arguments, and check arguments against each other."""

    def output(self, x: Shape) -> Shape:
        """The shape of one image's output, if not given that of the input. Raises Misfit."""
        if self.maps_only:
            self.need_map(x)
        number = self.value(self.divides) if self.divides else None
        if number is not None and x.channels % number:
            message = f"{number} {self.divides} do not divide the {x.channels} channels that arrive"
            raise Misfit("E0404", message, self.divides, f"{x.channels} % {number} = {x.channels % number}")
        return x

    def weights(self, x: Shape) -> tuple[Weight, ...]:
        """The tensors of the layer when `x` arrives, in state_dict order."""
        return ()

    def macs(self, x: Shape) -> int:
        """Multiply-accumulates of one image; only convolutions and linear layers have any."""
        return 0

    def reads(self, x: Shape) -> tuple[Window, Window] | None:
        """What an output pixel reads of `x`, down and across; None: all of it.

        Channels, and the statistics of normalization, are left out of account.
        """
        return SAME, SAME

    def paces(self) -> tuple[Pace | None, Pace | None]:
        """How what it makes of a map grows with the map, down and across; None: unknown."""
        return ALONG, ALONG

    def unread(self, x: Shape) -> tuple[int, int]:
        """Rows at the bottom and columns at the right that a stride leaves out."""
        return 0, 0

    def torch(self, x: Shape) -> Construction:
        """The constructor of the equal PyTorch module when `x` arrives. Raises Unsupported."""
        if not (self.torch_class or self.helper):
            raise Unsupported(self.name)
        counts = (x.channels,) if self.takes_channels else ()
        return Construction(self.torch_class or self.helper, counts, self.torch_keywords())

    def torch_symbols(self) -> dict[str, Symbol]:
        """The arguments of PyTorch's constructor that are a number with a name."""
        ours = {theirs: self.symbols.get(name) for theirs, name in self.torch_arguments.items()}
        return {theirs: symbol for theirs, symbol in ours.items() if symbol is not None}

    def torch_keywords(self) -> dict[str, Any]:
        """Our arguments under the names that PyTorch gives them, equal sides as one number."""
        return {theirs: pair(self.value(ours)) for theirs, ours in self.torch_arguments.items()}

    def need_map(self, x: Shape) -> tuple[int, int]:
        """Height and width of the map that arrives. Raises Misfit where a vector does."""
        if x.height is None or x.width is None:
            message = f"`{self.name}` works on feature maps, but a vector of {x} features arrives"
            raise Misfit("E0405", message)
        return x.height, x.width

    def check_claim(self, what: str, arriving: int, groups: int = 1) -> None:
        """Hold the author to his `in=`, which counts the channels of all groups. Raises Misfit."""
        claim = self.value("in")
        if claim is not None and claim != arriving:
            message = f"`{self.name}` takes {claim} {what if claim != 1 else what[:-1]} but {arriving} arrive"
            formula = f"{claim} != {arriving}"
            # `conv 8@3x3 groups=2 in=4` where 8 arrive: 4 are those of one group.
            if claim * groups == arriving:
                formula += f": `in` counts those of all {groups} groups"
            raise Misfit("E0410", message, "in", formula, data=Mismatch(arriving, claim))


class Join(Layer):
    """A layer that takes the values of several paths."""

    is_join = True
    symbol: ClassVar[str] = ""  # the Python operator of the emitted code; "": a function of …
    function: ClassVar[str] = "torch.cat"  # … all values at once, else of two, and of the arguments
    sized_by: ClassVar[int | None] = None  # the path whose size it has; None: that of all, …
    repeats: ClassVar[bool] = False  # … sizes of 1 apart, which are repeated

    def join(self, paths: tuple[Shape, ...]) -> Shape:
        """The shape of the joined value; two paths or more. Raises Misfit."""
        raise NotImplementedError(self.name)

    def path_reads(self, count: int) -> list[tuple[Window, Window]]:
        """What an output pixel reads of each of `count` paths, as `reads` gives it for a layer's input."""
        return [(SAME, SAME)] * count


def pair(value: Any) -> Any:
    """One number where both sides are equal; anything else as it is."""
    return value[0] if isinstance(value, tuple) and len(value) == 2 and value[0] == value[1] else value


def convert(name: str, argument: Argument, value: Any) -> Any:
    """A value as the argument's kind wants it. Raises Misfit."""
    if (value is None and argument.default is None) or (isinstance(value, str) and value in argument.choices):
        return value
    if argument.kind == "numbers" and isinstance(value, list) and value:
        return [convert(name, argument, item) for item in value]
    wanted, parts_of, make = _KINDS[argument.kind]
    parts = parts_of(value)
    if parts is None:
        words = [*filter(None, [wanted]), *(f'"{choice}"' for choice in argument.choices)]
        raise Misfit("E0303", f"`{name}` wants {' or '.join(words)}, not {describe(value)}", name)
    for i, part in enumerate(parts):
        # A filter's parts are its count, then the height and the width of its kernel.
        of = ("the kernel of " if i else "the count of ") if argument.kind == "filter" else ""
        _check_range(f"{of}`{name}`", name, argument, part)
    return make(*parts)


def _check_range(what: str, name: str, argument: Argument, value: float) -> None:
    """Check that a number is in the argument's range; messages call it `what`. Raises Misfit."""
    low, high = argument.low, argument.high
    if low is not None and value < low:
        raise Misfit("E0304", f"{what} must be at least {low}, not {value}", name, data=Bound("least", low))
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise Misfit("E0304", f"{what} must stay below 2^31", name)
    if high is not None and value > high:
        raise Misfit("E0304", f"{what} must be at most {high}, not {value}", name, data=Bound("most", high))


class _Kind(NamedTuple):
    """What an argument of a kind wants, in words; the parts of a value, None where it is none; their form."""

    wanted: str
    parts: Callable[[Any], Sequence[Any] | None]
    make: Callable[..., Any]


def _parts(
    holds: Callable[[Any], bool], split: Callable[[Any], Sequence[Any] | None] = lambda value: (value,)
) -> Callable[[Any], Sequence[Any] | None]:
    """Splits a value where the condition holds of each of its parts."""

    def found(value: Any) -> Sequence[Any] | None:
        parts = split(value)
        return parts if parts is not None and all(map(holds, parts)) else None

    return found


def _axes(value: Any) -> tuple[Any, Any] | None:
    """A value an axis; a lone number is meant for both."""
    if is_number(value):
        return value, value
    return (value[0], value[1]) if isinstance(value, tuple | list) and len(value) == 2 else None


def _sides(value: Any) -> Sequence[Any] | None:
    """(top, bottom, left, right)"""
    if isinstance(value, list) and len(value) == 4:
        return value
    axes = _axes(value)
    return axes and (axes[0], axes[0], axes[1], axes[1])


def _count_and_axes(value: Any) -> Sequence[Any] | None:
    axes = _axes(value.kernel) if isinstance(value, Filter) else None
    return axes and (value.count, *axes)


def _items(value: Any) -> Sequence[Any] | None:
    return value if isinstance(value, list) and value else None


def _same(value: Any) -> Any:
    return value  # a Symbol stays one


def _plain(value: Any) -> Any:
    return int(value) if is_integer(value) else value


def _integers(*values: Any) -> tuple[int, ...]:
    return tuple(map(int, values))


_KINDS = {
    "count": _Kind("an integer", _parts(is_integer), _same),
    "int": _Kind("an integer", _parts(is_integer), int),
    "float": _Kind("a number", _parts(is_finite), float),
    "flag": _Kind("yes or no", _parts(lambda value: isinstance(value, bool)), _same),
    "word": _Kind("", _parts(lambda _: False), _same),  # nothing but its choices
    "text": _Kind("a string", _parts(lambda value: isinstance(value, str)), _same),
    "size": _Kind("a size such as 3x3", _parts(is_integer, _axes), _integers),
    "factor": _Kind(
        "a number, or one an axis, such as [2, 1.5]",
        _parts(is_finite, _axes),
        lambda *factors: tuple(map(_plain, factors)),
    ),
    "filter": _Kind(
        "filters such as 64@3x3",
        _parts(is_integer, _count_and_axes),
        lambda count, *kernel: Filter(count, (int(kernel[0]), int(kernel[1]))),
    ),
    "pad": _Kind("a pad such as 1, 1x2, [top, bottom, left, right]", _parts(is_integer, _sides), _integers),
    "list": _Kind("a list of integers", _parts(is_integer, _items), lambda *items: list(_integers(*items))),
    "numbers": _Kind("a number or a list of numbers", _parts(is_finite), _plain),
}
"""How a value is read that stands for an argument of a kind."""
