"""The plain NumPy program: a net written out line by line, the definitions that it uses behind it.

It is there to be read. Its tensors, its numbers and, from the same seed, its start are the fast program's.
"""

from __future__ import annotations

from cnnspec.analysis.costs import costs
from cnnspec.analysis.unroll import unroll
from cnnspec.backends.names import Names
from cnnspec.backends.numpy.kernel_sources import imports, needed
from cnnspec.backends.numpy.plain_forward import choose, flow, write_forward, write_start
from cnnspec.backends.numpy.plain_training import Training
from cnnspec.backends.numpy.program import write_tuples
from cnnspec.backends.writer import Writer, first_line
from cnnspec.graph.tree import Network
from cnnspec.passes.inference import evaluation


def emit(network: Network, source: str, inference: bool = False) -> str:
    """The file for a network. `source` names its specification; `inference` leaves training out."""
    whole = unroll(network)
    inferring = evaluation(whole)
    graph = inferring if inference else whole
    everything = choose(graph, inferring)
    # p and g hold tensors and gradients in the methods; linters reject l, O and I
    names = Names({*everything, *imports(), "NamedTuple", "net", "result", *"pglOI"})
    name = names.local(network.name)
    body = Writer()
    tuples = write_tuples(graph, name, names, inference, body)
    with body.block(f"class {name}"):
        write_start(network, graph, inference, body)
        write_forward(inferring, flow(inferring, True, everything), tuples, Names(names.taken), body)
        if not inference:
            Training(graph, flow(graph, False, everything), everything, names, body).write()
    offered = () if inference else ("SGD", "Adam")
    found = needed(body.text(), offered, everything)
    head = heading(network, source, name, inference) + found.imports + "\n" + found.constants
    return "\n\n".join([head, body.text(), found.functions])


def heading(network: Network, source: str, name: str, inference: bool) -> str:
    words = f'"""{name} in NumPy, to be read: {network.sizes}; {costs(network).params:,} parameters.'
    lines = [first_line(name, source), words]
    if inference:
        lines[-1] += '"""'
    else:
        lines += ["", "After `loss, grads = net.loss_and_grads(...)` comes `Adam(net).step(grads)`.", '"""']
    return "\n".join([*lines, "", ""])
