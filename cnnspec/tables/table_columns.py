"""The columns of the table: what each says of a row, in words for people and raw for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from cnnspec.tables.grid import Cell, Grid
from cnnspec.tables.rows import LayerRow, Reach, RowGroup, Summary
from cnnspec.values.shapes import Shape, percentage, plain_shape

POLICY = (
    "Parameters are the trained ones; shared weights count once. MACs are the multiply-accumulates",
    "of convolutions and linear layers alone, for one image in evaluation; FLOPs are twice as many.",
    "Memory is that of the outputs in 32-bit floats. field: the receptive field; jump: the distance",
    "of neighbours; both in pixels of the input (Araujo, Norris and Sim, 2019). k/s/p: kernel, stride,",
    "padding. ×N: N copies, their numbers added up.",
)


class TableColumn(NamedTuple):
    """`words` are shown in a cell; `raw` are the cell's values by their names in CSV and JSON."""

    heading: str
    words: Callable[[LayerRow, Summary], str]
    raw: Mapping[str, Callable[[LayerRow], object]]


def title(item: LayerRow | RowGroup, name: str) -> str:
    """`fc: linear`, `conv1`, `1…35: Bottleneck ×35`, as the language would label it."""
    kind = item.layer
    rest = name.lower().removeprefix(kind.lower())
    # `conv1` and `conv1…3` say their kind; `fc: linear` and `1: Basic` do not.
    says_kind = not kind or name == kind or (rest != name.lower() and rest.replace("…", "").isdecimal())
    words = name if says_kind else f"{name}: {kind}"
    if item.times > 1:
        words += f" ×{item.times}"
    return f"{words} ({item.idle})" if isinstance(item, LayerRow) and item.idle else words


def size(sides: tuple[object, ...] | str | None) -> str:
    """`2`, `2x1`; a pad of four sides as `1`, `1x2` or `0,1,0,1`."""
    if sides is None or isinstance(sides, str):
        return sides or ""
    if len(sides) == 4:
        top, bottom, left, right = sides
        if (top, left) != (bottom, right):
            return ",".join(map(str, sides))
        sides = (top, left)
    return str(sides[0]) if sides[0] == sides[1] else "x".join(map(str, sides))


def window_words(row: LayerRow) -> str:
    """`7x7/2/3`: kernel, stride, padding."""
    if row.kernel is None:
        return ""
    return f"{'x'.join(map(str, row.kernel))}/{size(row.stride)}/{size(row.pad)}"


def shape_words(shape: Shape | None, unknown: str = "?") -> str:
    return unknown if shape is None else str(plain_shape(shape))


def output(row: LayerRow) -> str:
    """`64@56x56`; of copies that grow `64…224@56x56`."""
    first, last = shape_words(row.first), shape_words(row.output)
    return last if first == last else f"{first.partition('@')[0]}…{last}"


def number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}" if value else "–"


def params(row: LayerRow) -> str:
    return "shared" if row.shared and not row.params else number(row.params)


def share(row: LayerRow, whole: Summary) -> str:
    if row.params is None or whole.total.params is None:
        return "?"
    return percentage(row.params, whole.total.params, 1) if row.params else "–"


def memory_unit(most: int | None) -> tuple[int, str]:
    """The unit for so many bytes and fewer: its own bytes, and its name."""
    return (2**20, "MiB") if (most or 0) >= 2**20 else (2**10, "KiB")


def memory(value: int | None, most: int | None) -> str:
    """Bytes in the unit for the most of them."""
    return "?" if value is None else f"{value / memory_unit(most)[0]:,.2f}" if value else "–"


def reach(row: LayerRow, what: str) -> str:
    if isinstance(row.field, Reach):
        return size(getattr(row.field, what))
    # "all" stands for a size; a jump has no word for it, and unlike pixels have no field.
    return "?" if row.field is None else (row.field if what == "size" else "") or "–"


def raw_reach(row: LayerRow, what: str) -> object:
    if isinstance(row.field, Reach):
        return "x".join(map(str, getattr(row.field, what)))
    return row.field if what == "size" else None


COLUMNS = {
    "layer": TableColumn(
        "layer",
        lambda row, _: title(row, row.path),
        {"path": lambda row: row.path, "layer": lambda row: row.layer},
    ),
    "kernel": TableColumn(
        "k/s/p",
        lambda row, _: window_words(row),
        {
            "kernel": lambda row: "x".join(map(str, row.kernel)) if row.kernel else None,
            "stride": lambda row: size(row.stride) or None,
            "pad": lambda row: size(row.pad) or None,
        },
    ),
    "output": TableColumn(
        "output", lambda row, _: output(row), {"output": lambda row: row.output and shape_words(row.output)}
    ),
    "params": TableColumn("params", lambda row, _: params(row), {"params": lambda row: row.params}),
    "share": TableColumn("%", share, {}),
    "macs": TableColumn("MACs", lambda row, _: number(row.macs), {"macs": lambda row: row.macs}),
    "field": TableColumn(
        "field", lambda row, _: reach(row, "size"), {"field": lambda row: raw_reach(row, "size")}
    ),
    "jump": TableColumn(
        "jump", lambda row, _: reach(row, "jump"), {"jump": lambda row: raw_reach(row, "jump")}
    ),
    "memory": TableColumn(
        "memory",
        lambda row, table: memory(row.memory, table.total.memory),
        {"memory": lambda row: row.memory},
    ),
}

TOTALLED = ("layer", "params", "share", "macs", "memory")


def choose(names: str | Sequence[str]) -> list[str]:
    """The columns of these names, `"layer,output"` too; all where there are none. Raises ValueError."""
    if isinstance(names, str):
        names = [name.strip() for name in names.split(",")] if names else []
    for name in names:
        if name not in COLUMNS:
            raise ValueError(f"there is no column {name!r}; there is {', '.join(COLUMNS)}")
    return list(names or COLUMNS)


def total_words(key: str, table: Summary) -> str:
    """The cell of the last line."""
    return COLUMNS[key].words(table.total, table) if key in TOTALLED else ""


def heading(key: str, table: Summary) -> str:
    return memory_unit(table.total.memory)[1] if key == "memory" else COLUMNS[key].heading


def layers_grid(
    table: Summary, columns: Sequence[str], rows: Sequence[Sequence[Cell]], below: Sequence[str]
) -> Grid:
    """The table as cells: rows, the totals, and the lines below."""
    sides = "".join("<" if key in ("layer", "kernel") else ">" for key in columns)
    heads = [heading(key, table) for key in columns]
    foot: list[list[Cell]] = [[total_words(key, table) for key in columns]]
    return Grid(f"The layers of {table.network}", heads, [[*row] for row in rows], foot, sides, tuple(below))


def notes(table: Summary) -> list[str]:
    """The lines below a table."""
    peak, name = table.peak, memory_unit(table.total.memory)[1]
    size = "?" if peak is None else f"{memory(peak.memory, table.total.memory)} {name}"
    where = f", when {peak.path} runs" if peak and peak.path else ""
    buffers = [f"Buffers: {table.buffers:,} numbers."] if table.buffers else []
    return [f"Peak memory of inference: {size}{where}.", *buffers, *POLICY]
