"""The expressions of joins, written for all rows of a class at once."""

from __future__ import annotations

from cnnspec.backends.torch.columns import Unaligned
from cnnspec.graph.tree import Merge


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
