"""A trainer that stands alone: folders of images, and a state to go on from."""

import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.utils.data import Dataset

from cnnspec.train.recipe.loop import Batch, Batches, Key, Options, Trainer


class Folder(Dataset[Batch]):
    """A folder of images for each class, each cut and shrunk to one shape."""

    def __init__(self, where: Path, options: Options) -> None:
        self.files, self.shape = sorted(where.glob("*/*")), options.shape
        classes = sorted({file.parent for file in self.files})
        self.labels = torch.tensor([classes.index(file.parent) for file in self.files])

    def __getitem__(self, key: Key) -> Batch:
        images = torch.empty(len(key[1]), *self.shape, dtype=torch.uint8)
        for row, index in enumerate(key[1]):
            images[row] = self.read(self.files[index])
        return images, self.labels[key[1]]

    def read(self, file: Path) -> Tensor:
        channels, height, width = self.shape
        image = Image.open(file).convert("L" if channels == 1 else "RGB")
        pixels = bytearray(ImageOps.fit(image, (width, height)).tobytes())
        flat = torch.frombuffer(pixels, dtype=torch.uint8)
        return flat.view(height, width, channels).permute(2, 0, 1)


def run(make: type[nn.Module], kind: type[Trainer], options: Options) -> None:
    """Train on DATA/train, try on DATA/val; go on from the state in OUT, if any."""
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    if "RANK" in os.environ:  # torchrun has started this process
        dist.init_process_group()
    if torch.cuda.is_available():
        options.device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    torch.manual_seed(options.seed)
    net, (images, tried) = make(), (Folder(data / p, options) for p in ("train", "val"))
    train = Batches(images, len(images.labels), options)
    trainer = kind(net, train, Batches(tried, len(tried.labels), options))
    if out.exists():
        state = torch.load(out, options.device, weights_only=True)
        net.load_state_dict(state["net"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        trainer.step = state["step"]
    for loss, accuracy in trainer.epochs():
        right = (trainer.evaluate().argmax(1) == tried.labels).float().mean()
        if train.rank == 0:
            step, moments = trainer.step, trainer.optimizer.state_dict()
            state = {"net": net.state_dict(), "optimizer": moments, "step": step}
            print(f"{step // train.steps}: {loss:.4f}, {accuracy:.2%}; val {right:.2%}")
            torch.save(state, f"{out}.part")
            Path(f"{out}.part").replace(out)  # renamed: a whole file, if it is killed
    if train.world > 1:
        sys.stdout.flush()
        os._exit(0)  # at once: a thread of PyTorch's group may abort as Python ends
