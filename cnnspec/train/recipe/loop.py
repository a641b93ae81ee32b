"""The loop: fit a classifier of images, in one process or under torchrun in several."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler

Key = tuple[int, list[int]]  # an epoch, and the indices of a batch's images
Batch = tuple[Tensor, Tensor]  # images (N, C, H, W), uint8 or floats; labels (N,)


@dataclass
class Options:
    epochs: int = 10
    batch: int = 32
    lr: float = 5e-3
    weight_decay: float = 0.01  # of kernels and matrices, not of biases and norms
    warmup: float = 3.0  # epochs in which the learning rate rises; then it falls to 0
    shape: tuple[int, int, int] = (3, 224, 224)  # of an image, (C, H, W)
    mean: tuple[float, ...] = (0.0,)  # of pixels from 0 to 1
    std: tuple[float, ...] = (1.0,)
    seed: int = 0
    device: str = "cpu"
    workers: int = 0


class Batches(Sampler[Key]):
    """Batches of equal size, to within an image; of each the part of this process."""

    def __init__(self, images: Dataset[Batch], count: int, options: Options) -> None:
        self.images, self.count, self.options = images, count, options
        self.steps, self.step, self.shuffle = math.ceil(count / options.batch), 0, False
        several = dist.is_initialized()
        self.rank = dist.get_rank() if several else 0
        self.world = dist.get_world_size() if several else 1

    def __iter__(self) -> Iterator[Key]:
        epoch, first = divmod(self.step, self.steps)
        chance = torch.Generator().manual_seed(self.options.seed * 1_000_003 + epoch)
        drawn = torch.randperm(self.count, generator=chance)
        order = drawn if self.shuffle else torch.arange(self.count)
        for whole in order.tensor_split(self.steps)[first:]:
            yield epoch, whole[self.rank :: self.world].tolist()


class Trainer:
    """Fits a net to `train`. What is random follows from the seed and the step."""

    def __init__(self, net: nn.Module, train: Batches, val: Batches) -> None:
        self.train, self.val, self.options = train, val, train.options
        train.shuffle, self.device = True, torch.device(self.options.device)
        self.batches, self.val_batches = self.load(train), self.load(val)
        self.net = self.shown = net.to(self.device)
        self.model = self.distribute(net) if train.world > 1 else net
        self.optimizer = self.optimise([p for p in net.parameters() if p.requires_grad])
        pair = torch.tensor([self.options.mean, self.options.std], device=self.device)
        self.mean, self.std = pair.view(2, 1, -1, 1, 1).unbind()
        self.step, self.loss, self.right = 0, 0.0, 0.0  # sums of the epoch so far

    def distribute(self, net: nn.Module) -> nn.Module:
        return nn.parallel.DistributedDataParallel(net)

    def load(self, keys: Batches) -> DataLoader[Batch]:
        workers = self.options.workers
        return DataLoader(keys.images, None, sampler=keys, num_workers=workers)

    def optimise(self, tensors: list[nn.Parameter]) -> torch.optim.Optimizer:
        decay = self.options.weight_decay
        large = {"params": [p for p in tensors if p.ndim > 1], "weight_decay": decay}
        small = {"params": [p for p in tensors if p.ndim < 2], "weight_decay": 0.0}
        return torch.optim.AdamW([large, small], fused=True)

    def rate(self, step: int) -> float:
        """The learning rate: a line up, then half a cosine down."""
        epoch, warmup = (step + 0.5) / self.train.steps, self.options.warmup
        done = (epoch - warmup) / max(self.options.epochs - warmup, 1e-9)
        falling = (1 + math.cos(math.pi * min(done, 1.0))) / 2
        return self.options.lr * (epoch / warmup if epoch < warmup else falling)

    def prepare(self, images: Tensor) -> Tensor:
        top = 255 if images.dtype == torch.uint8 else 1
        return (images.to(self.device, non_blocking=True) / top - self.mean) / self.std

    def losses(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of a batch, summed, and how many images are right."""
        logits = self.model(self.prepare(images)).flatten(1)
        loss = F.cross_entropy(logits, labels, reduction="sum")
        return loss, (logits.argmax(1) == labels).sum()

    def descend(self, images: Tensor, labels: Tensor) -> None:
        """Take a step against the gradient of a batch."""
        seed = (self.options.seed << 32) + (self.step << 12) + self.train.rank
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.step)
        loss, right = self.losses(images, labels.to(self.device, non_blocking=True))
        sums = torch.stack([loss.detach(), right, torch.full_like(right, len(labels))])
        if self.train.world > 1:
            dist.all_reduce(sums)
        total, hits, size = sums.tolist()
        if not math.isfinite(total):
            raise FloatingPointError(f"the loss is {total}")
        # Processes average their gradients, so each sum counts times their number.
        self.advance(loss * self.train.world / size)
        self.loss, self.right = self.loss + total, self.right + hits
        self.step += 1

    def advance(self, loss: Tensor) -> None:
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def epochs(self) -> Iterator[tuple[float, float]]:
        """Train; the loss and the accuracy of each epoch as it ends."""
        while self.step < self.options.epochs * self.train.steps:
            self.net.train()
            self.train.step = self.step
            for images, labels in self.batches:
                self.descend(images, labels)
            figures = self.loss / self.train.count, self.right / self.train.count
            self.loss = self.right = 0.0
            yield figures

    @torch.no_grad()
    def evaluate(self) -> Tensor:
        """What the net makes of all images of `val`, (N, classes), in each process."""
        net, places = self.shown.eval(), [i for _, keys in self.val for i in keys]
        made = [net(self.prepare(images)).flatten(1) for images, _ in self.val_batches]
        scores = torch.zeros(self.val.count, made[0].shape[1], device=self.device)
        scores[places] = torch.cat(made).float()
        if self.val.world > 1:
            dist.all_reduce(scores)
        return scores.cpu()
