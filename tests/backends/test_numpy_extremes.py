"""Every layer at the extremes: one image or none, maps of one pixel, one channel; as PyTorch, or refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from cnnspec.backends.numpy.kernels.training import call_back
from cnnspec.backends.numpy.lowering import lower
from cnnspec.layers.base import Misfit
from cnnspec.values.shapes import Shape
from tests.backends.test_numpy_fast import LARGE, net_of
from tests.backends.test_numpy_kernels import CASES, KERNELS, oracle, run, tensor_names, tensors_of
from tests.layers.instantiate import Case, make, title

pytestmark = pytest.mark.slow

NORMS = ("batchnorm", "instancenorm")


def small(case: Case) -> list[Case]:
    """The layer on its own input, on a map of one pixel, of one channel, of both, where it takes them."""
    name, arguments, x = case
    shapes = [x, Shape(1)]
    if x.is_map:
        shapes = [x, Shape(x.channels, 1, 1), Shape(1, *x.size), Shape(1, 1, 1)]
    found = []
    for shape in dict.fromkeys(shapes):
        try:
            layer = make(name, **arguments)
            layer.output(shape)
            layer.torch(shape)
            found.append((name, arguments, shape))
        except Misfit:
            pass
    return found


SMALL: list[Case] = [one for case in CASES for one in small(case)]

PADS_ALONE = [c for c in SMALL if c[0] == "maxpool" and c[1].get("dilation") == 2 and c[2].size == (1, 1)]
"""A window that sees pads alone: PyTorch's gradient of its -inf is written outside of the map's memory."""


def torch_refuses(case: Case, images: int, training: bool) -> bool:
    name, arguments, x = case
    module = oracle(name, arguments, x, "float64")
    try:
        image = torch.zeros((images, *x.dimensions), dtype=torch.float64)
        if not isinstance(module, torch.nn.Parameter):
            module.train(training)(image)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("case", [c for c in SMALL if c not in PADS_ALONE], ids=title)
def test_few_images(case: Case, images: int) -> None:
    for training in (False, True) if case[0] in NORMS else (False,):
        if torch_refuses(case, images, training):
            with pytest.raises(ValueError, match="a deviation needs two values"):
                run(*case, "float64", training, images)
        else:
            run(*case, "float64", training, images, least=1e-3)  # what is 0 here is 1e-14 there


@pytest.mark.parametrize("case", SMALL, ids=title)
def test_no_image(case: Case) -> None:
    """An empty result, and gradients of zero; PyTorch's own kernels are not all safe with it."""
    name, arguments, x = case
    layer = make(name, **arguments)
    lowered = lower(layer, x)
    keywords = {**tensors_of(oracle(name, arguments, x, "float64")), **lowered.arguments}
    image = np.empty((0, *x.dimensions))
    own = name == "batchnorm" and arguments.get("track") is False  # statistics of a batch of none
    if own:
        with pytest.raises(ValueError, match="a deviation needs two values"):
            KERNELS[lowered.kernel](image, **keywords)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = KERNELS[lowered.kernel](image, **keywords)
        assert y.shape == (0, *layer.output(x).dimensions)
        if any(key.startswith("running") for key in keywords):
            return  # gradients are those of training, which refuses a batch of none
        dx, *others = call_back(
            KERNELS[f"{lowered.kernel}_backward"], np.empty_like(y), [image], {**keywords, "y": y}
        )
    assert dx.shape == image.shape
    for key, gradient in zip(tensor_names(lowered.kernel), others, strict=False):
        assert gradient is None or (gradient.shape == keywords[key].shape and not gradient.any())


@pytest.mark.parametrize("images", [0, 1])
@pytest.mark.parametrize("case", SMALL, ids=title)
def test_the_fast_path(case: Case, images: int) -> None:
    """It refuses what the plain one refuses, in the same words; else the result is the same."""
    net = net_of(case, ("relu6",))
    x = np.random.default_rng(0).standard_normal((images, *case[2].dimensions))
    found: list[Any] = []
    for net.fast in (False, True):
        try:
            found.append(net(x))
        except ValueError as refusal:
            found.append(str(refusal))
    plain, fast = found
    if isinstance(plain, str):
        assert plain == fast and plain.startswith("first cannot take")
    else:
        assert fast.shape == plain.shape and fast.dtype == plain.dtype
        assert np.abs(fast - plain).max(initial=0) <= 1e-6 * np.abs(plain).max(initial=1e-30)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
@pytest.mark.parametrize("case", CASES + LARGE, ids=title)
def test_no_path_spreads_what_is_no_number(case: Case, odd: float) -> None:
    """One NaN, or infinity, in one channel of the second of three images."""
    net = net_of(case, ())
    shape = case[2].dimensions
    x = np.random.default_rng(0).standard_normal((3, *shape)).astype(np.float32)
    x[1, 1, ...].flat[x[1, 1].size // 2] = odd
    with np.errstate(all="ignore"):
        net.fast = False
        plain = net(x)
        net.fast = True
        fast = net(x)
    assert (np.isnan(fast) == np.isnan(plain)).all()
    assert (np.isinf(fast) == np.isinf(plain)).all()


def test_a_norm_of_one_value_leaves_the_running_statistics() -> None:
    for kernel in ("batch_norm", "instance_norm"):
        for images in (0, 1):
            mean, var, count = np.zeros(4), np.ones(4), np.array(0)
            with pytest.raises(ValueError, match="two values"):
                KERNELS[kernel](
                    np.ones((images, 4, 1, 1)),
                    running_mean=mean,
                    running_var=var,
                    num_batches_tracked=count,
                    training=True,
                )
            assert not mean.any() and (var == 1).all() and count == 0
