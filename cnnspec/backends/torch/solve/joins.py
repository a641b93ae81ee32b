"""The expressions of joins, written for all rows of a class at once, and convolutions that add."""

from __future__ import annotations

from cnnspec.backends.torch.solve.body import Way
from cnnspec.backends.torch.solve.classes import Class
from cnnspec.backends.torch.steps import adds
from cnnspec.backends.torch.unify import Unaligned
from cnnspec.backends.writer import Text, call, flat, joined
from cnnspec.graph.tree import Leaf, Merge, Path


def written(steps: list[Merge], texts: list[Text]) -> Text:
    """The expression of a join; a sum is added to one of its paths where all rows may."""
    symbol, activation = steps[0].layer.symbol, activation_of(steps)
    made = joined(symbol, texts) if symbol else call("torch.cat", call("", *map(flat, texts)), "dim=1")
    for place in places(steps)[:1]:
        made = texts[place]
        for text in (*texts[:place], *texts[place + 1 :]):
            made = call(f"{flat(made)}.add_", flat(text))
    return call(f"F.{activation}", flat(made), "inplace=True") if activation else made


def added(callee: str, steps: list[Merge], x: Text, plus: Text) -> Text:
    """The expression of a sum that a convolution makes."""
    activation = activation_of(steps)
    return call(callee, flat(x), flat(plus), *([f'"{activation}"'] if activation else []))


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


def adder(cls: Class, steps: list[Merge], paths: list[Way]) -> int | None:
    """The one of a sum's two paths whose last convolution adds to the other, and writes over it."""
    for place in places(steps) if all(len(step.live) == 2 for step in steps) else ():
        ends = zip(paths[1 - place].steps.values(), steps, strict=True)
        if all(waits(cls, path, step) for path, step in ends):
            return 1 - place
    return None


def waits(cls: Class, path: Path, step: Merge) -> bool:
    """Whether a path's end can add, once the other path has run.

    Until then what arrives at the end must last: nobody else has it, to write over it.
    """
    last = path.steps[-1] if len(path.steps) > 1 else None
    if not isinstance(last, Leaf) or not adds(cls.program.module(last)):
        return False
    arriving = last.input
    return arriving is not step.input and cls.kept.isdisjoint({arriving, path.output})
