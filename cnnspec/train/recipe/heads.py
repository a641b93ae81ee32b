"""Nets whose training has several outputs, or that end in probabilities."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cnnspec.train.recipe.loop import Options, Trainer


@dataclass
class HeadOptions(Options):
    shares: tuple[float, ...] = (1.0,)  # of the loss, for each output of training
    main: int = 0  # the place of evaluation's output among those
    softmax: tuple[int, ...] = ()  # places of the outputs that are probabilities


class HeadTrainer(Trainer):
    """A Trainer of nets with several outputs in training, or of probabilities."""

    options: HeadOptions

    def logits(self, scores: Tensor, place: int) -> Tensor:
        """(N, classes); of probabilities their logarithms, which softmax takes back."""
        flat = scores.flatten(1).float()
        return flat.clamp_min(1e-37).log() if place in self.options.softmax else flat

    def criterion(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, reduction="sum")

    def losses(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        made = self.model(self.prepare(images))
        outputs = (made,) if isinstance(made, Tensor) else made
        found = [self.logits(scores, place) for place, scores in enumerate(outputs)]
        parts = zip(self.options.shares, found, strict=True)
        total = torch.stack([s * self.criterion(x, labels) for s, x in parts]).sum()
        return total, (found[self.options.main].argmax(1) == labels).sum()
