"""PyTorch source from a checked network: unify, solve, print.

unify/ lines up the steps of a block's instances, as columns; solve/ decides as data what each class takes,
holds and does; print/ makes lines of it, once. signatures.py says what a call may leave unsaid; modules/
holds what PyTorch has no module for: it is copied out, never imported.

The text is made of three things alone: fixed words, literals of checked values, and names that the
tables of names.py hand out. No text of a specification is copied.
"""

from __future__ import annotations

from cnnspec.backends.torch.print.file import assemble, heading, helpers, write_class, write_main, write_tuple
from cnnspec.backends.torch.solve.classes import Class, block_class, net_class
from cnnspec.backends.torch.solve.constructor import Constructor
from cnnspec.backends.torch.solve.forward import Forward
from cnnspec.backends.torch.solve.program import Program
from cnnspec.backends.torch.solve.statements import IMPORTED
from cnnspec.backends.torch.unify.columns import agree, check_lent_names, partition
from cnnspec.backends.writer import Writer
from cnnspec.graph.tree import Instance, Network
from cnnspec.passes.optimize import optimize as optimised


def emit(network: Network, source: str, optimize: bool = False, explicit: bool = False) -> str:
    """The file for a network: every class solved, then all printed, the net's last.

    `source` names its specification. `optimize`: it is for inference alone; `explicit`: it says what PyTorch
    takes by itself, too.
    """
    if optimize:
        network = optimised(network, "torch")
    program = Program(network, IMPORTED | set(helpers()), optimize, explicit)
    blocks = program.blocks(program.network.steps, set())
    classes = [cls for instances in blocks for cls in solve_block(program, instances)]
    net = solve(net_class(program))
    body = Writer()
    for cls in classes:
        write_class(cls, body)
    for returned in net.returns:
        if returned.name:
            write_tuple(returned, body)
    write_class(net, body)
    write_main(net, body)
    return heading(network, source, optimize) + assemble(body.text().lstrip("\n"))


def solve_block(program: Program, instances: list[Instance]) -> list[Class]:
    """The classes of a block: one, or several where its uses differ in more than expressions can tell."""
    groups = partition(instances, lambda group: solve(block_class(program, group)))
    for group, cls in groups:
        cls.name = program.class_name(group[0].block)
        # for the docstring: what is not a parameter, agrees within this class, and differs from another class
        cls.fixed = {
            name: value
            for name, value in group[0].arguments.items()
            if name not in cls.parameters.columns
            and agree(each.arguments[name] for each in group)
            and not agree(each.arguments[name] for each in instances)
        }
        program.publish(cls.name, cls.parameters, group)
    return [cls for _, cls in groups]


def solve(cls: Class) -> Class:
    """Find the constructor and the forward of a class. Raises Unaligned where none is right for all rows."""
    check_lent_names([row.steps for row in cls.rows])
    cls.constructor = Constructor(cls).solve()
    cls.parameters.find(cls.constructor)
    cls.forward = None if cls.is_chain else Forward(cls).solve()
    return cls
