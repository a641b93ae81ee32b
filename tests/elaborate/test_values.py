"""Steps, calls and values: rules 1 to 3, each row a sentence of the reference."""

from __future__ import annotations

import pytest

from tests.elaborate.rules import outcome

STEPS = [
    ("conv 4@3x3, relu,\n tanh\nflatten", "3600"),
    ("conv 4@3x3 # a comment\n# another\nrelu", "4@30x30"),
    ("flatten, linear (\n 3 +\n 4\n)", "7"),
    ("conv 4@3x3, -> 4@30x30", "E0101 ->"),
    ("conv 4@3x3 -> 4@30x30, relu", "E0101 ,"),
    ("relu; relu", "E0102 ;"),
    ("a = 1, relu", "E0101 ,"),
]
CALLS = [
    ("conv (4)@3x3", "4@30x30"),
    ("conv filter=4@3x3", "4@30x30"),
    ("conv (2*4)@3x3 pad=1+1", "8@34x34"),
    ("conv 2*4@3x3", "E0101 *"),
    ("conv 4@(1 + 2)", "4@30x30"),
    ("n = 3\nconv 4@n", "4@30x30"),
    ("conv 4@3", "4@30x30"),
    ("h = 5\nconv 4@[h, 3]", "4@28x30"),
    ("side = 5x3\nconv 4@side", "4@28x30"),
    ("conv 4@3x3 4@3x3", "E0301 4@3x3"),
    ("conv 4@3x3 filter=4@3x3", "E0305 filter=4@3x3"),
    ("conv 4@3x3 pad=1 pad=2", "E0305 pad=2"),
    ("widths = [4, 5]\nconv widths[0]@3x3", "4@30x30"),
    ("widths = [4, 5]\nflatten, linear widths [0]", "E0301 [0]"),
    ("flatten, linear max(3, 4)", "4"),
    ("flatten, linear max (3, 4)", "E0101 ,"),
    ("flatten, linear -3", "E0101 -"),
    ("conv 4@3x3 in=3", "4@30x30"),
    ("conv 4@3x3 in=4", "E0410 in=4"),
    ("flatten, linear 3 in=(3 * 32 * 32)", "3"),
    ("flatten, linear 3 in=in.features", "3"),
    ("flatten, linear 3 in=3071", "E0410 in=3071"),
    ("conv 4@3x3 stride=[2, 1]", "4@15x30"),
    ("conv 4@3x3 stride=2x1", "4@15x30"),
    ("conv 4@3x3x3", "E0303 3x3x3"),
    ("conv 4@3x3 { | relu }", "E0214 conv 4@3x3"),
]
NUMBERS = [
    ("5 // 2 * 2", "4"),
    ("7 % 4", "3"),
    ("-7 // 2 + 10", "6"),
    ("-7 % 4", "1"),
    ("2 if 1 < 2 else 3", "2"),
    ("2 if not 1 < 2 else 3", "3"),
    ("1 if yes else 2 if no else 3", "1"),
    ("2 if 1 < 2 and (no or 3 != 4) else 3", "2"),
    ("len([e for e in 3])", "3"),
    ("sum([e * 2 for e in [1, 2, 3]])", "12"),
    ("sum([a * b for a, b in [[1, 2], [3, 4]]])", "14"),
    ("table[1, 0]", "3"),
    ("table[1][0]", "E0101 ["),
    ("table[2, 0]", "E0306 2"),
    ("sum(list[:3])", "6"),
    ("sum(list[1:3])", "5"),
    ("sum(list[-2:])", "7"),
    ("list[-1]", "4"),
    ("len(list + [5])", "5"),
    ("min(3, 4)", "3"),
    ("min([3, 4])", "3"),
    ("max(3, 4.0)", "E0303 max(3, 4.0)"),
    ("ceil(2.5)", "3"),
    ("round(2.5)", "2"),
    ("round(3.5)", "4"),
    ("divisible(17, 8)", "16"),
    ("divisible(19, 8)", "24"),
    ("divisible(3, 8)", "8"),
    ("divisible(11, 8)", "16"),
    ("divisible(0.75 * 24, 8)", "24"),
    ("in.features // 1024", "3"),
    ("5 / 2", "E0303 5 / 2"),
    ("4 / 2", "E0303 4 / 2"),
    ('"3"', 'E0303 "3"'),
    ("yes", "E0303 yes"),
    ("1 // 0", "E0306 1 // 0"),
    ("1 < 2 < 3", "E0101 <"),
    ("2 ** 3", "8"),
    ("16 * 2**2 + 1", "65"),
    ("2**3**2", "512"),
    ("20 - -2**2", "24"),
    ("(-2)**2", "4"),
    ("2**-1 * 8", "E0303 2**-1 * 8"),
    ("round(2**-1 * 8)", "4"),
    ("round(16**0.5)", "4"),
    ("round((-8.0)**2.0)", "64"),
    ("2**3.0", "E0303 2**3.0"),
    ("0**0", "1"),
    ("1**2147483647", "1"),
    ("3 + (-1)**2147483647", "2"),
    ("2**20", "1048576"),
    ("2**31", "E0307 2**31"),
    ("10**10**9", "E0307 10**10**9"),
    ("(-10)**10**9", "E0307 (-10)**10**9"),
    ("10.0**10**9", "E0307 10.0**10**9"),
    ("1 + round(10**-10**9)", "1"),
    ("0**-1", "E0306 0**-1"),
    ("(-8)**0.5", "E0306 (-8)**0.5"),
    ("yes**2", "E0306 yes"),
    ("list**2", "E0306 list"),
    ("in.features**2 // 3072", "3072"),
    ("nothing", "E0202 nothing"),
    ("sqrt(4)", "E0202 sqrt"),
    ("in.height", "E0306 in.height"),
    ("in.depth", "E0202 in.depth"),
    ("2147483647 + 1", "E0307 2147483647 + 1"),
]
OTHERS = [
    ("rate = 1e-6\nbatchnorm eps=rate", "3@32x32"),
    ("batchnorm eps=1", "3@32x32"),
    ('how = "same"\nconv 4@3x3 pad=how', "4@32x32"),
    ("normed = yes\nif normed and not no { maxpool 2x2 }", "3@16x16"),
    ("deep = 1 == 1\nif deep { maxpool 2x2 }", "3@16x16"),
    ("conv 4.0@3x3", "E0303 4.0"),
    ("filter = 4@3x3\nconv filter", "4@30x30"),
    ("conv in.channels@3x3 pad=in.height // 16\nflatten, linear in.features", "3468"),
    ("full = in.channels\nconv 8@3x3\nconv full@1x1", "3@30x30"),
    ("size = 3x5\nflatten, linear size[1]", "5"),
    ('if "a" < "b" { relu }', 'E0306 "a" < "b"'),
    ('if "a" == "a" { maxpool 2x2 }', "3@16x16"),
    ("if 1 == 1.0 { maxpool 2x2 }", "3@16x16"),
]


@pytest.mark.parametrize(("text", "expected"), STEPS + CALLS + OTHERS)
def test_steps_and_calls(text: str, expected: str) -> None:
    assert outcome(text) == expected


@pytest.mark.parametrize(("value", "expected"), NUMBERS)
def test_numbers(value: str, expected: str) -> None:
    """The value of an expression, shown by as many features."""
    text = f"table = [[1, 2], [3, 4]]\nlist = [1, 2, 3, 4]\nflatten\nlinear ({value})"
    assert outcome(text).replace(f"({value})", value) == expected
