"""Activations and sums that write over what arrives, where nobody wants it any more.

What a convolution made is used while the cache has it, and no memory is asked for.
"""

from __future__ import annotations

from cnnspec.analysis.unroll import Graph
from cnnspec.passes.rewrite import Change, Rewrite, lone_readers

MAKERS = frozenset(
    {"conv", "depthwise", "convtranspose", "linear", "maxpool", "avgpool"}
    | {"batchnorm", "layernorm", "groupnorm", "instancenorm", "rmsnorm", "grn", "frn"}
    | {"evonorms0", "evonormb0"}
    | {"add", "sub", "mul", "maximum", "minimum", "concat"}
)
"""Layers whose output is new memory, which nobody else holds. So is that of what can work in place: in place
or not, nobody reads what arrived after it."""


def work_in_place(graph: Graph) -> Rewrite:
    spent, alone = last_reads(graph), lone_readers(graph).keys()
    changes: dict[str, Change] = {}
    for node in graph.nodes:
        if hasattr(node.layer, "in_place"):
            places = [i for i, name in enumerate(node.inputs) if (name, node.path) in spent]
            if len(node.inputs) > 2:  # all but two are added when the first has been written over
                places = [i for i in places if i == 0 and node.inputs[i] in alone]
            change: Change = (("in_place", tuple(places) if node.layer.is_join else bool(places)),)
            # one module runs every time: where its runs differ, it never writes over anything
            changes[node.first] = change if changes.get(node.first, change) == change else ()
    return changes


def last_reads(graph: Graph) -> set[tuple[str, str]]:
    """Values, each with the node that reads it last and finds it in memory that is nobody else's."""
    makers = {n.path for n in graph.nodes if n.layer.name in MAKERS or hasattr(n.layer, "in_place")}
    readers: dict[str, list[str]] = {name: [] for name in makers}
    for node in graph.nodes:
        for name in node.inputs:
            if name in makers:
                readers[name].append(node.path)
    kept = {at for _, at, _ in graph.outputs}
    return {
        # Earlier readers must make memory of their own: a flatten hands on a view, which ReLU would change.
        # `add { | from c | from c | from c }` reads c thrice: c.add_(c).add_(c) would be 4 * c.
        (name, after[-1])
        for name, after in readers.items()
        if after and name not in kept and makers.issuperset(after[:-1]) and after[-1] not in after[:-1]
    }
