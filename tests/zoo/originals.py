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
