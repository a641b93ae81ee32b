"""Labels and the references to them: plain, quoted, numbers, computed, with dots, through braces."""

from __future__ import annotations

import re

from tests.random.place import Label, Place, Refused
from tests.random.values import Choose, spell

LABELS = ("a", "b", "stem", "body", "conv1", "relu2", "class", "print", "self_", "i", "x", "torch", "Norm")
QUOTED = ("if", "two words", "a-b", "ä", "1x1", "'", "x+y", "lambda", "in", "#1")
NAMES = ("w", "n", "k", "i", "depth", "width", "scale", "pad", "self", "x", "torch", "list", "act", "m")
"""Of parameters, constants and loops."""

RESERVED = ("repeat", "if", "else", "for", "in", "from", "again", "output", "and", "or", "not", "yes", "no")


def label(choose: Choose, place: Place, loops: list[str], percent: int = 25) -> Label | None:
    """A label that is free where it stands, and differs from turn to turn; often there is none.

    `loops` are the names of the repeats around, in the same scope of labels; "" where one has no name.
    """
    if "" in loops or not choose.chance(percent):
        return None
    form = choose.number(0, 5)
    text = choose.pick(QUOTED) if form == 5 else choose.pick(LABELS)
    if form == 4 and not loops and not place.scope.by_kind and place.scope.count < 50:
        text = str(place.scope.count + choose.number(0, 2))
        made = Label(choose.pick((text, f'"{text}"')), lambda _: text)
    elif loops:
        written = text + "_".join(f"{{{name}}}" for name in loops)
        made = Label(
            f'"{written}"' if form == 5 else written,
            lambda at: text + "_".join(str(at.names[name]) for name in loops),
        )
    elif form == 3:
        number = choose.number(0, 4)
        spelled = spell(choose, number, place)
        made = Label(f'"{text}{{{spelled.text}}}"', lambda at: f"{text}{spelled(at)}")
    else:
        made = Label(f'"{text}"' if form == 5 else text, lambda _: text)
    if choose.chance(15):
        made = parted(choose.pick(("c", "d")), made)
    head, _, rest = made(place).partition(".")
    scope, name = place.scope, head
    if rest and head in scope.parts:
        scope, name = scope.parts[head], rest
    return made if name not in scope.taken else None


def parted(head: str, label: Label) -> Label:
    """A label with a dot: in braces that others may open, too."""
    inner = label.text.strip('"')
    return Label(f'"{head}.{inner}"', lambda at: f"{head}.{label(at)}")


def reference(choose: Choose, key: str, place: Place) -> Label | None:
    """A way to name a labelled step, of this full path."""
    prefix = place.scope.prefix
    path = key[len(prefix) :] if key.startswith(prefix) and choose.chance(80) else key
    try:
        if place.marked(path) is not place.labels[key]:
            return None
    except Refused:
        return None
    parts = [part_of(choose, part, place) for part in path.split(".")]
    return Label(".".join(part.text for part in parts), lambda at: ".".join(part(at) for part in parts))


def part_of(choose: Choose, part: str, place: Place) -> Label:
    """One label of a path, the number at its end computed now and then."""
    found = re.fullmatch(r"([A-Za-z_]*)(\d{1,4})", part, re.ASCII)
    if found and found[1] not in RESERVED and str(int(found[2])) == found[2] and choose.chance(50):
        spelled = spell(choose, int(found[2]), place)
        return Label(f"{found[1]}{{{spelled.text}}}", lambda at: f"{found[1]}{spelled(at)}")
    plain = re.fullmatch(r"[A-Za-z_]\w*|\d+", part, re.ASCII) and part not in RESERVED
    return Label(part if plain else f'"{part}"', lambda _: part)
