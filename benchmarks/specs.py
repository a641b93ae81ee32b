"""Specifications of a size: flat, and of blocks and repeats."""

from __future__ import annotations

from cnnspec.elaborate.settings import Settings
from cnnspec.values.limits import Limits

STEPS = ("conv 16@3x3 pad=1", "relu", "batchnorm", "conv 16@3x3 pad=1 bias=no")


LARGE = Settings(limits=Limits(max_layers=100_000))
"""For nets beyond the bound that holds by default."""


def flat(statements: int) -> str:
    """So many statements, one a line, nothing repeated by the language."""
    steps = [f"    {STEPS[number % len(STEPS)]}" for number in range(statements - 3)]
    return "\n".join(["net Flat {", "    input 3@64x64", *steps, "}", ""])


def deep(layers: int) -> str:
    """A network of about so many layers, written with a block and repeats, as a person would."""
    return f"""block Unit(width, stride=1) {{
    add {{
        | conv width@3x3 pad=1 stride=stride bias=no, batchnorm, relu
          conv width@3x3 pad=1 bias=no, batchnorm
        | if stride != 1 or in.channels != width {{ conv width@1x1 stride=stride bias=no, batchnorm }}
          else {{ identity }}
    }}
    relu
}}
net Deep {{
    input 3@64x64
    conv 16@3x3 pad=1, relu
    repeat width in [16, 32, 64] {{
        repeat {round(layers / 27)} {{ Unit width, conv width@3x3 pad=1, relu }}
    }}
    globalavgpool, flatten, linear 10
}}
""".replace("}\n          else {", "} else {")
