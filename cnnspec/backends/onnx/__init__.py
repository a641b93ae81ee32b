"""An ONNX model from a checked network, for inference.

lowering.py says which operators a layer is, a row a layer; body.py holds them as data, assemble.py brings
them together for a network and for its blocks, messages.py makes messages of them, with the onnx package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnspec.analysis.unroll import unroll
from cnnspec.backends import NoProgram
from cnnspec.failures import Refusal
from cnnspec.graph.tree import Network
from cnnspec.passes.inference import evaluation
from cnnspec.passes.merge_concats import merge_concats
from cnnspec.passes.optimize import fold_weights
from cnnspec.passes.optimize import optimize as optimised

if TYPE_CHECKING:
    from cnnspec.backends.onnx.body import Body
    from cnnspec.backends.onnx.store import Store

OPSETS = range(13, 24)
"""Versions of ONNX's operators that are written: since 13 a softmax has one axis."""

OPSET = 21
"""What is written unless another is wanted: ONNX Runtime 1.20 reads it."""

MOST_BYTES = 2**31 - 2**20
"""Of the tensors in a file: protocol buffers hold 2^31 - 1, of which the graph takes some."""


def emit(
    network: Network,
    source: str,
    weights: Mapping[str, Any] | None = None,
    opset: int = OPSET,
    functions: bool = False,
    optimize: bool = False,
    store: Store | None = None,
    others: Sequence[Network] | None = None,
) -> bytes:
    """The model of a network as the bytes of a file. `source` names its specification.

    `weights` are arrays by the network's keys in PyTorch; if not given, those that the NumPy program starts
    from. `functions`: blocks are functions. `optimize`: norms and their weights are folded, pads merged.
    `store` takes the tensors, where they are too many for one file. `others`: the network for other sizes of
    its inputs, which then are free.

    Raises Refusal where the model would be no ONNX file or fixes a size that is to be free, Unsupported
    where ONNX has no form of a layer, ValueError where a tensor is missing, or of another shape.
    """
    if opset not in OPSETS:
        raise Refusal(f"opset {opset} is not written: those from {OPSETS[0]} to {OPSETS[-1]} are")
    is_large = bytes_of_tensors(network) > MOST_BYTES
    if is_large and store is None:
        need = f"{bytes_of_tensors(network) / 1e9:.1f} GB of weights"
        raise Refusal(
            f"{network.name} has {need}, and an ONNX file holds 2.1 at most: `cnnspec build` writes two"
        )
    from cnnspec.backends.numpy.start import start

    tensors = start(unroll(network)) if weights is None else weights
    check_tensors(network, tensors)
    body = body_of(network, opset, functions, optimize)
    if others is not None:
        from cnnspec.backends.onnx.free_size import free_size

        free_size(body, network, [(each, body_of(each, opset, functions, optimize)) for each in others])
    if optimize:
        tensors = fold_weights(network, tensors)
    from cnnspec.backends.onnx.messages import make_model, note_preparation

    model = make_model(network.name, source, body, tensors, store if is_large else None)
    note_preparation(model, network.inputs)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def body_of(network: Network, opset: int, functions: bool, optimize: bool) -> Body:
    """The operators of a network. Raises Unsupported."""
    from cnnspec.backends.onnx.assemble import assemble

    if optimize:
        network = optimised(network, "onnx")
    return assemble(merge_concats(evaluation(unroll(network))), opset, functions)


def bytes_of_tensors(network: Network) -> int:
    """How many bytes the tensors of evaluation take."""
    nodes = [node for node in unroll(network).nodes if not node.train and not node.shared]
    return 4 * sum(weight.elements for node in nodes for weight in node.weights)


def check_tensors(network: Network, tensors: Mapping[str, Any]) -> None:
    """Raises ValueError where a tensor is missing, or of another shape; training's own may be."""
    for node in unroll(network).nodes:
        for key, weight in ({} if node.train else node.by_key).items():
            shape = tuple(map(int, weight.shape))
            if key not in tensors:
                raise ValueError(f"the weights lack {key}")
            if tuple(tensors[key].shape) != shape:
                raise ValueError(f"the weights have {key} of shape {tuple(tensors[key].shape)}, not {shape}")


def check(product: bytes) -> None:
    """Hold a model to ONNX's own rules. Raises NoProgram."""
    import onnx

    from cnnspec.backends.onnx.messages import without_store

    try:
        # The checker would look for the file of the tensors, and here are the model's bytes alone.
        onnx.checker.check_model(without_store(product), full_check=True)
    except Exception as problem:
        raise NoProgram(f"what was written is no ONNX model: {problem}") from problem
