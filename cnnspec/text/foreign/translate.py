"""A call as another framework has it, in our words: `Conv2d(16, 32, 5, padding=2)` is `conv 32@5x5 pad=2`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cnnspec import layers
from cnnspec.layers.base import Join, Layer
from cnnspec.text import foreign

_SIZES = ("window", "kernel")
_AXES = {"dim", "axis"}
_TWO_AXES = {"1d": "2d", "1D": "2D"}


class ForeignCall(NamedTuple):
    """A layer's name, the texts of its plain arguments, and those of its named ones."""

    name: str
    plain: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()


def translate(call: ForeignCall, counted: bool = False) -> str | None:
    """The call in our words; None where some word of it has none, or means something else here.

    `counted`: with an `in=` of what the call says that it takes, which need not be said.
    """
    return next(readings(call, counted), None)


def readings(call: ForeignCall, counted: bool = False) -> Iterator[str]:
    """The translations of a call whose plain arguments may stand in several orders, the likeliest first."""
    cls, theirs, flat = _layer(call.name)
    if cls is None or any(layers.find(text) for text in call.plain):  # relu softmax: a comma is missing
        return
    if issubclass(cls, Join):
        yield from filter(None, [_translate_join(cls, call)])
    elif cls.name in layers.FAMILIES["activation"] and re.fullmatch(r"[0-9]{2,}", " ".join(call.plain)):
        yield f"linear {call.plain[0]}, {cls.name}"  # softmax 10; one digit may be an axis
    else:
        found = (_in_our_words(cls, order, call, flat, counted) for order in _orders(cls, theirs, call))
        yield from filter(None, found)


def value(text: str) -> str | None:
    """A value in our words, `3x3` for `(3, 3)`, `no` for `False`; None where no word says it."""
    text = text.strip()
    if re.fullmatch(r"\(\s*[\w.]+\s*\)", text):  # Dense(10), read as `Dense (10)`
        text = text[1:-1].strip()
    word = text.strip("\"'")
    row = foreign.find("values", word) if re.fullmatch(r"[A-Za-z_]\w*", word) else None
    if row is not None:
        return row.ours[0] if row.ours else None
    if text.startswith(("'", '"')):
        return f'"{word}"'
    numbers = re.fullmatch(r"[(\[]\s*(\d+)\s*,\s*(\d+)\s*[)\]]", text)
    if numbers is not None:
        return f"{numbers[1]}x{numbers[2]}"
    if re.fullmatch(r"[0-9.]+e[+-]?[0-9]+", text, re.IGNORECASE):
        return text
    if re.fullmatch(r"\w+(?:\s*(?:\*|//|\+|-)\s*\w+)+", text):
        return f"({text})"
    return text if text and not re.search(r"\w\s+\w|^\(.*,", text) else None


def _layer(name: str) -> tuple[type[Layer] | None, str, bool]:
    """The layer that is meant, its name as the signatures have it, whether its maps have one axis only."""
    for theirs in dict.fromkeys((name, name[:-2] + _TWO_AXES.get(name[-2:], name[-2:]))):
        row = foreign.find("layers", theirs)
        found = layers.find(theirs)
        if found is None and row is not None and row.ours and not row.answer:
            found = layers.find(row.ours[0])
        if found is not None:
            return found, theirs, theirs != name
    return None, name, False


def _translate_join(cls: type[Join], call: ForeignCall) -> str | None:
    """`torch.cat([a, b], 1)`, `add a b` as a join of the values of these labels."""
    axis = dict(call.named)
    plain = call.plain[:-1] if call.plain[-1:] in (("1",), ("-3",)) else call.plain
    labels = [text for each in plain for text in re.split(r"\s*,\s*", each.strip("[]() "))]
    if not labels or not all(re.fullmatch(r"[A-Za-z_]\w*", text) for text in labels) or axis.keys() - _AXES:
        return None
    paths = [f"from {text}" for text in labels]
    return f"{cls.name} {{ | {' | '.join(paths if len(paths) > 1 else ['identity', *paths])} }}"


def _orders(cls: type[Layer], theirs: str, call: ForeignCall) -> Iterator[tuple[str, ...]]:
    """What the plain arguments may be: by the layer's signature, by those of its like, by our order.

    conv 16, 32, 5 is PyTorch's, conv 32, 3 Keras'. An old Keras' conv 32, 3, 3 goes before PyTorch's.
    """
    signatures = foreign.signatures()
    if any("@" in text for text in call.plain) or not call.plain:
        yield cls.positional
    elif theirs in signatures:
        yield signatures[theirs]
    else:
        for each, order in signatures.items():
            row = foreign.find("layers", each)
            square = "columns" not in order or call.plain[1:2] == call.plain[2:3]
            if row is not None and row.ours[:1] == (cls.name,) and square:
                yield order
    yield cls.positional


def _in_our_words(
    cls: type[Layer], order: tuple[str, ...], call: ForeignCall, flat: bool, counted: bool
) -> str | None:
    """The call in our words, its plain arguments in that order."""
    if len(call.plain) > len(order):
        return None
    given: dict[str, str] = {}
    behind = ""
    for theirs, text in [*zip(order, call.plain, strict=False), *call.named]:
        ours = _argument(cls, theirs)
        said = value(text)
        if ours is None or said is None:
            return None
        if ours == "activation":
            step = translate(ForeignCall(said.strip('"')))
            if step is None:
                return None
            behind += f", {step}"
        elif theirs == "columns":
            given[ours] += f"x{said}"
        elif ours in given:
            return None
        elif ours and said != "None" and (counted or ours != "in" or theirs == "in"):
            given[ours] = said
    if not _complete(cls, given, flat):
        return None
    first = [given.pop(name) for name in cls.positional[:1] if name in given]
    return " ".join([cls.name, *first, *(f"{name}={text}" for name, text in given.items())]) + behind


def _argument(cls: type[Layer], theirs: str) -> str | None:
    """Our name of an argument, `kernel` for a filter's; empty: it is not said; None: it has none."""
    if theirs in cls.arguments:
        return theirs
    row = foreign.find("arguments", f"{cls.name}.{theirs}") or foreign.find("arguments", theirs)
    if row is None:
        return None
    if "activation" in row.words:
        return "activation"
    if row.answer:
        return None
    if "kernel" in row.ours and "filter" in cls.positional:
        return "kernel"
    if "in" in row.ours and "in" not in cls.arguments:
        return ""
    return next((ours for ours in row.ours if ours in cls.arguments), None) if row.ours else ""


def _complete(cls: type[Layer], given: dict[str, str], flat: bool) -> bool:
    """Write sizes as we do, filters with their kernel; whether nothing is missing."""
    for name, text in given.items():
        if name in _SIZES and text.isdigit():
            given[name] = f"1x{text}" if flat else f"{text}x{text}"
        elif text.isdigit() and flat and name in ("stride", "dilation", "pad"):
            given[name] = f"{int(name != 'pad')}x{text}"
        elif name not in _SIZES and re.fullmatch(r"(\d+)x\1", text) and cls.arguments.get(name) is not None:
            given[name] = text.partition("x")[0] if cls.arguments[name].kind != "filter" else text
    if "filter" in cls.positional and "@" not in given.get("filter", "@"):
        if "kernel" not in given:
            return False
        rest = {key: given[key] for key in given if key not in ("filter", "kernel")}
        filters = f"{given['filter']}@{given['kernel']}"
        given.clear()
        given.update({"filter": filters}, **rest)
    return all(name in given for name, each in cls.arguments.items() if each.required) and (
        "kernel" not in given or "kernel" in cls.arguments
    )
