"""A network: its layers in the order of execution, and how they run."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from importlib import import_module
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import numpy as np

from cnnspec.backends.numpy.kernels.arrays import Array
from cnnspec.backends.numpy.kernels.tensors import Tensor

Kernel = Callable[..., Any]
"""kernel(*inputs, **tensors, **arguments) -> output."""

BY_AXIS = {"window": 2, "stride": 2, "pad": 2, "pads": 4, "dilation": 2, "extra": 2}
"""Arguments with a number an axis, and for how many; one number means all of them."""


FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
"""What is computed with; other numbers become float32, or float64 as they are."""


class Layer:
    """A kernel in its place: `kernel(*inputs, **tensors, **arguments)`.

    `of` names the layers or inputs whose values it takes; if not given, the one before.
    `tensors` are its own, or, as a name, that layer's. `train`: only training runs it.
    Arguments with a value an axis may be one number: `stride=2` is `stride=(2, 2)`.
    """

    def __init__(
        self,
        name: str,
        kernel: Kernel,
        tensors: dict[str, Tensor] | str = "",
        of: tuple[str, ...] = (),
        train: bool = False,
        **arguments: Any,
    ) -> None:
        self.name, self.kernel, self.of, self.train = name, kernel, of, train
        self.tensors = {} if isinstance(tensors, str) else tensors
        self.owner = tensors if isinstance(tensors, str) and tensors else name
        self.arguments = arguments
        for argument, value in arguments.items():
            if isinstance(value, int) and argument in BY_AXIS:
                arguments[argument] = (value,) * BY_AXIS[argument]
        taken = inspect.signature(kernel).parameters.items()
        self.takes = tuple(name for name, _ in taken)
        usual = {name: each.default for name, each in taken}
        self.options = usual | arguments  # the kernel's own defaults for the others

    def key(self, tensor: str) -> str:
        """Its name in the network: of a scale or a shift that of the layer itself."""
        alone = self.kernel.__name__ in ("scale_channels", "shift_channels")
        return self.owner if alone else f"{self.owner}.{tensor}"


class BaseNet:
    """A network that computes. `params` are its tensors by their keys in PyTorch.

    Call it with images (N, C, H, W), float32 or float64. After writing into `params` by
    hand call `refresh`; `load` and the optimisers do so themselves. With fast=False it
    runs kernel by kernel, as the table of its layers reads.

    Threads may share it: calls and `features` that go at the same time have buffers of
    their own, the weights alone are common. What writes into `params` (`load`, training
    and its running statistics, optimisers) wants the net for itself meanwhile.
    """

    inputs: ClassVar[dict[str, tuple[int, ...]]] = {}
    layers: ClassVar[tuple[Layer, ...]] = ()
    outputs: ClassVar[tuple[str, ...]] = ()
    named: ClassVar[type | None] = None  # the tuple of several outputs
    spare: ClassVar[tuple[str, ...]] = ()  # keys that only a training net has
    planner: ClassVar[Callable[..., Any] | None] = None  # makes the fast path
    quick: ClassVar[dict[Kernel, Callable[..., None]]] = {}  # its forms of kernels
    in_place: ClassVar[dict[Kernel, Callable[[Array], None]]] = {}  # kernels that can
    folds: ClassVar[dict[str, str]] = {}  # layers that take in a batch norm: the norm
    owned: ClassVar[dict[str, dict[str, Tensor]]]  # tensors by their layers

    plans: list[Any]  # the fast path for images of one size; more if threads share it

    def __init_subclass__(cls) -> None:
        before = next(iter(cls.inputs), "")
        cls.owned = {}
        for layer in cls.layers:
            layer.of = layer.of or (before,)
            before = layer.name
            if layer.tensors:
                cls.owned[layer.name] = layer.tensors

    def __init__(self, seed: int = 0, fast: bool = True) -> None:
        self.fast = fast
        self.rng = np.random.default_rng(seed)
        self.params: dict[str, Array] = {}
        for layer in self.layers:
            for name, tensor in layer.tensors.items():
                self.params[layer.key(name)] = tensor.start(self.rng, tensor.shape)
        self.refresh()

    def __call__(self, *images: Array) -> Any:
        """The output, or a named tuple of several."""
        arranged = self.arrange(images)
        if (
            self.fast
            and self.planner is not None
            and all(map(is_finite, arranged.values()))
        ):
            try:
                values = self.planned(arranged)
            except (ValueError, IndexError):
                self.run(images)  # says which layer refuses, and why
                raise
        else:
            values = self.run(images, keep=self.outputs)
        return gather(values, self.outputs, self.named)

    def planned(self, images: dict[str, Array]) -> dict[str, Array]:
        """The outputs by the fast path, made anew for another size or type."""
        kind = [(x.shape, x.dtype) for x in images.values()]
        plans = self.plans  # after `refresh` those are others
        try:
            plan = plans.pop()  # it is this call's alone
        except IndexError:
            plan = None
        if plan is None or plan.kind != kind:
            assert self.planner is not None
            del plan  # its memory goes before the next one's comes
            plan = self.planner(self, images)
        found: dict[str, Array] = plan(images)
        plans.append(plan)  # a call that raises leaves it to be made anew
        return found

    def features(self, *images: Array) -> dict[str, Array]:
        """What every layer makes of the images, by name."""
        return self.run(images)

    def run(
        self, images: tuple[Array, ...], keep: tuple[str, ...] | None = None
    ) -> dict[str, Array]:
        """The values of all layers, or of those to keep: the others go after use."""
        values = self.arrange(images)
        keep = keep and (*keep, *self.inputs)
        layers = [layer for layer in self.layers if not layer.train]
        last = {name: i for i, layer in enumerate(layers) for name in layer.of}
        for i, layer in enumerate(layers):
            values[layer.name] = self.compute(layer, values, self.keywords(layer))
            for name in layer.of:
                if keep is not None and name not in keep and last[name] == i:
                    values.pop(name, None)
        return values

    def compute(
        self, layer: Layer, values: dict[str, Array], keywords: dict[str, Any]
    ) -> Array:
        """A layer's value. Raises ValueError where it cannot take what arrives."""
        arriving = [values[name] for name in layer.of]
        try:
            found: Array = layer.kernel(*arriving, **keywords)
        except (ValueError, IndexError) as problem:
            shapes = " and ".join(str(x.shape) for x in arriving)
            told = f"{layer.name} cannot take {shapes}: {problem}"
            for name, shape in self.inputs.items():
                if values[name].shape[1:] != shape:
                    told = f"{name} of {('N', *shape)} is what the net is for; {told}"
            raise ValueError(told) from problem
        return found

    def keywords(self, layer: Layer) -> dict[str, Any]:
        """The tensors and arguments that a layer's kernel takes."""
        tensors = self.owned.get(layer.owner, {})
        return {
            name: self.params[layer.key(name)] for name in tensors
        } | layer.arguments

    def arrange(self, images: tuple[Array, ...]) -> dict[str, Array]:
        """The images by their inputs, as floats. Raises ValueError."""
        if len(images) != len(self.inputs):
            names = ", ".join(self.inputs)
            raise ValueError(f"images of {names} are wanted, not {len(images)} arrays")
        values = {}
        for (name, shape), image in zip(self.inputs.items(), images, strict=True):
            x = np.asarray(image)
            if x.ndim != len(shape) + 1 or x.shape[1] != shape[0]:
                wanted = ("N", *shape)
                raise ValueError(f"{name} takes images of {wanted}, not {x.shape}")
            if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
                raise ValueError(f"{name} takes float32 or float64, not {x.dtype}")
            if x.dtype not in FLOATS:
                double = x.dtype.kind == "f" and x.dtype.itemsize == 8
                x = x.astype(np.float64 if double else np.float32)
            values[name] = x
        counts = [len(x) for x in values.values()]
        if len(set(counts)) > 1:
            found = ", ".join(map(str, counts))
            raise ValueError(f"all inputs take as many images, not {found}")
        return values

    def refresh(self) -> None:
        """Take notice of what was written into `params`."""
        self.plans = []
        self.packs: WeakValueDictionary[Any, Array] = WeakValueDictionary()

    def save(self, path: str) -> None:
        """Write `params` to a .safetensors or .npz file."""
        if path.endswith(".safetensors"):
            import_module("safetensors.numpy").save_file(self.params, path)
        elif path.endswith(".npz"):
            np.savez(path, **self.params)  # type: ignore[arg-type]
        else:
            raise ValueError(f"{path} ends neither in .safetensors nor in .npz")

    def load(self, path: str) -> None:
        """Read `params` from a .safetensors or .npz file. Raises ValueError."""
        if path.endswith(".safetensors"):
            found = import_module("safetensors.numpy").load_file(path)
        else:
            with np.load(path, allow_pickle=False) as file:
                found = {name: file[name] for name in file.files}
        odd = self.params.keys() ^ (found.keys() - set(self.spare))
        for name in self.params.keys() & found.keys():
            x = found[name]
            if x.shape != self.params[name].shape or x.dtype.kind not in "biuf":
                odd.add(name)
        if odd:
            names = ", ".join(sorted(odd)[:5])
            raise ValueError(f"{path}: missing, unknown or of another kind: {names}")
        for name, tensor in self.params.items():
            tensor[...] = found[name]
        self.refresh()


def is_finite(x: Array) -> bool:
    """Whether there are numbers, and none is NaN or infinite: tiles would spread it.

    Their squares' sum tells, without an array of answers; so large that it overflows,
    numbers count as infinite.
    """
    return x.size > 0 and math.isfinite(np.vdot(x, x))


def gather(
    values: dict[str, Array], outputs: tuple[str, ...], named: type | None
) -> Any:
    """The value of the one output, or a named tuple of all."""
    found = [values[name] for name in outputs]
    return named(*found) if named else found[0]
