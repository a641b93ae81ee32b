"""Images of the data as batches, changed at random where that is wanted."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cnnspec.run import RunProblem
from cnnspec.train.data.augment import change
from cnnspec.train.data.images import ArrayImages, Images
from cnnspec.train.recipe.loop import Batch, Key


class TensorImages(Dataset[Batch]):
    """Gives the Batch of a Key. What changes an image follows from the seed, the epoch and its index.

    `augment`: none, flip, crop, or trivial: as crop, then one of the changes of TrivialAugment (Müller and
    Hutter 2021).
    """

    def __init__(self, images: Images, augment: str = "none", seed: int = 0) -> None:
        self.images, self.augment, self.seed = images, augment, seed
        self.labels = torch.from_numpy(images.labels)
        self.trivial: Callable[[Tensor], Tensor] | None = trivial_augment() if augment == "trivial" else None

    def __getitem__(self, key: Key) -> Batch:
        epoch, indices = key
        if isinstance(self.images, ArrayImages) and self.augment == "none":
            return torch.from_numpy(self.images.pixels[indices]), self.labels[indices]
        # Of 5 images in a batch 3 of 8 processes get none; they run, too, for the others wait for them.
        if not indices:
            return torch.from_numpy(self.images.read(0)[None][:0]), self.labels[:0]
        return torch.stack([self.read(epoch, index) for index in indices]), self.labels[indices]

    def read(self, epoch: int, index: int) -> Tensor:
        image = self.images.read(index)
        if self.augment == "none":
            return torch.from_numpy(image)
        chance = np.random.default_rng([self.seed, epoch, index])
        made = torch.from_numpy(np.ascontiguousarray(change(image, self.augment, chance)))
        if self.trivial is None:
            return made
        # torchvision draws from PyTorch's own generator, not from one that is handed over.
        torch.manual_seed(int(chance.integers(2**62)))
        return self.trivial(made)


def trivial_augment() -> Callable[[Tensor], Tensor]:
    """torchvision's TrivialAugment. Raises ImportError, or RunProblem where torchvision does not load."""
    try:
        from torchvision.transforms import v2
    except RuntimeError as problem:
        raise RunProblem(f"torchvision does not load beside this PyTorch: {problem}") from None
    made: Callable[[Tensor], Tensor] = v2.TrivialAugmentWide()
    return made
