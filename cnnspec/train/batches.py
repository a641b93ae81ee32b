"""Images of the data as batches, changed at random where that is wanted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cnnspec.run import RunProblem
from cnnspec.run.programs import Array
from cnnspec.train.data.images import ArrayImages, Images
from cnnspec.train.recipe.loop import Batch, Key

AUGMENTS = ("none", "flip", "crop", "trivial")
"""`flip`: mirrored or not; `crop`: also moved by up to an eighth of each side, as He et al. 2016 do on CIFAR;
`trivial`: also one of TrivialAugment's changes (Müller and Hutter 2021)."""


class TensorImages(Dataset[Batch]):
    """Gives the Batch of a Key. What changes an image follows from the seed, the epoch and its index."""

    def __init__(self, images: Images, augment: str = "none", seed: int = 0) -> None:
        self.images, self.augment, self.seed = images, augment, seed
        self.labels = torch.from_numpy(images.labels)
        self.trivial: Callable[[Tensor], Tensor] | None = trivial_augment() if augment == "trivial" else None

    def __getitem__(self, key: Key) -> Batch:
        epoch, indices = key
        if isinstance(self.images, ArrayImages) and self.augment == "none":
            return torch.from_numpy(self.images.pixels[indices]), self.labels[indices]
        if not indices:
            return torch.from_numpy(self.images.read(0)[None][:0]), self.labels[:0]
        return torch.stack([self.read(epoch, index) for index in indices]), self.labels[indices]

    def read(self, epoch: int, index: int) -> Tensor:
        image = self.images.read(index)
        if self.augment == "none":
            return torch.from_numpy(image)
        chance = np.random.default_rng([self.seed, epoch, index])
        image = flip(image, chance)
        if self.augment != "flip":
            image = shift(image, chance)
        made = torch.from_numpy(np.ascontiguousarray(image))
        if self.trivial is None:
            return made
        torch.manual_seed(int(chance.integers(2**62)))
        return self.trivial(made)


def flip(image: Array, chance: np.random.Generator) -> Array:
    """Mirrored in half of the cases."""
    return image[:, :, ::-1] if chance.random() < 0.5 else image


def shift(image: Array, chance: np.random.Generator) -> Array:
    """Moved by up to an eighth of each side; the edge repeats where nothing is left."""
    height, width = image.shape[1:]
    down, across = -(-height // 8), -(-width // 8)
    wide = np.pad(image, ((0, 0), (down, down), (across, across)), mode="edge")
    top, left = chance.integers(2 * down + 1), chance.integers(2 * across + 1)
    moved: Array = wide[:, top : top + height, left : left + width]
    return moved


def trivial_augment() -> Callable[[Tensor], Tensor]:
    """torchvision's TrivialAugment. Raises ImportError, or RunProblem where torchvision does not load."""
    try:
        from torchvision.transforms import v2
    except RuntimeError as problem:
        raise RunProblem(f"torchvision does not load beside this PyTorch: {problem}") from None
    made: Callable[[Tensor], Tensor] = v2.TrivialAugmentWide()
    return made
