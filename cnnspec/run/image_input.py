"""Image files become what a net's input takes: read, sized, cropped, prepared.

Sizes as torchvision's presets for classification do: the image is shrunk or enlarged, bilinear and
antialiased, until it just covers the input, and its middle is cut out.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cnnspec.graph.tree import Input
from cnnspec.run import RunProblem, reading
from cnnspec.run.programs import Array

FORMATS = ("PNG", "JPEG")

PIXELS = 50_000_000
"""Of an image, at most: they take up to 8 bytes each while it is made ready, 400 MB."""

BAND = 256  # rows


def read_image(path: str, given: Input, short: int | None = None) -> Image.Image:
    """The image of a file as an input sees it: its height and width, grey or RGB. Raises RunProblem.

    `short`: the shorter side before the crop, if not the input's own; torchvision's presets have 256 for 224.
    """
    shape = given.value.shape
    assert shape is not None
    image = flat(resize(open_image(path), *shape.size, short))
    return image.convert("L" if shape.channels == 1 else "RGB")


def planes(image: Image.Image | Array) -> Array:
    """An image of mode L or RGB, or its bytes (H, W) or (H, W, C), as (C, H, W), uint8."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def prepare(pixels: Array, given: Input) -> Array:
    """(N, C, H, W), float32, of uint8 or floats: from 0 to 1, less the input's mean, over its deviation."""
    shares = pixels.astype(np.float32) / (255 if pixels.dtype == np.uint8 else 1)
    mean, std = (np.array(n, np.float32).reshape(1, -1, 1, 1) for n in preparation(given))
    made: Array = (shares - mean) / std
    return made


def preparation(given: Input) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The mean and the deviation of each channel of an input, 0 and 1 where it has none."""
    shape = given.value.shape
    assert shape is not None
    mean, std = given.mean or (0.0,), given.std or (1.0,)
    return mean * (shape.channels // len(mean)), std * (shape.channels // len(std))


def check_preparation(given: Input, channels: int) -> None:
    """Raises RunProblem where the input prepares other channels than it has."""
    for name, numbers in (("mean", given.mean), ("std", given.std)):
        if len(numbers) not in (0, 1, channels):
            raise RunProblem(
                f"the input's `{name}` is of {len(numbers)} channels, its shape now of {channels}"
            )


def check_image_input(given: Input, short: int | None = None) -> None:
    """Raises RunProblem where an input takes no images, whose shorter side is `short` before the crop."""
    shape = given.value.shape
    if shape is None or not shape.is_map or shape.channels not in (1, 3):
        raise RunProblem(f"an image is 1@HxW (grey) or 3@HxW (RGB), the net's input is {shape}")
    check_preparation(given, shape.channels)
    if short is not None and short < min(shape.size):
        raise RunProblem(f"a shorter side of {short} is too short: the crop takes {min(shape.size)}")


def open_image(path: str) -> Image.Image:
    """The image of a file, upright, 8 bits a channel: grey, RGB or RGBA. Raises RunProblem."""
    with reading(path), warnings.catch_warnings(action="ignore"):
        try:
            with Image.open(path, formats=FORMATS) as image:
                # `open` has read the head alone: a file of a few bytes may claim 60,000 x 60,000 pixels.
                if math.prod(image.size) > PIXELS:
                    raise Image.DecompressionBombError
                image.load()
                # A phone's camera stores pixels as its sensor lies, and notes in EXIF how to turn them.
                ImageOps.exif_transpose(image, in_place=True)
                return eight_bits(image)
        except UnidentifiedImageError:
            raise RunProblem(f"{path}: is no PNG or JPEG image") from None
        except Image.DecompressionBombError:
            raise RunProblem(f"{path}: has more than {PIXELS:,} pixels") from None


def eight_bits(image: Image.Image) -> Image.Image:
    """In mode L, RGB or RGBA; the image itself where it is."""
    if image.mode.startswith("I"):  # 16 bits, grey
        made = Image.new("L", image.size)
        # By bands, for as float64 all 50 million pixels would take 400 MB at once.
        for top in range(0, image.height, BAND):
            rows = image.crop((0, top, image.width, min(top + BAND, image.height)))
            # 65535 / 257 = 255
            made.paste(
                Image.fromarray((np.asarray(rows) / 257).round().clip(0, 255).astype(np.uint8)), (0, top)
            )
        return made
    mode = "RGBA" if image.has_transparency_data else "L" if image.mode in ("1", "L") else "RGB"
    return image if image.mode == mode else image.convert(mode)


def resize(image: Image.Image, height: int, width: int, short: int | None) -> Image.Image:
    """The middle of the image at the size at which it just covers height x width.

    Only what stays is computed: an image of 1 x 100,000 pixels takes no more than any other.
    """
    # Of a 224x224 crop with short = 256: room for 256x256. Of 224x320: 256x365.
    scale = short or min(height, width)
    room_height, room_width = (side * scale // min(height, width) for side in (height, width))
    w, h = image.size
    # The image is wider than the room: its height just fills it. Else its width does.
    if room_height * w >= room_width * h:
        # 640x480 pixels into 224x224: 224 * 640 // 480 = 298, so 298x224.
        whole_width, whole_height = room_height * w // h, room_height
    else:
        whole_width, whole_height = room_width, room_width * h // w
    # (298 - 224) / 2 = 37: columns 37 to 261 of 298 are 79.5 to 560.5 of 640.
    left, top = round((whole_width - width) / 2), round((whole_height - height) / 2)
    across, down = w / whole_width, h / whole_height
    # Pillow refuses a box beyond the image: of 397x253 pixels, 32x28 of them, `bottom` is 253.00000000000003.
    right, bottom = min(w, (left + width) * across), min(h, (top + height) * down)
    return image.resize(
        (width, height), Image.Resampling.BILINEAR, (left * across, top * down, right, bottom)
    )


def flat(image: Image.Image) -> Image.Image:
    """What is transparent, on white."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
