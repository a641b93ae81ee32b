"""What the source calls its weights: an exporter's names where there are any, else none.

PyTorch's exporters keep the path of each module: in the names of tensors, in what they note with a node, or
in the node's name, `/layer1/layer1.0/conv1/Conv`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from cnnspec.backends.onnx.messages import CLASSES, SCOPES
from cnnspec.elaborate.naming import carries
from cnnspec.importers.model import Operation, Scope
from cnnspec.importers.onnx.inlining import LONGEST, listed
from cnnspec.importers.onnx.net import COUNTER, NodeOperation
from cnnspec.importers.onnx.values import GraphNode

PATH = re.compile(r"[\w-]{1,200}(\.[\w-]{1,200})*", re.ASCII)


def named(made: Sequence[NodeOperation]) -> list[Operation] | None:
    """The operations with the source's keys and in its scopes; None where it has no names for all tensors."""
    # By its keys the first operation that has them: of a layer that runs again, the first run.
    keyed = {tuple(each.operation.keys.values()): each for each in reversed(made) if each.operation.keys}
    first = dict(reversed(keyed.items()))
    owners = {keys: owner(each) for keys, each in first.items()}
    counts = Counter(owners.values())
    # `a.b.c` lies in `a` and in `a.b`: what has others in it can be no layer with tensors.
    around_others = {path[:place] for path in counts for place, sign in enumerate(path) if sign == "."}
    for keys, each in first.items():
        if owners[keys] and (counts[owners[keys]] > 1 or owners[keys] in around_others):
            # `stem` owns a convolution and its norm: they are `stem.conv` and `stem.batchnorm`.
            owners[keys] = ".".join(filter(None, (path_of(each.node), each.operation.layer.name)))
    paths = [*owners.values()]
    if not paths or not all(map(may_be, paths)) or len({*paths}) < len(paths) or {*paths} & around_others:
        return None
    found = []
    for each, scopes in zip(made, around(made), strict=True):
        path = owners.get(tuple(each.operation.keys.values()), "")
        own = {name: f"{path}.{name}" if name else path for name in each.operation.keys}
        found.append(each.operation._replace(keys=own, scopes=scopes))
    return found


def may_be(path: str) -> bool:
    """Whether modules can have such a path."""
    return bool(path) and all(map(carries, path.split(".")))


def owner(made: NodeOperation) -> str:
    """The path of the module that an operation's tensors belong to; "" where it is not known.

    Exporters merge vectors that are equal, and name them after the first: a kernel's name is believed most.
    """
    paths: dict[str, str] = {}  # of the modules, by the names of their tensors
    for name, tensor in made.tensors.items():
        suffix = f".{name}" if name else ""
        if name != COUNTER and tensor.source.endswith(suffix):
            paths[name] = tensor.source.removesuffix(suffix)
    kernels = [path for name, path in paths.items() if made.tensors[name].array.ndim > 1]
    owners = {path for name, path in paths.items() if name}
    for path in (*kernels, path_of(made.node), *([*owners] if len(owners) == 1 else [])):
        if PATH.fullmatch(path):
            return path
    return ""


def path_of(node: GraphNode) -> str:
    """The path of the module that a node stands in, as its exporter notes it; "" where it does not."""
    paths = modules(node)
    return paths[-1][0] if paths else ""


def modules(node: GraphNode) -> list[tuple[str, str]]:
    """Path and class of the modules around a node, outermost first; a class is "" where it is not noted."""
    if CLASSES in node.properties and SCOPES in node.properties:
        kinds, paths = (listed(node.properties[key]) for key in (CLASSES, SCOPES))
        # ["", "layer1", "layer1.conv1", "node_conv2d"]: the model, its modules, and last the node itself.
        pairs = list(zip(paths, kinds, strict=False))[:-1]
        return [(path, kind.rpartition(".")[2]) for path, kind in pairs if path and PATH.fullmatch(path)]
    return [(path, "") for path in nested(node.name)]


def nested(name: str) -> Iterator[str]:
    """`/layer1/layer1.0/conv1/Conv` stands in layer1, layer1.0 and layer1.0.conv1."""
    parts = name[:LONGEST].split("/")
    if len(parts) < 3 or parts[0]:
        return
    path, last = "", ""
    for part in parts[1:-1]:
        # `layer1.0` within `layer1` repeats the way there, `conv1` within it does not.
        own = part[len(last) + 1 :] if last and part.startswith(f"{last}.") else part
        path, last = f"{path}.{own}" if path else own, part
        if not PATH.fullmatch(path):
            return
        yield path


def around(made: Sequence[NodeOperation]) -> list[tuple[Scope, ...]]:
    """The scopes of each operation, with classes made up where none is noted."""
    found = [modules(each.node) for each in made]
    kinds = {path: kind for each in found for path, kind in each}
    if not any(kinds.values()):
        kinds = classes(made, found)
    return [tuple(Scope(path, kinds[path]) for path, _ in each) for each in found]


def classes(made: Sequence[NodeOperation], paths: Sequence[Sequence[tuple[str, str]]]) -> dict[str, str]:
    """A class for each module, the same for modules whose parts of one name are alike."""
    # {"layer1": {"0": "", "1": ""}, "layer1.0": {"conv1": ""}, "layer1.0.conv1": {"": "conv"}}
    parts: dict[str, dict[str, str]] = {}
    for each, stack in zip(made, paths, strict=True):
        names = [path for path, _ in stack]
        for outer, inner in pairwise(names):
            parts.setdefault(outer, {})[inner[len(outer) + 1 :]] = ""
        if names and each.operation.keys:
            parts.setdefault(names[-1], {})[""] = each.operation.layer.name
    found: dict[str, str] = {}
    known: list[tuple[str, dict[str, str]]] = []
    for path in sorted({*parts, *(path for stack in paths for path, _ in stack)}, key=height):
        own = parts.get(path, {})
        kinds = {name: kind or found.get(f"{path}.{name}", "") for name, kind in own.items()}
        found[path] = class_of(path, {name: kind for name, kind in kinds.items() if kind}, known)
    return found


def height(path: str) -> tuple[int, str]:
    """Paths that hold no others come first."""
    return -path.count("."), path


def class_of(path: str, own: Mapping[str, str], known: list[tuple[str, dict[str, str]]]) -> str:
    """The class of a module with these parts: one that is known, or a new one; its layer's name of a leaf."""
    if not own or [*own] == [""]:
        return own.get("", "")
    if all(name.isdecimal() for name in own):
        # A convolution, its norm and a ReLU: of {"0", "1", "2"} one that folds norms leaves {"0": "conv"}.
        return "ConvNorm" if [*own.values()] in (["conv"], ["depthwise"]) else "Sequential"
    # A block with a `downsample` and one without it are of one class.
    for kind, parts in known:
        common = own.keys() & parts.keys()
        is_part = own.keys() <= parts.keys() or parts.keys() <= own.keys()
        if is_part and all(own[name] == parts[name] for name in common):
            parts |= own
            return kind
    # layer1 -> Layer, layer1.0 -> Block
    word = re.sub(r"\d.*|_+$", "", path.rpartition(".")[2])
    word = word[:1].upper() + word[1:] if len(word) > 2 else "Block"
    taken = Counter(re.sub("[A-Z]$", "", kind) for kind, _ in known)
    # Layer, then LayerB, LayerC, …
    kind = word + ("" if word not in taken else chr(ord("A") + taken[word] % 26))
    known.append((kind, dict(own)))
    return kind
