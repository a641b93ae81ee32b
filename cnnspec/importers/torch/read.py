"""Read a live PyTorch module: run it in training and in evaluation, and make one model of both."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import torch
from torch import Tensor, nn

from cnnspec.importers.model import Input, Model, Operation, Output, sign_of
from cnnspec.importers.reading.as_maps import without_reshapes
from cnnspec.importers.reading.sizes import STEPS, larger, may_follow, unify
from cnnspec.importers.reading.tidy import with_own_pads
from cnnspec.importers.refusals import Refusal, Refused, refused
from cnnspec.importers.torch.lower import Lowering
from cnnspec.importers.torch.merge_runs import TracedRun, merge
from cnnspec.importers.torch.meta import Copy, copy_to_meta, unwrap
from cnnspec.importers.torch.rounding import without_rounding
from cnnspec.importers.torch.trace import BATCH, trace
from cnnspec.importers.wording.free_names import from_class
from cnnspec.layers.base import Misfit
from cnnspec.values.shapes import Shape

Run = Callable[[Sequence[Shape], bool], TracedRun]
"""Runs the module on inputs of these shapes, in training or not, and lowers what it does. Raises Refused."""


def read(module: nn.Module, inputs: Sequence[Shape], name: str = "") -> Model:
    """The model of a module for inputs of these shapes, the batch left out. Raises Refused.

    The module itself stays as it is: what runs is a copy without numbers.
    """
    module = unwrap(module)
    names = names_of_inputs(module, len(inputs))
    state = tensors_of(module)
    run = partial(lowered, copy_to_meta(module), state)
    trained, evaluated = both(run, inputs)
    operations, outputs = merge(trained, evaluated)
    check_state(state, operations)
    forms = at_all_sizes(run, inputs, trained.operations)
    for place, operation in enumerate(operations):
        # Forms are of the run in training, whose operations `merge` keeps under their numbers.
        form = forms[operation.output.number]
        operations[place] = operation._replace(layer=form.layer, sized=form.sized)
    made = tuple(Input(label, value) for label, value in zip(names, trained.inputs, strict=True))
    exact = tuple(without_rounding(operations))
    return Model(name or from_class(type(module).__name__, "Net"), made, exact, outputs)


def names_of_inputs(module: nn.Module, count: int) -> list[str]:
    """The names of so many inputs; one alone needs none. Raises Refused where forward wants others."""
    signature = inspect.signature(module.forward)
    try:
        # Numbers stand for the inputs, so that Python itself says which parameter takes which.
        bound = signature.bind(*range(count))
    except TypeError:
        bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
        plain = signature.replace(parameters=bare, return_annotation=signature.empty)
        given = "1 input is" if count == 1 else f"{count} inputs are"
        called = f"{type(module).__name__}.forward{plain}"
        message = f"`{called}` does not fit, {given} given: each needs a shape of its own"
        raise refused(message, "E1002") from None
    if count == 1:
        return [""]
    names = {}
    for name, value in bound.arguments.items():
        # *images of two inputs: images0 and images1.
        for place, number in enumerate(value if isinstance(value, tuple) else (value,)):
            names[number] = f"{name}{place}" if isinstance(value, tuple) else name
    return [names[number] for number in range(count)]


def both(run: Run, inputs: Sequence[Shape]) -> tuple[TracedRun, TracedRun]:
    """The runs of training and of evaluation. Raises Refused with the reasons of both, equal ones once."""
    runs: list[TracedRun] = []
    refusals: list[Refusal] = []
    for is_training in (True, False):
        try:
            runs.append(run(inputs, is_training))
        except Refused as refused:
            known = set(refusals)
            refusals += [each for each in refused.refusals if each not in known]
    if refusals:
        raise Refused(refusals)
    trained, evaluated = runs
    return trained, evaluated


def at_all_sizes(run: Run, inputs: Sequence[Shape], operations: list[Operation]) -> dict[int, Operation]:
    """The operations by their output, in forms that hold at other sizes of the input, too."""
    others = []
    for step in STEPS if any(map(may_follow, operations)) else ():
        with suppress(Refused, Misfit):
            # A net with a linear layer behind a flatten runs at one size alone: then nothing is learnt here.
            others.append(run(larger(inputs, step), True).operations)
    return {operation.output.number: operation for operation in unify(operations, others)}


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """The state_dict, its tensors themselves. Raises Refused where it holds anything else."""
    state: dict[str, Tensor] = module.state_dict(keep_vars=True)
    others = [key for key, value in state.items() if not isinstance(value, Tensor)]
    if others:
        raise Refused(Refusal("E1008", f"`{key}` of the state_dict is no tensor") for key in others)
    return state


def check_state(state: dict[str, Tensor], operations: list[Operation]) -> None:
    """Raises Refused for tensors of the state_dict that no operation has: they would be lost."""
    used = {key for operation in operations for key in operation.keys.values()}
    names = {id(state[key]): key for key in used}
    refusals = list(shared_otherwise(operations))
    lost: dict[str, list[str]] = {}
    for key, tensor in state.items():
        twin = names.get(id(tensor))
        # The specification would save one tensor, and a state_dict with both would not load.
        if key not in used and twin is not None:
            refusals.append(Refusal("E1008", f"`{key}` is another name of `{twin}`"))
        elif key not in used:
            lost.setdefault(key.rpartition(".")[0], []).append(f"`{key}`")
    for keys in lost.values():
        refusals.append(Refusal("E1008", f"no output needs {', '.join(keys)}"))
    if refusals:
        raise Refused(refusals)


def shared_otherwise(operations: list[Operation]) -> Iterator[Refusal]:
    """Tensors that two unequal layers share: a specification runs a layer `again` as it is."""
    first: dict[str, Operation] = {}
    for operation in operations:
        for key in operation.keys.values():
            known = first.setdefault(key, operation)
            if (known.keys, sign_of(known.layer)) != (operation.keys, sign_of(operation.layer)):
                names = f"`{known.layer.name}` and `{operation.layer.name}`"
                message = f"`{key}` is shared by {names}, which are not the same layer"
                yield Refusal("E1008", message, operation.scopes, operation.place)
                break


def lowered(copied: Copy, state: dict[str, Tensor], inputs: Sequence[Shape], is_training: bool) -> TracedRun:
    """Run the copy of the module once, and lower what was recorded. Raises Refused with all reasons."""
    copied.module.train(is_training)
    # Images in the type of the weights, as a module in float16 wants them.
    kinds = [tensor.dtype for tensor in state.values() if tensor.is_floating_point()]
    kind = kinds[0] if kinds else torch.float32
    images = [torch.empty(BATCH, *shape.dimensions, dtype=kind, device="meta") for shape in inputs]
    found = trace(copied.module, images, copied.values)
    # Before it is lowered: keys would be of tensors that are no longer there.
    if changes := list(copied.changes()):
        raise Refused([*found.stops, *changes])
    net = Lowering(found, state, is_training)
    net.run()
    values = [net.output(traced) for _, traced in found.outputs]
    if refusals := [*net.refusals, *found.stops]:
        raise Refused(refusals)
    made = [value for value in values if value is not None]
    operations, made = without_reshapes(net.value, [*net.made.values()], made)
    outputs = tuple(Output(label, value) for (label, _), value in zip(found.outputs, made, strict=True))
    return TracedRun(net.inputs, with_own_pads(operations, [value.number for value in made]), outputs)
