"""Run a module on meta tensors and record every call of a PyTorch function.

Meta tensors have shapes and no numbers, so a network of any size runs in well under a second.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cnnspec.importers.model import Scope
from cnnspec.importers.refusals import Refusal, Refused, refused
from cnnspec.importers.torch.emitted import name_of_ours
from cnnspec.importers.torch.meta import call_on_meta, state_of
from cnnspec.importers.torch.nested import leaves, replaced
from cnnspec.importers.torch.places import place_here, place_of

BATCH = 5
"""Images in the batch: a number that few networks have for anything else."""

ESCAPES = {"item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__", "__contains__"}
"""Functions that make Python's numbers of a tensor's."""

READS = ESCAPES | {"equal", "allclose", "nonzero", "unique", "masked_select", "argwhere", "where", "getitem"}
"""Functions that may want the numbers of a tensor, which a meta tensor does not have."""

SET_DATA = "data="
"""What `x.data = y` is called."""

FACTORIES = {"zeros", "ones", "full", "arange", "linspace", "tensor", "as_tensor", "eye"}
"""Functions that make a tensor of known numbers from nothing."""


class Traced(NamedTuple):
    """A tensor of the run. In-place operations give the same tensor a new number.

    `is_stale`: its memory was written to by way of another tensor that shares it.
    """

    number: int
    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    is_stale: bool = False


class FunctionCall(NamedTuple):
    """A call of a function, its tensors as Traced. `written` are the arguments that it changed in place."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    results: tuple[Traced, ...]
    written: tuple[Traced, ...]
    scopes: tuple[Scope, ...]
    place: str
    module: nn.Module | None


class Trace(NamedTuple):
    """A run, its calls those that its outputs need.

    `keys` are state_dict keys by tensor number, `constants` the tensors with fixed numbers. `stops`: why it
    ended before its end; calls are then all until there.
    """

    inputs: tuple[Traced, ...]
    calls: tuple[FunctionCall, ...]
    outputs: tuple[tuple[str, Traced], ...]
    keys: Mapping[int, str]
    constants: Mapping[int, Tensor]
    stops: tuple[Refusal, ...] = ()


def trace(module: nn.Module, images: list[Tensor], values: Mapping[int, Tensor]) -> Trace:
    """Run the module once; `values` are the numbers of tensors that it keeps on the meta device, by id.

    Where the module raises, the run has its calls until then, and its error among what it `stops` by.
    """
    recorder = Recorder(module, values)
    handles = [hook for path, inner in module.named_modules() for hook in recorder.hooks(path, inner)]
    inputs = tuple(recorder.bind(image) for image in images)
    outputs: tuple[tuple[str, Traced], ...] = ()
    stops: tuple[Refusal, ...] = ()
    try:
        # The random state is the caller's: noise that a module draws on the CPU must not move it.
        with torch.no_grad(), torch.random.fork_rng(devices=[]), uncompiled(), recorder:
            result = module(*images)
        outputs = tuple((name, recorder.refer(tensor)) for name, tensor in recorder.outputs(result))
    except Refused as refused:
        stops = refused.refusals
    except (Exception, SystemExit) as problem:
        # A read of numbers has raised this: it is noted already, in better words.
        stops = () if recorder.reads else (recorder.refusal(problem, images),)
    finally:
        for handle in handles:
            handle.remove()
    stops = (*recorder.reads, *stops)
    # A run that stopped has no outputs to tell what is needed: all its calls are judged.
    calls = without_tests(recorder.calls, recorder.read) if stops else needed(recorder.calls, outputs)
    return Trace(inputs, tuple(calls), outputs, recorder.keys, recorder.constants, stops)


class Recorder(TorchFunctionMode):
    """Sees every call of a PyTorch function, those that PyTorch's own functions make aside."""

    def __init__(self, module: nn.Module, values: Mapping[int, Tensor]) -> None:
        super().__init__()
        self.calls: list[FunctionCall] = []
        self.keys: dict[int, str] = {}
        self.constants: dict[int, Tensor] = {}
        self.values = values
        self.counters: set[int] = set()  # real tensors of the state, which count a norm's batches, by id
        self.modules: list[tuple[Scope, nn.Module]] = []  # that run, outermost first
        self.runs: dict[str, int] = {}
        self.bound: dict[int, tuple[Traced, int, Tensor]] = {}  # the tensor is kept, so its id stays its own
        self.count = 0
        self.reads: list[Refusal] = []  # of numbers that no meta tensor has
        self.read: set[int] = set()  # the tensors whose numbers those are
        self.unseen = 0  # modules around that are seen as one call
        for key, tensor in state_of(module):
            if id(tensor) not in self.bound:
                self.keys[self.bind(tensor).number] = key
                if not tensor.is_meta:
                    self.counters.add(id(tensor))

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Where the run is."""
        return tuple(scope for scope, _ in self.modules)

    def hooks(self, path: str, module: nn.Module) -> Iterator[Any]:
        """Hooks that keep the stack of modules."""

        ours = name_of_ours(module)

        def enter(_: nn.Module, __: object) -> None:
            call = self.runs.get(path, 0)
            self.runs[path] = call + 1
            self.modules.append((Scope(path, type(module).__name__, call), module))
            # Until it returns, calls within it are not recorded: a BlurPool is one call `cnnspec.BlurPool`.
            self.unseen += bool(ours)

        def leave(_: nn.Module, given: tuple[Any, ...], result: Any) -> None:
            if ours:
                self.unseen -= 1
                self.record(ours, replaced(given, Tensor, self.refer), {}, [result])
            self.modules.pop()

        # The module itself is no scope: keys and names begin within it.
        if path:
            yield module.register_forward_pre_hook(enter)
            yield module.register_forward_hook(leave)

    def bind(self, tensor: Tensor) -> Traced:
        """Give a tensor a new number."""
        traced = Traced(self.count, tuple(tensor.shape), tensor.dtype)
        self.count += 1
        self.bound[id(tensor)] = traced, tensor._version, tensor
        return traced

    def refer(self, tensor: Tensor) -> Traced:
        """The number of a tensor; one that no call has made is a constant."""
        if id(tensor) not in self.bound:
            number = self.bind(tensor).number
            value = self.values.get(id(tensor)) if tensor.is_meta else tensor
            if value is not None:
                # A later call may write into it; this call has it as it is now.
                self.constants[number] = value.clone()
        traced, version, _ = self.bound[id(tensor)]
        # PyTorch counts writes to memory: after y = x.view(5, -1) and x.relu_() the version of y is another.
        # Tensors of the state have a rule of their own, `check_writes`.
        stale = tensor._version != version and traced.number not in self.keys
        return traced._replace(is_stale=True) if stale else traced

    def constant(self, tensor: Tensor) -> Tensor | None:
        """The tensor with its numbers, where they depend on neither images nor weights."""
        return self.constants.get(self.refer(tensor).number)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.unseen:
            return func(*args, **kwargs)
        name = name_of(func)
        given = [*leaves(args, Tensor), *leaves(kwargs, Tensor)]
        fixed = all(self.constant(tensor) is not None for tensor in given)
        if name in READS and given and fixed:
            # A branch on fixed numbers, as `if self.mask.any():`, goes the same way in every run.
            return func(*replaced(args, Tensor, self.constant), **replaced(kwargs, Tensor, self.constant))
        if name in ESCAPES and not all(id(tensor) in self.counters for tensor in given):
            # Noted and raised: where the module catches the error, the note remains.
            raise RuntimeError(self.refuse_read(name, given).message)
        versions = [tensor._version for tensor in given]
        referred = replaced(args, Tensor, self.refer), replaced(kwargs, Tensor, self.refer)
        # By their numbers from before the call, which gives what it writes a new one.
        before = [self.refer(tensor) for tensor in given]
        try:
            out = call_on_meta(name, func, given, args, kwargs)
        except Exception:
            is_plain = name == "getitem" and len(given) == 1  # x[1], not x[mask]
            if name in READS and not is_plain:
                self.refuse_read(name, given)
            raise
        changed = [tensor._version != version for tensor, version in zip(given, versions, strict=True)]
        written = tuple(traced for traced, is_changed in zip(before, changed, strict=True) if is_changed)
        # It writes without a new version.
        if name == SET_DATA:
            written = tuple(before[:1])
        # `y[:, :4] = 1` returns nothing: y is another value from here on.
        made = [args[0]] if name in ("__setitem__", SET_DATA) else list(leaves(out, Tensor))
        if not made:
            return out
        values = self.compute(name, func, args, kwargs, made) if fixed and not written else []
        results = self.record(name, *referred, made, written)
        for result, value in zip(results, values, strict=False):
            self.constants[result.number] = value
        return out

    def compute(
        self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], made: list[Tensor]
    ) -> list[Tensor]:
        """What a function makes of constants, numbers and all; nothing where it makes them by chance."""
        sources = [self.constant(tensor) for tensor in leaves(args, Tensor)]
        if name == "to" and sources and sources[0] is not None:  # another device: the numbers stay
            return [sources[0].to(made[0].dtype)]
        # `torch.empty`, `torch.rand`: nothing to start from, and no number that is known.
        if not sources and name not in FACTORIES:
            return []
        # `torch.tensor(mean, device=x.device)` asks for the meta device, which has no numbers.
        device = {"device": "cpu"} if "device" in kwargs else {}
        before = torch.get_rng_state()
        args, kwargs = (replaced(each, Tensor, self.constant) for each in (args, kwargs))
        values = func(*args, **kwargs | device)
        # `torch.normal(mean, 1.0)` is of constants and yet none: it has drawn numbers.
        is_chance = not torch.equal(torch.get_rng_state(), before)
        found = list(leaves(values, Tensor))
        return [] if is_chance or any(value.is_meta for value in found) else found

    def refuse_read(self, name: str, given: list[Tensor]) -> Refusal:
        """Note that numbers are wanted, whether or not the module catches what that raises."""
        self.reads.append(self.refuse("E1007", read_by(name)))
        self.read |= {self.refer(tensor).number for tensor in given}
        return self.reads[-1]

    def record(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        made: list[Tensor],
        written: tuple[Traced, ...] = (),
    ) -> tuple[Traced, ...]:
        """Note a call; the numbers of what it made."""
        results = tuple(self.bind(tensor) for tensor in made)
        scopes, inner = self.scopes, self.modules[-1][1] if self.modules else None
        self.calls.append(FunctionCall(name, args, kwargs, results, written, scopes, place_here(), inner))
        return results

    def refuse(self, code: str, message: str) -> Refusal:
        return Refusal(code, message, self.scopes, place_here())

    def refusal(self, problem: BaseException, images: list[Tensor]) -> Refusal:
        """Why the module did not run through."""
        lines = str(problem).strip().splitlines()
        said = f"{type(problem).__name__}: {lines[0]}" if lines else type(problem).__name__
        shapes = " and ".join(str(tuple(image.shape)) for image in images)
        message = f"the module raises {said}, given {shapes}"
        return Refusal("E1002", message, self.scopes, place_of(problem.__traceback__))

    def outputs(self, result: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
        """The tensors of what the module returns, with the names that dicts and named tuples give them."""
        if isinstance(result, Tensor):
            yield name, result
        elif isinstance(result, Mapping):
            for key, value in result.items():
                yield from self.outputs(value, f"{name}_{key}" if name else str(key))
        elif isinstance(result, list | tuple):
            fields = getattr(result, "_fields", None) or [""] * len(result)
            for field, value in zip(fields, result, strict=True):
                yield from self.outputs(value, f"{name}_{field}" if name and field else name or field)
        elif result is not None:
            message = f"the module returns a value of type {type(result).__name__}, which is no tensor"
            raise refused(message, "E1005")


def without_tests(calls: list[FunctionCall], read: set[int]) -> list[FunctionCall]:
    """The calls without those that compute the single numbers or truths that were read: no net does."""
    found = []
    for call in reversed(calls):
        # `if x.sum() > 0`: the branch is refused, and `sum` is not for having no layer.
        is_test = all(not each.shape or each.dtype == torch.bool for each in call.results)
        if is_test and any(each.number in read for each in call.results):
            read = read | {each.number for each in leaves((call.args, call.kwargs), Traced)}
        else:
            found.append(call)
    return found[::-1]


def needed(calls: list[FunctionCall], outputs: tuple[tuple[str, Traced], ...]) -> list[FunctionCall]:
    """The calls that outputs depend on, or that change a tensor: what is only looked at is no network's."""
    wanted = {traced.number for _, traced in outputs}
    found = []
    for call in reversed(calls):
        # `str(x.mean())` is a mere look; `running_mean.add_(1)` is to be refused, though nothing reads it.
        if call.written or any(each.number in wanted for each in call.results):
            wanted |= {each.number for each in leaves((call.args, call.kwargs), Traced)}
            found.append(call)
    return found[::-1]


def read_by(name: str) -> str:
    """Why a function that wants numbers is refused."""
    if name == "__bool__":
        return "a branch depends on the numbers of a tensor"
    if name == "getitem":
        return "what an index picks depends on the numbers of a tensor"
    return f"`{name.strip('_')}` wants the numbers of a tensor"


def uncompiled() -> AbstractContextManager[Any]:
    """What torch.compile would compile runs as it was written."""
    if "torch._dynamo" not in sys.modules:  # nothing was compiled, and it takes seconds to load
        return nullcontext()
    stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
    return stance


def name_of(func: Any) -> str:
    """`conv2d`; `add` for `+`, `iadd` for `+=`; `T` for the attribute; reads keep their underscores."""
    name: str = getattr(func, "__name__", type(func).__name__)
    if name in ("__get__", "__set__"):
        # Attributes of tensors: `x.T` is Tensor.T.__get__, `x.data = y` Tensor.data.__set__.
        return str(getattr(func.__self__, "__name__", name)) + ("=" if name == "__set__" else "")
    return name if name in READS or name == "__setitem__" else name.strip("_") or name
