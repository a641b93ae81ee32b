"""What a tensor of the run may be, once it is known what made it."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from torch import Tensor

from cnnspec.importers.model import Value
from cnnspec.importers.reading.arrangement import Axes
from cnnspec.importers.reading.flows import Flow, PoolPlaces, Repeated
from cnnspec.importers.reading.layer_formulas import Computation
from cnnspec.importers.refusals import Refusal


class WeightTensor(NamedTuple):
    """A tensor of the state_dict, or a view of one that keeps the order of its numbers."""

    key: str
    shape: tuple[int, ...]


class Scaled(NamedTuple):
    """A tensor of the state_dict times a fixed number."""

    key: str
    shape: tuple[int, ...]
    factor: float


class Standardized(NamedTuple):
    """Filters brought to mean 0 and deviation 1, times a gain of its own tensor and a fixed number."""

    key: str
    shape: tuple[int, ...]
    eps: float
    gain: str = ""  # its key
    factor: float = 1.0


class ConstantTensor(NamedTuple):
    """Numbers that depend on neither images nor weights."""

    tensor: Tensor


class Noise(NamedTuple):
    """Random numbers of this shape, drawn at each run.

    `keep` None: uniform in [0, 1), plus `shift`. Else 1 with probability `keep`, or 0, times `factor`.
    """

    shape: tuple[int, ...]
    keep: float | None = None
    factor: float = 1.0
    shift: float = 0.0


class Fresh(NamedTuple):
    """Memory whose numbers are yet to be written."""

    shape: tuple[int, ...]


class Shifted(NamedTuple):
    """A value less fixed numbers: a division by others makes it a layer."""

    flow: Flow
    by: float | Tensor


class Padded(NamedTuple):
    """A map within -inf: so much at its top, bottom, left and right. A max pool makes a layer of it."""

    value: Value
    sides: tuple[int, int, int, int]


class FormulaPart(NamedTuple):
    """What functions make that is no layer, on these axes.

    `refusal`: why the first function of the formula has no layer, where the whole is none either.
    """

    computation: Computation
    axes: Axes
    refusal: Refusal


class Computed(NamedTuple):
    """A tensor that the module computes from its weights: by which functions, and by what formula."""

    how: str
    part: FormulaPart | None = None


class Opaque(NamedTuple):
    """What a refused call made, or what depends on it: nothing more is said of it."""

    shape: tuple[int, ...]


Stateful = WeightTensor | Scaled | Standardized
Partial = Repeated | Noise | Fresh | Shifted | Padded | PoolPlaces | FormulaPart
Known = Flow | Stateful | ConstantTensor | Partial | Computed | Opaque
KINDS: Any = get_args(Known)
