"""The reference of the layers, written from what they declare: as Markdown, and as a page for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from textwrap import wrap
from typing import Any

from cnnspec.layers import FAMILIES, find
from cnnspec.layers.base import Argument, Join, Layer
from cnnspec.values.kinds import describe

TITLES = {
    "conv": "Convolutions",
    "pool": "Pooling",
    "norm": "Normalisation",
    "activation": "Activations",
    "dropout": "Dropout",
    "linear": "Vectors",
    "resize": "Size",
    "channels": "Channels",
    "merge": "Joins",
}

KINDS = {
    "count": "an integer that counts channels, features or groups",
    "int": "an integer",
    "float": "a number",
    "flag": "`yes` or `no`",
    "word": "one of the words listed, in quotes",
    "text": "a string",
    "size": "height and width: `3x3`, `[h, w]`, or one number for both",
    "filter": "so many filters of such a kernel: `64@3x3`",
    "pad": "rows and columns on each side",
    "factor": "a number, or one an axis: `[2, 1.5]`",
    "list": "a list of integers",
    "numbers": "a number or a list, nested or not, of numbers",
}

WIDTH = 100  # of a page


def layers_reference() -> str:
    """The reference of all layers in Markdown."""
    return "\n".join(_reference()) + "\n"


def layer_page(name: str, width: int = WIDTH) -> str:
    """What `cnnspec explain conv` shows, filled to a width. Raises KeyError where there is no such layer."""
    return "\n".join(_page(_layer(name), width)) + "\n"


def _layer(name: str) -> type[Layer]:
    cls = find(name)
    if cls is None:
        raise KeyError(name)
    return cls


def _reference() -> Iterator[str]:
    yield "Sizes are per axis: n of the input, o of the output, lo and hi the pad before and behind it."
    yield "Where no formula stands, the output has the shape of the input."
    yield from ("", "| kind of argument | what it takes |", "|---|---|")
    yield from (f"| {kind} | {meaning} |" for kind, meaning in KINDS.items())
    for family, members in FAMILIES.items():
        yield from ("", f"### {TITLES[family]}", "", "| layer | |", "|---|---|")
        yield from (f"| `{name}` | {_markdown(_layer(name).summary)} |" for name in members)
        for name in members:
            yield ""
            yield from _entry(_layer(name))


def _entry(cls: type[Layer]) -> Iterator[str]:
    yield from (f"#### `{cls.name}`", "", _markdown(cleandoc(cls.__doc__ or cls.summary)), "")
    if cls.formula:
        yield from (f"Output: `{cls.formula}`", "")
    if cls.arguments:
        yield from ("| argument | kind | default | |", "|---|---|---|---|")
        for name, argument in cls.arguments.items():
            default = f"`{_default(argument)}`" if _default(argument) else ""
            place = f" ({_ordinal(cls, name)})" if name in cls.positional else ""
            yield f"| `{name}`{place} | {_kind(argument)} | {default} | {_markdown(argument.doc)} |"
        yield ""
    yield from (f"    {cls.example}", "", _peer(cls, code="`"))


def _page(cls: type[Layer], width: int) -> Iterator[str]:
    yield from (cls.name, "")
    for paragraph in cleandoc(cls.__doc__ or cls.summary).split("\n\n"):
        yield from wrap(" ".join(paragraph.split()), width)
        yield ""
    if cls.formula:
        yield from (f"    {cls.formula}", "")
    if cls.arguments:
        yield "Arguments"
        column = max(map(len, cls.arguments))
        for name, argument in cls.arguments.items():
            default = f" [{_default(argument)}]" if _default(argument) else ""
            place = f", {_ordinal(cls, name)}" if name in cls.positional else ""
            text = f"{_kind(argument).replace('`', '')}{default}{place}: {argument.doc.replace('`', '')}"
            first, *rest = wrap(text, width - column - 4)
            yield f"  {name:{column}}  {first}"
            yield from (f"  {'':{column}}  {line}" for line in rest)
        yield ""
    yield from (f"Example, after `input {cls.example_input}`", f"    {cls.example}", "", _peer(cls))


def _markdown(text: str) -> str:
    """With the signs escaped that Markdown would take for its own, outside of code."""
    parts = text.split("`")
    parts[::2] = [part.replace("*", "\\*").replace("|", "\\|") for part in parts[::2]]
    return "`".join(parts)


def _ordinal(cls: type[Layer], name: str) -> str:
    """Where an argument may stand without its name."""
    return ("first", "second")[cls.positional.index(name)]


def _kind(argument: Argument) -> str:
    """The kind and its bounds."""
    if argument.kind == "word":
        return ", ".join(f'`"{choice}"`' for choice in argument.choices)
    words = "".join(f', `"{choice}"`' for choice in argument.choices)
    # 2^31 - 1 bounds every number, and says nothing of this one.
    if argument.low is not None and argument.high is not None and argument.high < 2**31 - 1:
        return f"{argument.kind}, {argument.low} to {argument.high}{words}"
    return argument.kind + (f" ≥ {argument.low}" if argument.low is not None else "") + words


def _default(argument: Argument) -> str:
    """The default as the language writes it; "" where there is none, or where the doc says it."""
    if argument.required or argument.default is None:
        return ""
    value: Any = argument.default
    if isinstance(value, tuple):
        value = value[0] if len(set(value)) == 1 else list(value)
    # Python writes 1e-06.
    return describe(value).replace("e-0", "e-")


def _peer(cls: type[Layer], code: str = "") -> str:
    own = (cls.symbol or cls.function) if issubclass(cls, Join) else ""
    name = cls.torch_class or own
    peer = f"{code}{name}{code}" if name else "no module; the emitted file brings its own"
    return f"In PyTorch: {peer}."
