"""What of a net's outputs tells classes, and how its loss is summed up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnspec.analysis.unroll import Graph
from cnnspec.run import RunProblem
from cnnspec.run.answers import NetOutput

AUXILIARY = {1: 0.4, 2: 0.3}
"""What outputs of training alone weigh in the loss, by their number: a lone one as in Inception v3 (Szegedy
et al. 2016; 0.4 in the authors' code), two as in GoogLeNet (Szegedy et al. 2015); more 0.3, too."""


class Head(NamedTuple):
    """The outputs of training, in their order.

    `main`: the place of the one of evaluation. `softmax`: the places of those that are probabilities.
    """

    classes: int
    outputs: int
    main: int
    softmax: tuple[int, ...]

    def shares(self, auxiliary: float | None) -> tuple[float, ...]:
        """What each output weighs in the loss. Raises RunProblem where a weight is for none."""
        if auxiliary is not None and self.outputs == 1:
            raise RunProblem(
                "the net has no output that only training has, and there is none for aux_weight to weigh"
            )
        other = AUXILIARY.get(self.outputs - 1, 0.3) if auxiliary is None else auxiliary
        return tuple(1.0 if place == self.main else other for place in range(self.outputs))


def head_of(graph: Graph) -> Head:
    """The outputs of a net that tells classes. Raises RunProblem where it does not."""
    lasting = [place for place, (_, _, train) in enumerate(graph.outputs) if not train]
    if len(lasting) != 1:
        names = ", ".join(f"`{graph.outputs[place][0]}`" for place in lasting)
        raise RunProblem(f"the net has {len(lasting)} outputs, {names}: one of classes is trained")
    outputs = [NetOutput(graph, name, at) for name, at, _ in graph.outputs]
    for output in outputs:
        if not output.classes:
            raise RunProblem(f"the net makes a map, {output.shape}, and classes of whole images are trained")
        if output.layer == "sigmoid":
            raise RunProblem(
                "the net ends in sigmoid: leave it out, or end in softmax, for classes are exclusive"
            )
    main = outputs[lasting[0]]
    if main.classes == 1:
        raise RunProblem("the net tells one class: it has one output, and a class has one each")
    softmax = tuple(place for place, output in enumerate(outputs) if output.layer == "softmax")
    return Head(main.classes, len(outputs), lasting[0], softmax)


def check_norms(graph: Graph, images: int, frozen: tuple[str, ...]) -> None:
    """Raise RunProblem where a norm would see one value, which has no deviation, of so many images.

    Norms of frozen layers run as in evaluation.
    """
    for node in graph.nodes:
        name, shape = node.layer.name, node.shapes[0]
        groups = node.layer.value("groups") if name == "groupnorm" else shape.channels
        learns = name in ("batchnorm", "groupnorm") and not f"{node.path}.".startswith(frozen)
        # A batch norm of 64@1x1 that sees one image: 64 numbers in 64 groups.
        if learns and not node.dead and images * shape.features <= groups:
            kind = name.removesuffix("norm")
            raise RunProblem(
                f"a batch of one image is too few for a {kind} norm: {node.path} would see one value"
            )


def check_frozen(keys: Sequence[str], starts: tuple[str, ...]) -> None:
    """Raise RunProblem where no trained tensor's key begins so, or where none is left to train."""
    for start in starts:
        # A prefix with a slip in it would freeze nothing, and nobody would notice.
        if not any(key.startswith(start) for key in keys):
            raise RunProblem(
                f"freeze {start}: no key begins so, as {keys[0]} does with {keys[0].split('.')[0]}"
            )
    if all(key.startswith(starts) for key in keys):
        raise RunProblem("no tensor is left to train")
