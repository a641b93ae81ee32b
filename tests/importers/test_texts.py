"""Modules as people write them, and what a reader would have written of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cnnspec.compiler import check_text
from cnnspec.importers.terms.formulas import name
from cnnspec.importers.terms.terms import Braces, Call, If, Join, Repeat
from cnnspec.importers.torch.read import read
from cnnspec.importers.wording.spec_text import SpecPrinter
from cnnspec.importers.write import shortest, write
from cnnspec.values.shapes import Shape


class Unit(nn.Sequential):
    def __init__(self, arriving: int, width: int) -> None:
        super().__init__(nn.Conv2d(arriving, width, 3, padding=1), nn.ReLU())


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = [16, 32, 64]
        self.down = nn.ModuleList(Unit(a, b) for a, b in zip([3, *widths], widths, strict=False))
        self.middle = Unit(64, 128)
        self.up = nn.ModuleList()
        for width in reversed(widths):
            self.up.append(nn.ConvTranspose2d(2 * width, width, 2, 2))
            self.up.append(Unit(2 * width, width))
        self.last = nn.Conv2d(16, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for unit in self.down:
            skips.append(unit(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.middle(x)
        for k in range(0, 6, 2):
            x = self.up[k + 1](torch.cat([skips.pop(), self.up[k](x)], 1))
        return self.last(x)


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Unit(3 + 4 * k, 4) for k in range(5))

    def forward(self, x: Tensor) -> Tensor:
        found = [x]
        for layer in self.layers:
            found.append(layer(torch.cat(found, 1)))
        return torch.cat(found, 1)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        self.score = nn.Linear(8, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.score((self.tower(left) - self.tower(right)).abs().mean((2, 3)))


class Apart(nn.Module):
    """The steps of two lists run by turns."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, 3, 3) for _ in range(2))
        self.norms = nn.ModuleList(nn.BatchNorm2d(3) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = norm(conv(x))
        return x


class Either(nn.Module):
    """Either path of the sum has the projection."""

    def __init__(self, is_left: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.short = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))
        self.is_left = is_left

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return self.short(x) + x if self.is_left else x + self.short(x)


class Tree(nn.Module):
    """Its second half has a part that is called as its first half is."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 3, 3, padding=1)
        self.two = nn.ModuleDict({name: nn.Conv2d(3, 3, 3, padding=1) for name in ("one", "two")})
        self.two["root"] = nn.Conv2d(9, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = self.one(x)
        second = self.two["one"](first)
        return self.two["root"](torch.cat([self.two["two"](second), second, first], 1))


class Gathering(nn.Module):
    """Steps in a list, each of which is read once more behind the list."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(5))
        self.last = nn.Conv2d(48, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        found = [x]
        for layer in self.layers:
            found.append(layer(found[-1]))
        return self.last(torch.cat(found, 1))


class Double(nn.Sequential):
    def __init__(self, arriving: int, width: int) -> None:
        super().__init__(
            nn.Conv2d(arriving, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.BatchNorm2d(width)
        )


class Thrice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = Double(3, 8), Double(8, 16), Double(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.third(F.max_pool2d(self.second(F.max_pool2d(self.first(x), 2)), 2))


def text(module: nn.Module, inputs: int = 1) -> str:
    return write(read(module, [Shape(3, 32, 32)] * inputs))


def test_a_unet() -> None:
    assert (
        text(UNet())
        == """block Unit(out) {
    conv out@3x3 pad=1, relu
}

net UNet {
    input 3@32x32
    down: { 0: Unit 16, maxpool_1: maxpool 2x2, 1: Unit 32, maxpool_2: maxpool 2x2, 2: Unit 64 }
    maxpool 2x2
    middle: Unit 128
    up: repeat i, width in [[2, 64], [1, 32], [0, 16]] {
        convtranspose width@2x2 stride=2
        concat { | from down."{i}" | identity }
        Unit width
    }
    last: conv 1@1x1
}
"""
    )


def test_lists_that_grow() -> None:
    assert (
        text(Dense())
        == """net Dense {
    input 3@32x32
    layers: repeat j in 5 { concat { | identity | "{j}": { conv 4@3x3 pad=1, relu } } }
}
"""
    )


def test_two_inputs_and_a_shared_tower() -> None:
    assert (
        text(Pair(), 2)
        == """net Pair {
    left: input 3@32x32
    right: input 3@32x32
    from left, tower: { conv 8@3x3, relu }
    from right, again tower
    sub { | from tower | identity }, abs
    globalavgpool, flatten, score: linear 1
}
"""
    )


def test_modules_whose_steps_run_by_turns() -> None:
    assert (
        text(Apart())
        == """net Apart {
    input 3@32x32
    repeat j in 2 { "convs.{j}": conv 3@3x3, "norms.{j}": batchnorm }
}
"""
    )


def test_one_label_in_either_path() -> None:
    written = text(nn.Sequential(*map(Either, (False, True, True, False))))
    assert written.splitlines()[2:6] == [
        "    add {",
        "        | if short { short: { conv 3@1x1, batchnorm } } else { identity }",
        "        | if not short { short: { conv 3@1x1, batchnorm } } else { identity }",
        "    }",
    ]


def test_wires_lead_to_the_step_that_is_meant() -> None:
    """Within `two`, `one` is the step of that name in it."""
    assert (
        text(Tree())
        == """net Tree {
    input 3@32x32
    one: conv 3@3x3 pad=1, skip1: identity
    two: {
        one: conv 3@3x3 pad=1
        two: conv 3@3x3 pad=1
        concat { | identity | from one | from skip1 }
        root: conv 3@1x1
    }
}
"""
    )


def test_what_stands_at_three_places_is_a_block() -> None:
    """However short it is there."""
    assert text(Thrice()).count(": Double ") == 3


def test_steps_of_a_repeat_that_are_read_keep_their_labels() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 1), Gathering(), Gathering(), Gathering())
    written = shortest(read(net, [Shape(3, 32, 32)]), ()).text
    assert 'layers: repeat j in 5 { "{j}": conv 8@3x3 pad=1 }' in written
    assert check_text(written).ok


class Fused(nn.Module):
    """Maps of two branches, each of which is added to the other behind a convolution of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList(Unit(3, 3) for _ in range(2))
        self.fuse = nn.ModuleList(nn.Conv2d(3, 3, k, padding=k // 2) for k in (1, 3))

    def forward(self, x: Tensor) -> Tensor:
        a, b = (branch(x) for branch in self.branches)
        left, right = a + self.fuse[0](b), self.fuse[1](a) + b
        return torch.cat([left.relu(), right.tanh()], 1)


def test_what_one_join_alone_reads_stands_in_its_path() -> None:
    """Behind the wire by which it begins."""
    assert (
        text(Fused()).partition("    start1: identity\n")[2]
        == """    branches: { 0: Unit, from start1, 1: Unit }
    fuse: {
        conv 3@1x1
        add { | from branches.0 | identity }, relu_1: relu
        concat { | identity | add { | from branches.0, 1: conv 3@3x3 pad=1 | from branches.1 }, tanh }
    }
}
"""
    )


class Chain(nn.Module):
    """Units by themselves, which differ too much for a repeat."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = Double(3, 16), Double(16, 8)
        self.c, self.d = Double(8, 24), Double(24, 72)

    def forward(self, x: Tensor) -> Tensor:
        return self.d(self.c(F.max_pool2d(self.b(self.a(x)), 2)))


def test_uses_of_one_block_share_a_line() -> None:
    assert text(Chain()).splitlines()[-3:-1] == [
        "    a: Double 16, b: Double 8, maxpool 2x2",
        "    c: Double 24, d: Double 72",
    ]


class Mixed(nn.Module):
    """Convolutions with kernels of their own, each for its part of the channels."""

    def __init__(self, width: int, pads: Sequence[int]) -> None:
        super().__init__()
        part = width // len(pads)
        self.convs = nn.ModuleList(nn.Conv2d(part, part, 2 * pad + 1, padding=pad) for pad in pads)

    def forward(self, x: Tensor) -> Tensor:
        parts = zip(self.convs, x.chunk(len(self.convs), 1), strict=True)
        return torch.cat([conv(part) for conv, part in parts], 1)


def test_forms_that_no_block_says_together_are_blocks_of_their_own() -> None:
    """Where steps without tensors need labels, these are the same in each of them."""
    pads = [1, 4, 2, 3]
    written = text(nn.Sequential(nn.Conv2d(3, 24, 1), *(Mixed(24, pads[:k]) for k in (2, 3, 4, 2, 3, 4))))
    assert re.findall(r"block (\w+)", written) == ["Mixed", "Mixed2", "Mixed3"]
    assert written.count("slice_1: slice 0 ") == 3


def test_paths_whose_numbers_count_are_a_loop_over_as_many_as_a_parameter_says() -> None:
    mixed = (Mixed(24, range(1, count + 1)) for count in (2, 3, 4, 2))
    assert (
        text(nn.Sequential(nn.Conv2d(3, 24, 1), *mixed)).partition("\n\nnet")[0]
        == """block Mixed(paths) {
    convs: concat for j in paths {
        | slice_1_{j}: slice (in.channels // paths * j) (in.channels // paths * (j + 1))
          "{j}": conv in.channels@(2 * j + 3) pad=(j + 1)
    }
}"""
    )


class Summed(nn.Module):
    """Convolutions that are added to a norm, one or more."""

    def __init__(self, width: int, convs: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)
        self.convs = nn.ModuleList(nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU()) for _ in range(convs))

    def forward(self, x: Tensor) -> Tensor:
        return sum((conv(x) for conv in self.convs), self.norm(x))


def test_a_list_of_one_module_is_as_one_of_several() -> None:
    """Though alone it needs no label in its braces, beside others it stands in the path of one of them."""
    written = shortest(
        read(nn.Sequential(*(Summed(3, k) for k in (1, 4, 1, 4))), [Shape(3, 32, 32)]), ()
    ).text
    assert check_text(written).ok
    assert [line.strip() for line in written.splitlines()[3:5]] == [
        '| "convs.0": { conv 3@1x1, relu }',
        '| if convs { "convs.1": { conv 3@1x1, relu } } else { none }',
    ]
    assert 'repeat i in 2 { "{2 * i}": Summed no, "{2 * i + 1}": Summed yes }' in written


def test_a_stage_of_one_block_is_a_line() -> None:
    """Its first use, and how often the others come."""
    unit = {number: Call("Unit", (("width", number),), (), True) for number in (8, 16)}
    printer = SpecPrinter({"Unit": {"width": ...}})
    stage = Braces(("layer", 1), (unit[8], Repeat((), 3, (unit[16],))))
    assert printer.chain((stage,), 80) == ["layer1: { Unit 8, repeat 3 { Unit 16 } }"]
    assert printer.chain((stage,), 30) == ["layer1: {", "    Unit 8", "    repeat 3 { Unit 16 }", "}"]
    path = (unit[8], Braces(("scale",), (Call("scale", (("init", 0.5),)),)))
    assert printer.chain((Join("add", ((), path)),), 80) == [
        "add { | identity | Unit 8, scale: { scale 0.5 } }"
    ]


class Halves(nn.Module):
    """A root reads both halves; in some it reads what enters, too, in half the size."""

    def __init__(self, arriving: int, width: int, *, is_read: bool) -> None:
        super().__init__()
        self.is_read = is_read
        self.one = nn.Conv2d(arriving, width, 1)
        self.two = nn.Conv2d(width, width, 1)
        self.root = nn.Conv2d(2 * width + is_read * arriving, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        below = F.max_pool2d(x, 2)
        one = torch.relu(self.one(below))
        return self.root(torch.cat([self.two(one), one, *[below] * self.is_read], 1))


def test_modules_of_a_class_are_one_block_where_only_some_need_wires() -> None:
    halves = [Halves(a, b, is_read=a in (8, 24)) for a, b in pairwise([3, 8, 16, 24, 32])]
    written = text(nn.Sequential(*halves))
    assert written.splitlines()[1:4] == [
        "    skip2: maxpool 2x2, one: conv out@1x1, skip1: relu",
        "    two: conv out@1x1",
        "    concat { | identity | from skip1 | if flag { from skip2 } else { none } }",
    ]


class Normed(nn.Module):
    def __init__(self, eps: float) -> None:
        super().__init__()
        self.c, self.n = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8, eps=eps)
        self.d, self.m = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8, eps=eps)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.m(self.d(torch.relu(self.n(self.c(x)))))


def test_a_parameter_of_a_block_is_no_default_of_a_net() -> None:
    written = text(nn.Sequential(nn.Conv2d(3, 8, 1), *(Normed(eps / 1000) for eps in (1, 2, 3))))
    assert "default" not in written
    assert "block Normed(eps)" in written
    assert written.count("batchnorm eps=eps") == 2


def test_a_condition_of_two_ways_takes_no_more_room_than_its_letters() -> None:
    line = "if a { relu } else { tanh }"
    term = If(name("a"), (Call("relu", ()),), (Call("tanh", ()),))
    assert SpecPrinter({}).term(term, len(line)) == [line]
    assert len(SpecPrinter({}).term(term, len(line) - 1)) > 1
