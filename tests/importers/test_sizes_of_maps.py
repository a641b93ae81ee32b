"""A map that becomes as large as another one does so in the specification, at every size of the input."""

from __future__ import annotations

from typing import Any

import pytest

import cnnspec

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

Tensor = torch.Tensor


class Half(nn.Sequential):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__(nn.Conv2d(channels, out, 3, 2, 1), nn.ReLU())


class ImagePool(nn.Module):
    """What all of the map holds, told to every pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.conv = Half(3, 4), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Any:
        x = self.down(x)
        return F.interpolate(self.conv(F.adaptive_avg_pool2d(x, 1)), size=x.shape[2:], mode="bilinear")


class Pools(nn.Module):
    """A block that keeps a size, at several places."""

    def __init__(self) -> None:
        super().__init__()
        self.pools = nn.Sequential(*(Pool(4 if k else 3) for k in range(3)))

    def forward(self, x: Tensor) -> Any:
        return self.pools(x)


class Pool(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv, self.gate = nn.Conv2d(channels, 4, 3, padding=1), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Any:
        x = self.conv(x)
        return x * self.gate(F.interpolate(F.avg_pool2d(x, 2), size=x.shape[-2:])).sigmoid()


class Pyramid(nn.Module):
    """Features of three sizes, each added to the finer one."""

    def __init__(self) -> None:
        super().__init__()
        self.halves = nn.ModuleList([Half(3, 4), Half(4, 4), Half(4, 4)])
        self.out = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Any:
        found = []
        for half in self.halves:
            x = half(x)
            found.append(x)
        for finer in found[1::-1]:
            x = finer + F.interpolate(x, size=finer.shape[-2:])
        return self.out(x)


class Decoder(nn.Module):
    """Reads a map that stands in the braces of another module."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.ModuleDict({"low": Half(3, 4), "high": Half(4, 4)})
        self.head = nn.Module()
        self.head.wide = nn.Conv2d(4, 5, 1)
        self.head.fine = nn.Conv2d(4, 5, 1)

    def forward(self, x: Tensor) -> Any:
        low = self.body["low"](x)
        x = F.interpolate(self.head.wide(self.body["high"](low)), size=low.shape[-2:], mode="bilinear")
        return F.interpolate(x + self.head.fine(low), size=(low.shape[2] * 2, low.shape[3] * 2))


class Cropped(nn.Module):
    """The first U-Net's: the middle of a map, as large as what convolutions without pads leave."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, dilation=3)

    def forward(self, x: Tensor) -> Any:
        x = self.a(x)
        y = self.b(x)
        top, left = ((n - m) // 2 for n, m in zip(x.shape[2:], y.shape[2:], strict=True))
        return torch.cat([x[:, :, top : top + y.shape[2], left : left + y.shape[3]], y], 1)


class Pooled(nn.Module):
    """A map made as small as another one by adaptive windows."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.down = nn.Conv2d(3, 4, 3, padding=1), Half(3, 4)

    def forward(self, x: Tensor) -> Any:
        y = self.down(x)
        return y + F.adaptive_avg_pool2d(self.fine(x), y.shape[-2:])


@pytest.mark.slow
@pytest.mark.parametrize("kind", [ImagePool, Pools, Pyramid, Decoder, Cropped, Pooled])
@pytest.mark.parametrize("flat", [False, True])
def test_a_map_follows_another_one(kind: type[nn.Module], flat: bool) -> None:
    module = kind().eval()
    text = cnnspec.from_torch(module, (3, 32, 32), flat=flat)
    for size in [(32, 32), (33, 47), (50, 21)]:
        found = cnnspec.check_text(text.replace("3@32x32", "3@{}x{}".format(*size)))
        assert not [each for each in found.diagnostics if each.severity == "error"], text
        space: dict[str, Any] = {"__name__": "emitted"}
        exec(compile(cnnspec.build(found.networks[0]), "emitted.py", "exec"), space)
        built = space[kind.__name__]().eval()
        built.load_state_dict(module.state_dict())
        image = torch.rand(2, 3, *size)
        with torch.no_grad():
            torch.testing.assert_close(built(image), module(image), rtol=1e-5, atol=1e-6)


def test_the_text() -> None:
    assert (
        cnnspec.from_torch(ImagePool(), (3, 32, 32))
        == """\
net ImagePool {
    input 3@32x32
    down: { conv 4@3x3 stride=2 pad=1, relu }
    size = [in.height, in.width]
    globalavgpool, conv: conv 4@1x1, upsample size=size mode="bilinear"
}
"""
    )
