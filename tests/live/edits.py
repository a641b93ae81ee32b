"""Edits as people make them, at random: characters typed and deleted, lines moved, words of the language."""

from __future__ import annotations

import random

PIECES = (
    *"abcdwx0123456789 \n\n\n  #,:|{}()[]@=.->+*/\"'",
    "conv 8@3x3",
    "relu, ",
    "batchnorm",
    "repeat 2 { relu }",
    "repeat i in 3 { conv (8 * i)@1x1 }",
    " pad=1",
    " stride=2",
    "net A { input 1@8x8, conv 4@3x3 }\n",
    "net B = ResNet50 classes=7\n",
    "block C(w=3) { conv w@1x1 }\n",
    "# allow W0502",
    'use "blocks/residual.cnn"\n',
    "from body",
    "add { | relu | identity }",
    "  -> 8@8x8",
    "\U0001f600",
    "é",
    "\r\n",
    "\t",
)


def edit(text: str, chance: random.Random) -> str:
    """The text with one stretch replaced."""
    start = chance.randrange(len(text) + 1)
    kind = chance.random()
    if kind < 0.5:  # typed
        return text[:start] + chance.choice(PIECES) + text[start:]
    if kind < 0.8:  # deleted, mostly a little
        return text[:start] + text[start + chance.choice((1, 1, 1, 2, 5, 20, 200)) :]
    if kind < 0.9:  # replaced
        return text[:start] + chance.choice(PIECES) + text[start + chance.randrange(1, 9) :]
    lines = text.split("\n")
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return "\n".join(lines)
