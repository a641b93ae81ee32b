"""What was meant by a name that does not exist: the nearest of those that do, or what others call it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from cnnspec.text import foreign
from cnnspec.text.diagnostics import Fix
from cnnspec.text.edits import Edit
from cnnspec.text.foreign import plain
from cnnspec.text.source import Span

_MOST = 3


def hints(span: Span, word: str, candidates: Iterable[str], section: str = "") -> list[Fix]:
    """What to try instead of a word that does not exist, and what its framework's users are to know.

    `section`: the one of foreign.txt that holds such words.
    """
    answer = foreign.answer(section, word) if section else ""
    fixes = [
        Fix(
            f"did you mean `{name}`?", (Edit(span, name),), safe=not answer and numbers(name) == numbers(word)
        )
        for name in suggest(word, candidates)
    ]
    return [*fixes, Fix(answer)] if answer else fixes


def suggest(word: str, candidates: Iterable[str]) -> list[str]:
    """The candidates that may have been meant, the likeliest first; at most three, often none.

    A candidate that differs in nothing but capitals and underscores leaves no doubt and stands alone.
    """
    return list(_suggest(word, tuple(dict.fromkeys(candidates))))


@lru_cache(1024)  # a block's unknown name is asked for at each of its uses
def _suggest(word: str, known: tuple[str, ...]) -> list[str]:
    short = plain(word)
    same = [name for name in known if plain(name) == short and name != word]
    if same:
        return same[:_MOST]
    meant = [name for name in dict.fromkeys(_meanings(word)) if name in known]
    if not meant and foreign.answer("layers", word):
        return []  # `conv3d` is not nearly `conv`
    allowed = _most_slips(short)
    near = []
    for name in known:
        if name == word or name in meant:
            continue
        steps = allowed if _begins(short, plain(name)) else distance(short, plain(name), allowed)
        if steps <= allowed:
            near.append((steps, name))
    return [*meant, *(name for _, name in sorted(near))][:_MOST]


def numbers(name: str) -> str:
    """The digits of a name: who writes another number does not mistype. `Conv2d` has none of its own."""
    return "".join(filter(str.isdecimal, name.lower().removesuffix("2d")))


def distance(left: str, right: str, limit: int) -> int:
    """Insertions, deletions, changes and swaps of neighbours from left to right; some number past the limit.

    Damerau 1964, in the form where no stretch is edited twice.
    """
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before, row = [0] * (len(right) + 1), list(range(len(right) + 1))
    # Behind step j, row[j + 1] is the distance of left[:i + 1] and right[:j + 1].
    for i, a in enumerate(left):
        above, row = row, [i + 1]
        for j, b in enumerate(right):
            steps = min(above[j] + (a != b), above[j + 1] + 1, row[j] + 1)
            if i and j and a == right[j - 1] and b == left[i - 1]:
                steps = min(steps, before[j - 1] + 1)
            row.append(steps)
        if min(row) > limit:
            return limit + 1
        before = above
    return row[-1]


def _begins(left: str, right: str) -> bool:
    """Whether one is the other cut short: `max` for `maxpool`, `pading` for `pad`."""
    return min(len(left), len(right)) > 2 and (left.startswith(right) or right.startswith(left))


def _meanings(word: str) -> list[str]:
    """What others mean by a word: as a layer, an argument or a value."""
    found = [row for section in ("layers", "arguments", "values") if (row := foreign.find(section, word))]
    short = plain(word)
    # MaxPool2d, ReLU_layer: the name itself with something of another library behind it
    return [
        *(each for row in found for each in row.ours),
        short.removesuffix("2d"),
        short.removesuffix("layer"),
    ]


def _most_slips(word: str) -> int:
    """How many typing errors a word may hold: none in two letters, one in a short word, three at most."""
    # conv: 1, dropout: 2, batchnorm: 3.
    return 0 if len(word) < 3 else min(3, max(1, len(word) // 3))
