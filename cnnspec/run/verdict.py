"""What `verify` found: errors and their bounds, the first fault, all of it as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

EXACT = 1e-10
"""The bound in float64."""

ROUNDED, MOST = 1e-4, EXACT * 2**29  # 0.054
"""The bounds in float32 of a layer that is given the measure's values, the least and the most: a norm of
equal values makes 300 times as much, 1/sqrt(eps), of the 6e-8 that rounding leaves; beyond MOST a layer would
be beyond EXACT in float64."""

WHOLE, CAP, GAPS = 5e-5, 1e-2, 4
"""Those of an output in float32, of a program run as a whole; it may have so many times the measure's own gap
between the two precisions. Where that is beyond CAP, float32 shows nothing of the output: right and wrong
programs look the same, and float64 alone decides."""

FINER, OFTEN = 2**29, 8  # 2**53 / 2**24, by the bits of their significands
"""So much finer than float32 does float64 round. Where small differences of large numbers count, a layer or
an output may have so many times what rounding makes of it: of what arrives, as the measure tells, or within,
as the programs' own errors in float64 tell. A layer rounds several times, and errors cancel by chance."""

MULTIPLIED = 1e3 * EXACT
"""The most in float64 for an output of a net that multiplies rounding. What is wrong is far beyond it."""

LARGE_GAP = 1e-3
"""Told, since then even a right program may be beyond CAP."""

TYPES = ("float64", "float32")

LARGEST_FLOAT32 = (2 - 2**-23) * 2.0**127


class Deviation(NamedTuple):
    """A layer or an output: its shape, the largest number of the measure, and errors by type and program.

    `moved`: the error that rounding to float32 what arrives makes of the measure, where that matters;
    `overflows`: what the measure computes on the way is too large for float32.
    """

    name: str
    shape: str
    largest: float
    errors: Mapping[str, Mapping[str, float]]
    moved: float = 0.0
    overflows: bool = False
    is_output: bool = False

    def worst(self, kind: str) -> float:
        return max(self.errors[kind].values(), default=0.0)


class Excess(NamedTuple):
    """Where a program is beyond a bound."""

    row: Deviation
    kind: str
    program: str
    error: float


class Report(NamedTuple):
    """What was found: differences from the measure.

    `gap` is the most that the measure run in float32 lacks of itself at an output; `stopped` names what
    does not run, and tells why.
    """

    network: str
    images: int
    programs: tuple[str, ...]
    rows: tuple[Deviation, ...]
    gap: float
    compared: str = "the back ends"
    stopped: Mapping[str, str] = {}

    def bound(self, kind: str, row: Deviation) -> float:
        if kind == "float64":
            moved = OFTEN * row.moved / FINER if row.is_output else 0.0
            return min(MULTIPLIED, max(EXACT, moved))
        if row.is_output:
            return min(CAP, max(WHOLE, self.rounding(row)))
        return min(MOST, max(ROUNDED, self.rounding(row)))

    @property
    def single(self) -> list[str]:
        """The programs that run in float32 alone."""
        # Told by the errors: ONNX Runtime's program has some in float32 alone, one that stopped has none.
        double, single = ({name for row in self.rows for name in row.errors[kind]} for kind in TYPES)
        return [name for name in self.programs if name in single - double]

    def rounding(self, row: Deviation) -> float:
        """What rounding to float32 may make of a layer or an output."""
        within = row.worst("float64")
        # An error in float64 beyond EXACT is a fault, which must not widen its own bound in float32.
        most = OFTEN * max(row.moved, FINER * within if within <= EXACT else 0.0)
        return max(most, GAPS * self.gap) if row.is_output else most

    def drowns(self, fault: Excess) -> bool:
        """Whether rounding hides all that an output in float32 could show, and float64 has shown it.

        Of a program that does not run in float64 its layers alone have shown something.
        """
        row, error = fault.row, fault.error
        # What float64 has compared is known to be right there, or is a fault already.
        shown = fault.program in row.errors["float64"] or fault.program in self.single
        shown = shown and not row.overflows and math.isfinite(error)
        return shown and fault.kind == "float32" and row.is_output and self.rounding(row) > CAP

    def errors(self, kind: str) -> Iterator[Excess]:
        """All errors of a type that show something, in the order of the network."""
        every = (Excess(row, kind, *item) for row in self.rows for item in row.errors[kind].items())
        return (fault for fault in every if not self.drowns(fault))

    @property
    def faults(self) -> Iterator[Excess]:
        """Errors above their bounds, those of float64 first, in the order of the network."""
        for kind in TYPES:
            for fault in self.errors(kind):
                if not fault.error <= self.bound(kind, fault.row):
                    yield fault

    @property
    def first_fault(self) -> Excess | None:
        return next(self.faults, None)

    @property
    def ok(self) -> bool:
        return not self.stopped and self.first_fault is None

    def worst(self, kind: str) -> Excess | None:
        """The error of a type that is largest beside its bound."""
        return max(
            self.errors(kind), key=lambda fault: fault.error / self.bound(kind, fault.row), default=None
        )


# The report as text

LONG = 40
"""Up to so many rows are shown; of more, the outputs and the WORST."""

WORST = 10


def table(report: Report, every: bool = False, more: str = "") -> str:
    """The report as text: a line a layer, then the verdict. `every`: all layers of a long one, too.

    `more` says how the layers that a long one leaves out come to be shown.
    """
    if not report.rows:
        return "\n".join(verdict(report))
    rows = report.rows if every or len(report.rows) <= LONG else pick_rows(report)
    width = max(len("layer"), *(len(row.name) for row in rows))
    middle = max(len("output"), *(len(row.shape) for row in rows))
    double = [name for name in report.programs if name not in report.single]
    columns = (*double, *(f"{name}, float32" for name in report.single), "float32")
    lines = [
        f"{report.network} on {report.images} random images: differences from NumPy's plain program in",
        "float64, relative to the largest number. A layer is given what it is given there, an output is",
        "of the whole program. Last column: the worst in float32",
        "",
        f"{'layer':{width}}  {'output':{middle}}" + "".join(f"{name:>{width_of(name)}}" for name in columns),
    ]
    for row in rows:
        numbers = [row.errors["float64"].get(name) for name in double]
        numbers += [row.errors["float32"].get(name) for name in report.single]
        numbers.append(row.worst("float32") if row.errors["float32"] else None)
        cells = "".join(
            f"{'' if number is None else format(number, '.1e'):>{width_of(name)}}"
            for name, number in zip(columns, numbers, strict=True)
        )
        lines.append(f"{row.name:{width}}  {row.shape:{middle}}{cells}")
    if len(rows) < len(report.rows):
        lines.append(f"the worst of {len(report.rows)}, and the outputs{more}")
    return "\n".join([*lines, "", *verdict(report)])


def width_of(column: str) -> int:
    return max(10, len(column) + 2)


def pick_rows(report: Report) -> list[Deviation]:
    """The rows with the largest errors, the first fault and the outputs, in the order of the network."""
    wanted: set[int] = set()
    for kind in TYPES:
        # By id: a Deviation holds dictionaries, and has no hash.
        wanted |= set(map(id, sorted(report.rows, key=lambda row: -row.worst(kind))[: WORST // 2]))
    if report.first_fault is not None:
        wanted.add(id(report.first_fault.row))
    return [row for row in report.rows if id(row) in wanted or row.is_output]


def verdict(report: Report) -> list[str]:
    fault, head = report.first_fault, f"{report.network}: {report.compared}"
    if fault is None:
        # A program that did not run agrees with nothing, though none that ran is beyond a bound.
        lines = [] if report.stopped else [f"{head} agree"]
    elif not math.isfinite(fault.row.largest):
        lines = [f"{report.network}: NumPy's plain program gives no number at {fault.row.name}"]
    elif fault.kind == "float32" and fault.row.overflows:
        what = f"{fault.row.largest:.1e} at" if fault.row.largest > LARGEST_FLOAT32 else "what is computed at"
        lines = [f"{report.network}: {what} {fault.row.name} is too large for float32"]
    else:
        beyond = f"{fault.error:.1e} in {fault.kind}, the bound is {report.bound(fault.kind, fault.row):.0e}"
        lines = [f"{head} differ, first at {fault.row.name}", f"{fault.program} is off by {beyond}"]
    lines = [f"{report.network}: {name} does not run: {why}" for name, why in report.stopped.items()] + lines
    for kind in TYPES:
        worst = report.worst(kind)
        if worst is not None:
            bound = f"{report.bound(kind, worst.row):.0e}"
            lines.append(
                f"{kind}: at most {worst.error:.1e}, {worst.program} at {worst.row.name}; bound {bound}"
            )
    kind = "float32"
    drowned = [
        row.name
        for row in report.rows
        if any(report.drowns(Excess(row, kind, *item)) for item in row.errors[kind].items())
    ]
    if drowned:
        lines.append(
            f"{kind} shows nothing of {', '.join(drowned)}: rounding alone may make all of its error"
        )
    if report.gap > LARGE_GAP:
        lines.append(f"rounding to float32 moves the outputs by {report.gap:.1e}: the net multiplies errors")
    return lines
