"""Small random specifications whose sizes take every turn that the language has for them."""

from __future__ import annotations

import random

WALKS = (
    "conv 4@3x3",
    "conv 4@1x5 pad=0x2",
    "conv 4@3x3 stride=2 pad=1",
    "conv 4@5x3 stride=3x2 pad=[1, 0, 2, 1]",
    "conv 4@2x2 dilation=2",
    'conv 4@3x3 pad="same"',
    'conv 4@3x2 stride=2 pad="same"',
    'conv 4@3x3 pad=2 mode="reflect"',
    'depthwise 3x3 stride=1x2 pad=1 mode="circular"',
    "convtranspose 4@2x2 stride=2",
    "convtranspose 4@3x3 stride=2 pad=1 extra=1",
    "convtranspose 4@1x1 pad=1",
    "maxpool 2x2",
    "maxpool 3x3 stride=2 pad=1",
    "maxpool 3x2 stride=2 ceil=yes",
    "avgpool 2x3 stride=1",
    "avgpool 3x3 stride=2 pad=1 ceil=yes",
    "adaptiveavgpool 3x2",
    "upsample 2",
    "upsample [0.5, 1.5]",
    "upsample size=6x5",
    "pixelshuffle 2, conv 4@1x1",
    'pad 2 mode="reflect"',
    'pad [0, 1, 2, 0] mode="circular"',
    "crop 3x4",
    "crop sides=[1, 0, 0, 1]",
    "relu",
    "batchnorm",
    "instancenorm",
    "mul { | identity | globalavgpool, conv 4@1x1, sigmoid }",
    "mul { | identity | conv 4@3x3 stride=2 pad=1 }",
    "add { | conv 4@3x3 pad=1 | conv 4@1x1 }",
    "concat { | maxpool 2x2, upsample 2 | identity }, conv 4@1x1",
    "add { | conv 4@2x2 stride=2 | maxpool 2x2 ceil=yes }",
    "concat { | conv 2@3x3 | crop sides=1 }, conv 4@1x1",
    "maxunpool 2x3 { | maxpool 2x3 | identity }",
)
READS = (
    "crop [in.height - 1, in.width - 2]",
    "crop [in.width, in.height]",
    "upsample size=[in.height * 2, in.width + 1]",
    "upsample size=[2 ** (in.height // 8), in.width**2 // 4]",
    "conv 4@3x3 pad=in.height // 4",
    "depthwise [in.height, in.width]",
    "mul { | identity | adaptiveavgpool [in.height, 1] | adaptiveavgpool [1, in.width] }",
    "require in.height % 2 == 0 and in.width > 3",
    "require in.height >= in.width",
    "require not (in.height == 5 or in.width % 3 == 1)",
    "if in.height > 6 { maxpool 2x2 } else { relu }",
    "if in.width > 5 and in.height > 4 { conv 4@3x3 }",
    "repeat in.height // 8 { maxpool 2x2 }",
    "half = in.height // 2\n    crop [half, in.width]",
    "side = max(in.height, 4)\n    upsample size=side",
    "add { | if in.height > 4 { conv 4@3x3 pad=1 } else { none } | identity }",
    "Reading",
    "Reading, Reading",
    "s{i}: relu\n    maxpool 2x2, upsample size=[in.height * 2, in.width * 2]\n"
    "    concat { | from s{i} | identity }\n    conv 4@1x1",
)
ENDS = (
    "",
    "flatten, linear 3",
    "flatten, linear 3 in=48",
    "globalavgpool, flatten, linear 3",
    "adaptiveavgpool 2x2, flatten, linear 3",
    'layernorm over="all"',
    "flatten, linear (in.features // 2)",
    "concat { | flatten | globalavgpool, flatten }\n    linear 3",
    "flatten, batchnorm, slice 0 8",
    "flatten, groupnorm 16",
)
BLOCK = """block Reading {
    if in.height % 2 == 0 { maxpool 2x2 } else { conv 4@3x3 pad=1 }
    add { | identity | conv 4@1x1, crop [in.height, in.width] }
}
"""


def spec(seed: int) -> str:
    chosen = random.Random(seed)
    steps = chosen.choices(WALKS, k=chosen.randint(1, 4))
    for _ in range(chosen.choice((0, 0, 1, 1, 2))):
        steps.insert(chosen.randint(0, len(steps)), chosen.choice(READS))
    steps = [step.replace("{i}", f"{number}") for number, step in enumerate(steps)]
    height, width = chosen.randint(6, 16), chosen.randint(6, 16)
    lines = [f"input 4@{height}x{width}", *steps, chosen.choice(ENDS)]
    return BLOCK + "net N {\n    " + "\n    ".join(lines) + "\n}\n"
