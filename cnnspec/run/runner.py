"""A net made ready: its program, its weights, the input that images and matrices go to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

from cnnspec.analysis.memory import peak
from cnnspec.analysis.unroll import unroll
from cnnspec.graph.tree import Input, Network
from cnnspec.run import RunProblem
from cnnspec.run.answers import outputs_of
from cnnspec.run.image_input import check_image_input, planes, prepare, read_image
from cnnspec.run.kernels import kernels_of
from cnnspec.run.matrices import is_matrix, read_matrix
from cnnspec.run.number_tables import lines_of
from cnnspec.run.programs import Array, NumpyProgram, check_memory, load, tensors_of
from cnnspec.run.weight_files import read_weights


class Sample(NamedTuple):
    """What a file gives to the net, (1, C, H, W) or (1, C), and how it looks where it is an image."""

    values: Array
    image: Image.Image | None


class Features(NamedTuple):
    """Values of the input and all layers, (C, H, W) or (C,), and of those outputs that are maps."""

    layers: dict[str, Array]
    maps: dict[str, Array]


class Runner:
    """Runs images and matrices, one by one; `paths` are those to come. Raises RunProblem, ImportError where a
    package is missing, and MemoryError where the net takes more than there is.

    The values of layers are those of the NumPy program, which has one for each; with another back end it
    runs beside that, on the same weights.
    """

    def __init__(
        self,
        network: Network,
        backend: str,
        weights: str | None,
        short: int | None,
        layers: bool,
        paths: tuple[str, ...],
    ) -> None:
        self.given, self.short = network.inputs[0], short
        check_inputs(network.inputs, paths, short)
        self.graph = unroll(network)
        self.outputs = outputs_of(self.graph)
        # Else the values that are alive at once at the worst place; 4 bytes of float32 each.
        kept = sum(int(n.output.features) for n in self.graph.nodes) if layers else peak(self.graph).elements
        check_memory(network.name, 4 * (kept + tensors_of(self.graph)))
        self.program = load(backend, network, self.graph)
        if weights is not None:
            self.program.put(read_weights(weights, self.program.state()))
        self.inner: NumpyProgram | None = None
        if layers:
            self.inner = NumpyProgram(network, self.graph)
            self.inner.put(self.program.state())

    @property
    def layers(self) -> list[str]:
        """Names of the input and of all layers that run in evaluation."""
        return [self.given.name, *(node.path for node in self.graph.nodes if not node.train)]

    @property
    def sheets(self) -> int:
        """How many pictures of an image there are to write."""
        return 2 + len(self.layers) + sum(not output.classes for output in self.outputs)

    def read(self, path: str) -> Sample:
        """An image or a matrix as the net sees it."""
        if is_matrix(path):
            return Sample(read_matrix(path, self.given), None)
        image = read_image(path, self.given, self.short)
        return Sample(prepare(planes(image)[None], self.given), image)

    def run(self, sample: Sample) -> dict[str, Array]:
        """The values of the outputs by their keys, (C, H, W) or (C,), and of layers by path if wanted."""
        found = self.program.run([sample.values])
        if self.inner is not None:
            # The outputs are those of the back end that was asked for: the right side of `|` wins.
            found = self.inner.features([sample.values]) | found
        return {name: value[0] for name, value in found.items()}

    def shown(self, values: dict[str, Array]) -> Features:
        """What there is to see, if layers are wanted."""
        maps = {output.title: values[output.key] for output in self.outputs if not output.classes}
        return Features({name: values[name] for name in self.layers}, maps)

    def printed(self, values: dict[str, Array]) -> Iterator[str]:
        """The numbers of all layers, if layers are wanted."""
        return lines_of(self.graph, values, self.program.state())

    @property
    def kernels(self) -> list[tuple[str, Array]]:
        """The weights of convolutions and linear layers, by their keys."""
        return list(kernels_of(self.graph, self.program.state()))


def check_inputs(inputs: tuple[Input, ...], paths: tuple[str, ...], short: int | None) -> None:
    """Raises RunProblem where the input does not take what these files are, or is not one."""
    if len(inputs) != 1 and paths:
        names = ", ".join(f"`{given.name}`" for given in inputs)
        raise RunProblem(f"the net has {len(inputs)} inputs, {names}: `run` gives each file to one input")
    if not all(map(is_matrix, paths)):
        check_image_input(inputs[0], short)
