"""Changes of bytes, words, numbers, steps and lines, as a slip or an attacker makes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from cnnspec.layers import NAMES
from tests.fuzz.texts import texts

SHORT, LONG = 1_500, 0.1
"""Texts longer than so many characters are taken so often: a run of them takes longer."""

Change = Callable[[Random, str], str]

WORD = re.compile(r"\w+|[^\w\s]|\n")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?|(?<=[x@])\d+")
STEP = re.compile(r"[^,{}\n|]+")
SAID = """
    input none repeat if else for in from again output default require use block net identity
    in.channels in.height in.features train=yes pad=same stride= groups= in= out -> @ x , { } ( ) [ ] | : = +
    - * / // % == != < <= and or not yes no "same" "a{i}" #
"""
WORDS = (*NAMES, *SAID.split(), "# allow W0502\n")
INTEGERS = "0 1 2 3 7 16 64 100 255 1000 65536 99999 1048576 200000000 2147483647 2147483648 99999999999"
NUMBERS = INTEGERS.split()
FRACTIONS = ("0.5", "1.1", "0.0", "1e300", "-1", "-7")
BYTES = (
    "\0",
    "\x1b[2J",
    "\r",
    "\t",
    "\u202e",
    "é",
    "€",
    "\ufeff",
    "\udcff",
    "\\",
    "'",
    '"',
    "`",
    "{",
    "}",
    "(",
    ")",
)


def change_bytes(rng: Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    left_out = rng.choice((0, 0, 1, 1, 3, 20))
    return text[:at] + rng.choice(("", *BYTES)) + text[at + left_out :]


def cut(rng: Random, text: str) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] if rng.random() < 0.7 else text[at:]


def change_word(rng: Random, text: str) -> str:
    found = list(WORD.finditer(text))
    if not found:
        return text
    word, other = rng.choice(found), rng.choice(found).group()
    new = rng.choice(
        (*("",) * 3, rng.choice(WORDS), rng.choice(WORDS), other, word.group() * 2, slip(rng, word.group()))
    )
    return text[: word.start()] + new + text[word.end() :]


def slip(rng: Random, word: str) -> str:
    """A word with two letters turned, or one too few."""
    at = rng.randrange(len(word))
    return word[:at] + word[at + 1 : at + 2] + (word[at] if rng.random() < 0.5 else "") + word[at + 2 :]


def add_word(rng: Random, text: str) -> str:
    found = list(WORD.finditer(text))
    at = rng.choice(found).end() if found else 0
    return f"{text[:at]} {rng.choice(WORDS)} {text[at:]}"


def change_number(rng: Random, text: str) -> str:
    found = list(NUMBER.finditer(text))
    if not found:
        return text
    number = rng.choice(found)
    value = float(number.group())
    near = [f"{int(value) + 1}", f"{max(0, int(value) - 1)}", f"{2 * int(value)}", f"{int(value) // 2}"]
    new = rng.choice((*near, rng.choice(NUMBERS), rng.choice(NUMBERS), rng.choice(FRACTIONS)))
    return text[: number.start()] + new + text[number.end() :]


def swap_steps(rng: Random, text: str) -> str:
    found = [step for step in STEP.finditer(text) if step.group().strip()]
    if len(found) < 2:
        return text
    at = rng.randrange(len(found) - 1)
    one, two = found[at], rng.choice((found[at + 1], rng.choice(found[at + 1 :])))
    between = text[one.end() : two.start()]
    return text[: one.start()] + two.group() + between + one.group() + text[two.end() :]


def change_lines(rng: Random, text: str) -> str:
    lines = text.split("\n")
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    kind = rng.randrange(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(to, lines[at])
    elif kind == 2:
        lines[at], lines[to] = lines[to], lines[at]
    else:
        lines.insert(to, rng.choice(rng.choice(texts()).split("\n")))
    return "\n".join(lines)


def drop_use(rng: Random, text: str) -> str:
    uses = [line for line in text.split("\n") if line.startswith("use ")]
    return text.replace(rng.choice(uses) + "\n", "", 1) if uses else change_lines(rng, text)


def wrap(rng: Random, text: str) -> str:
    """A stretch of lines within braces of some kind."""
    lines = text.split("\n")
    first = rng.randrange(len(lines))
    last = min(len(lines), first + rng.randrange(1, 5))
    opening = rng.choice(
        (
            "repeat 2 {",
            f"repeat {rng.choice(NUMBERS)} {{",
            "{",
            "g: {",
            "if no {",
            "if in.height > 7 {",
            "add { |",
            "concat { | identity |",
        )
    )
    return "\n".join([*lines[:first], opening, *lines[first:last], "}", *lines[last:]])


def label(rng: Random, text: str) -> str:
    """A label before one step, and a wire to it before another."""
    found = [step for step in STEP.finditer(text) if step.group().strip()]
    if len(found) < 2:
        return text
    at = rng.randrange(len(found) - 1)
    one, two = found[at], rng.choice(found[at + 1 :])
    wire = rng.choice(("from q, ", "again q, ", "output q\n", "from x, again q, "))
    return f"{text[: one.start()]} q: {text[one.start() : two.start()]} {wire}{text[two.start() :]}"


CHANGES: tuple[Change, ...] = (
    *(change_bytes, cut, change_word, change_word, change_word, add_word),
    *(
        change_number,
        change_number,
        change_number,
        swap_steps,
        change_lines,
        change_lines,
        drop_use,
        wrap,
        label,
    ),
)


def mutant(rng: Random) -> bytes:
    """A specification with one to four changes."""
    text = rng.choice([text for text in texts() if len(text) < SHORT or rng.random() < LONG])
    for _ in range(rng.choice((1, 1, 2, 3, 4))):
        text = rng.choice(CHANGES)(rng, text)
    return text.encode(errors="surrogateescape")
