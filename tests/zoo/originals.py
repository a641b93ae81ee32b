"""The nets that torchvision does not have, by hand after their papers; weights are named as the zoo does."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LeNet5(nn.Module):
    def __init__(self, classes: int = 10, channels: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.linear1 = nn.Linear(16 * 5 * 5, 120)
        self.linear2 = nn.Linear(120, 84)
        self.linear3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.tanh(self.linear1(x.flatten(1)))
        x = torch.tanh(self.linear2(x))
        return self.linear3(x)


class LeNet1998(nn.Module):
    """C3 is one convolution of all maps, masked by the paper's Table I: another way to the same numbers."""

    TABLE = (  # row: a map of S2; column: a map of C3; X: connected
        "X...XXX..XXXX.XX",
        "XX...XXX..XXXX.X",
        "XXX...XXX..X.XXX",
        ".XXX..XXXX..X.XX",
        "..XXX..XXXX.XX.X",
        "...XXX..XXXX.XXX",
    )

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = nn.ModuleDict({"1": nn.Conv2d(6, 6, 1, groups=6)})
        sees = [[row for row in range(6) if self.TABLE[row][column] == "X"] for column in range(16)]
        self.c3 = nn.ModuleDict({str(2 * i + 1): nn.Conv2d(len(maps), 1, 5) for i, maps in enumerate(sees)})
        self.s4 = nn.ModuleDict({"1": nn.Conv2d(16, 16, 1, groups=16)})
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.linear2 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.c1(x))
        x = torch.tanh(self.s2["1"](F.avg_pool2d(x, 2)))
        weight = torch.zeros(16, 6, 5, 5)
        for column in range(16):
            part = iter(self.c3[str(2 * column + 1)].weight[0])
            for row in range(6):
                if self.TABLE[row][column] == "X":
                    weight[column, row] = next(part)
        bias = torch.cat([self.c3[str(2 * column + 1)].bias for column in range(16)])
        x = torch.tanh(F.conv2d(x, weight, bias))
        x = torch.tanh(self.s4["1"](F.avg_pool2d(x, 2)))
        x = torch.tanh(self.c5(x)).flatten(1)
        return self.linear2(torch.tanh(self.f6(x)))


class Digits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.linear1 = nn.Linear(128, 64)
        self.linear2 = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.linear2(F.relu(self.linear1(x.flatten(1))))


def double(arriving: int, width: int, pad: int, normed: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (arriving, width):
        layers.append(nn.Conv2d(channels, width, 3, padding=pad, bias=not normed))
        layers += [nn.BatchNorm2d(width)] if normed else []
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, pad: int = 0, normed: bool = False) -> None:
        super().__init__()
        self.pad = pad
        widths = [64, 128, 256, 512]
        for i, width in enumerate(widths):
            setattr(self, f"enc{i}", double(1 if i == 0 else widths[i - 1], width, pad, normed))
            setattr(self, f"up{i}", nn.ConvTranspose2d(2 * width, width, 2, stride=2))
            setattr(self, f"dec{i}", double(2 * width, width, pad, normed))
        self.bottom = double(512, 1024, pad, normed)
        self.head = nn.Conv2d(64, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for i in range(4):
            x = self.get_submodule(f"enc{i}")(x)
            kept.append(x)
            x = F.max_pool2d(x, 2)
        x = self.bottom(x)
        if not self.pad:
            x = F.dropout(x, 0.5, self.training)
        for i in (3, 2, 1, 0):
            x = self.get_submodule(f"up{i}")(x)
            edge = (kept[i].shape[-1] - x.shape[-1]) // 2
            across = F.pad(kept[i], [-edge] * 4)
            x = self.get_submodule(f"dec{i}")(torch.cat([across, x], dim=1))
        return self.head(x)


class PaddedUNet(UNet):
    def __init__(self) -> None:
        super().__init__(pad=1, normed=True)


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tower = nn.Sequential(
            *(nn.Conv2d(1, 64, 10), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 128, 7), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(128, 128, 4), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(128, 256, 4), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(9216, 4096), nn.Sigmoid()),
        )
        self.linear1 = nn.Linear(4096, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        distance = (self.tower(left) - self.tower(right)).abs()
        return torch.sigmoid(self.linear1(distance))


class Edges(nn.Module):
    BLUR = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
    DX = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
    DY = ((-1, -2, -1), (0, 0, 0), (1, 2, 1))

    def __init__(self) -> None:
        super().__init__()
        for name, kernel, unit in (
            ("conv1", self.BLUR, 16.0),
            ("conv2", self.DX, 1.0),
            ("conv3", self.DY, 1.0),
        ):
            self.add_module(name, nn.Module())
            self.get_submodule(name).register_buffer("weight", torch.tensor([[kernel]]) / unit)

    def forward(self, x: Tensor) -> Tensor:
        def filtered(x: Tensor, name: str) -> Tensor:
            return F.conv2d(F.pad(x, [1] * 4, mode="replicate"), self.get_buffer(f"{name}.weight"))

        grey = filtered(x, "conv1")
        return filtered(grey, "conv2").abs() + filtered(grey, "conv3").abs()


class Blur(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.depthwise1 = nn.Module()
        self.depthwise1.register_buffer("weight", torch.tensor([[Edges.BLUR]]).repeat(3, 1, 1, 1) / 16.0)

    def forward(self, x: Tensor) -> Tensor:
        maps = [F.pad(x[:, [c]], [1] * 4, mode="replicate") for c in range(3)]
        return torch.cat([F.conv2d(m, self.get_buffer("depthwise1.weight")[[0]]) for m in maps], dim=1)


class AllCNNC(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = [(3, 96), (96, 96), (96, 96), (96, 192), (192, 192), (192, 192), (192, 192)]
        for i, (arriving, width) in enumerate(widths):
            stride, pad = (2 if i in (2, 5) else 1), (0 if i == 6 else 1)
            setattr(self, f"conv{i + 1}", nn.Conv2d(arriving, width, 3, stride, pad))
        self.conv8 = nn.Conv2d(192, 192, 1)
        self.conv9 = nn.Conv2d(192, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(x, 0.2, self.training)
        for i in range(1, 10):
            x = F.relu(self.get_submodule(f"conv{i}")(x))
            if i in (3, 6):
                x = F.dropout(x, 0.5, self.training)
        return x.mean((2, 3))


def vgg16(first_pad: int = 1, pools: int = 5) -> nn.Sequential:
    """The convolutions of VGG-16, and its pools, whose last windows may hang over, as in Caffe."""
    layers: list[nn.Module] = []
    channels = 3
    for i, (width, depth) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        for _ in range(depth):
            layers.append(nn.Conv2d(channels, width, 3, padding=1 if layers else first_pad))
            layers.append(nn.ReLU())
            channels = width
        layers += [nn.MaxPool2d(2, ceil_mode=True)] if i < pools else []
    return nn.Sequential(*layers)


class FCN32s(nn.Module):
    """The last convolution enlarges every class for itself: here each is interpolated by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.features = vgg16(first_pad=100)
        self.classifier = nn.Sequential(
            *(nn.Conv2d(512, 4096, 7), nn.ReLU(), nn.Dropout(0.5)),
            *(nn.Conv2d(4096, 4096, 1), nn.ReLU(), nn.Dropout(0.5)),
            nn.Conv2d(4096, 21, 1),
        )
        self.upscore = nn.Module()
        tent = 1 - (torch.arange(64) - 31.5).abs() / 32
        self.upscore.register_buffer("weight", (tent[:, None] * tent).expand(21, 1, 64, 64).clone())

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        scores = self.classifier(self.features(x)).split(1, dim=1)
        kernels = self.upscore.get_buffer("weight").split(1)
        maps = [F.conv_transpose2d(s, k, stride=32) for s, k in zip(scores, kernels, strict=True)]
        return torch.cat(maps, dim=1)[..., 19 : 19 + height, 19 : 19 + width]


class RPN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = vgg16(pools=4)
        self.shared = nn.Sequential(nn.Conv2d(512, 512, 3, padding=1), nn.ReLU())
        self.objectness = nn.Conv2d(512, 18, 1)
        self.boxes = nn.Conv2d(512, 36, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.shared(self.features(x))
        return self.objectness(x), self.boxes(x)


class Unit(nn.Module):
    """A residual unit that normalises before it convolves; names are by kind and count."""

    def __init__(self, arriving: int, width: int, stride: int, image: bool) -> None:
        super().__init__()
        if not image:
            self.batchnorm1 = nn.BatchNorm2d(arriving)
        self.image = image
        self.conv1 = nn.Conv2d(arriving, width, 3, stride, 1, bias=False)
        setattr(self, "batchnorm1" if image else "batchnorm2", nn.BatchNorm2d(width))
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(arriving, width, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        last = self.batchnorm1 if self.image else self.batchnorm2
        y = x if self.image else F.relu(self.batchnorm1(x))
        return self.conv2(F.relu(last(self.conv1(y)))) + self.shortcut(x)


class ResUNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        widths = [64, 128, 256, 512]
        for i, width in enumerate(widths):
            setattr(self, f"enc{i}", Unit(3 if i == 0 else widths[i - 1], width, min(i + 1, 2), i == 0))
        for i in range(3):
            setattr(self, f"dec{i}", Unit(widths[i] + widths[i + 1], widths[i], 1, False))
        self.head = nn.Conv2d(64, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for i in range(4):
            x = self.get_submodule(f"enc{i}")(x)
            kept.append(x)
        for i in (2, 1, 0):
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = self.get_submodule(f"dec{i}")(torch.cat([kept[i], x], dim=1))
        return torch.sigmoid(self.head(x))
