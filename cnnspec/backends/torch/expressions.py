"""The expression of a join, and taking written ones apart, so that long ones can break over lines."""

from __future__ import annotations

import re

from cnnspec.backends.torch.columns import Unaligned
from cnnspec.backends.writer import Arguments, Text
from cnnspec.graph import Merge

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|' r"'(?:[^'\\]|\\.)*'")


def item(text: str) -> tuple[str, Text]:
    """An argument's text, a tuple so that it can break."""
    if text.startswith("(") and text.endswith(")"):
        return "", Arguments("", tuple(("", part) for part in split(text[1:-1])))
    return "", text


def masked(text: str) -> str:
    """The text with its strings made blank: what stands in them is no code."""
    return _STRING.sub(lambda found: "_" * len(found[0]), text)


def opening(text: str) -> int:
    """Where the bracket opens that the text's last character closes."""
    depth, code = 0, masked(text)
    for position in range(len(code) - 1, -1, -1):
        depth += (code[position] in ")]}") - (code[position] in "([{")
        if not depth:
            return position
    return 0


def split(text: str) -> list[str]:
    """The arguments of a call's text, parted at its own commas."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(masked(text)):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            parts.append(text[start:position].strip())
            start = position + 1
    return [*parts, text[start:].strip()]


def written(steps: list[Merge], texts: list[str]) -> str:
    """The expression of a join; a sum is added to one of its paths where all rows may."""
    symbol, activation = steps[0].layer.symbol, activation_of(steps)
    made = f" {symbol} ".join(texts) if symbol else f"torch.cat(({', '.join(texts)}), dim=1)"
    for place in places(steps)[:1]:
        made = texts[place] + "".join(f".add_({text})" for i, text in enumerate(texts) if i != place)
    return f"F.{activation}({made}, inplace=True)" if activation else made


def added(callee: str, steps: list[Merge], x: str, plus: str) -> str:
    """The expression of a sum that a convolution makes."""
    activation = activation_of(steps)
    return f'{callee}({x}, {plus}, "{activation}")' if activation else f"{callee}({x}, {plus})"


def activation_of(steps: list[Merge]) -> str | None:
    """The activation that a join has taken in. Raises Unaligned where rows differ."""
    found = {getattr(step.layer, "activation", None) for step in steps}
    if len(found) > 1:
        raise Unaligned
    return found.pop()


def places(steps: list[Merge]) -> list[int]:
    """The paths that the others may be added to in all rows; one with a single path adds nothing."""
    found = [getattr(step.layer, "in_place", ()) for step in steps if len(step.live) > 1]
    return [place for place in found[0] if all(place in other for other in found)] if found else []
