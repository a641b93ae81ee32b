"""Two networks, compared: in a terminal, in Markdown for a pull request, or as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from cnnspec.analysis.compare import Comparison, Figures
from cnnspec.analysis.components import layers
from cnnspec.analysis.receptive import WHOLE
from cnnspec.faults.reports.glyphs import paint, visible
from cnnspec.tables import PAGE, align
from cnnspec.tables.changes import (
    DiffLine,
    DiffPart,
    DiffSide,
    layers_words,
    params,
    port_name,
    ranges,
    sections,
)
from cnnspec.tables.papers import escape_markdown, markdown_lines
from cnnspec.tables.table_columns import memory_unit, shape_words, size

NAMES = 40  # columns of a line's names
KEYS = 60  # of the keys in one
FIGURE_SIDES = "<>>>"
COLOURS = {"+": "32", "-": "31", "!": "33", "@": "36"}  # green, red, yellow, cyan


def diff(comparison: Comparison, sides: tuple[DiffSide, DiffSide], style: str, colour: bool = False) -> str:
    """The comparison as text, json or markdown."""
    if style == "json":
        from cnnspec.tables.diff_data import as_json

        return as_json(comparison, sides)
    return markdown(comparison, sides) if style == "markdown" else text(comparison, sides, colour)


def text(comparison: Comparison, sides: tuple[DiffSide, DiffSide], colour: bool) -> str:
    if comparison.same:
        return no_difference(comparison, sides) + "\n"
    table = align(figure_rows(comparison), FIGURE_SIDES, PAGE)
    weights = [
        weights_line(comparison),
        *(f"  {line}" for line in align(weight_rows(comparison), "<><", PAGE)),
    ]
    parts = [change_lines(comparison, sides), counts(comparison), table, weights]
    lines = [line for part in parts for line in ("", *part)][1:]
    if colour:
        lines = [paint(COLOURS[line[0]], line) if line[:1] in COLOURS else line for line in lines]
    return "".join(f"{line}\n" for line in lines)


def markdown(comparison: Comparison, sides: tuple[DiffSide, DiffSide]) -> str:
    if comparison.same:
        return escape_markdown(no_difference(comparison, sides)) + "\n"
    heads, *rows = figure_rows(comparison)
    lines = [
        "```diff",
        *change_lines(comparison, sides),
        "```",
        "",
        *map(escape_markdown, counts(comparison)),
        "",
        *markdown_lines(heads, rows, FIGURE_SIDES),
        "",
        escape_markdown(weights_line(comparison)),
        "",
        *(f"- {what} ({number}): {escape_markdown(keys)}" for what, number, keys in weight_rows(comparison)),
    ]
    return "\n".join(lines) + "\n"


def no_difference(comparison: Comparison, sides: tuple[DiffSide, DiffSide]) -> str:
    names = " and ".join(dict.fromkeys(side.net for side in sides))
    return f"{visible(names)}: no difference in {layers_words(comparison.figures[0].layers)}"


def change_lines(comparison: Comparison, sides: tuple[DiffSide, DiffSide]) -> list[str]:
    """Both names, as in a unified diff, then the lines of the net and those of blocks."""
    width = max(len(side.net) for side in sides)
    heads = [
        f"{mark} {side.net:{width}}  {side.source}" for mark, side in zip(("---", "+++"), sides, strict=True)
    ]
    found = sections(comparison)
    # Aligned together, so that columns go through all sections.
    rows = align([cells(line) for section in found for line in section.lines], "<<>", PAGE)
    lines = [*heads]
    for section in found:
        if section.title:
            lines.append(section_head(section))
        lines += rows[: len(section.lines)]
        del rows[: len(section.lines)]
    return [visible(line) for line in lines]


def section_head(section: DiffPart) -> str:
    start = f"@@ {section.title} in {len(section.places)} places: "
    return f"{start}{list_edits(ranges(section.places), PAGE - len(start) - 3)} @@"


def cells(line: DiffLine) -> list[str]:
    words = line.words
    if len(line.names) > 1:
        words += f" ×{len(line.names)}"
    if line.behind:
        alone = len(line.behind) == 1
        before = line.behind[0] if alone else line.kind
        words += f",{'' if alone else ' each'} {f'behind {before}' if before else 'at the start'}"
    names = list_edits(ranges(line.names), NAMES)
    params = f"{with_sign(line.params)} params" if line.params else ""
    return [visible(f"{line.mark} {names}"), visible(words), params]


def list_edits(words: Sequence[str], width: int) -> str:
    """As many as there is room for; the last one is cut, or says that it stands for more."""
    whole = ", ".join(words)
    if len(whole) <= width:
        return whole
    kept = words[0]
    for word in words[1:]:
        # 5: the comma and blank before a word, and `, …` behind it.
        if len(kept) + len(word) + 5 > width:
            break
        kept += f", {word}"
    return f"{kept}, …" if len(kept) + 3 <= width and len(words) > 1 else kept[: width - 1] + "…"


def counts(comparison: Comparison) -> list[str]:
    """`1 changed, 3 affected, 8 the same`, and what affected means."""
    found = Counter(each.status for each in layers(comparison.whole))
    moved = found.pop("moved", 0)
    found["the same"] = found.pop("same", 0) + moved
    statuses = ("removed", "added", "changed", "affected", "the same")
    line = ", ".join(f"{found[status]:,} {status}" for status in statuses if found[status])
    lines = [f"Layers: {line}{f', {moved:,} of them under other names' if moved else ''}."]
    affected = [each for each in layers(comparison.whole) if each.status == "affected"]
    if affected and affected[0].after:
        more = sum(map(params, affected))
        words = f", {with_sign(more)} params" if more else ""
        lines.append(f"Affected: of other shapes, from {affected[0].after.path} on{words}.")
    return [visible(line) for line in lines]


def figure_rows(comparison: Comparison) -> list[list[str]]:
    one, two = comparison.figures
    rows = [["", "before", "after", "difference"]]
    for port in comparison.ports:
        shapes = (shape_words(shape, "–") for shape in (port.before, port.after))
        rows.append(figure(port_name(port), *shapes))
    rows.append(numbers("layers", one.layers, two.layers))
    rows.append(numbers("parameters", one.params, two.params))
    rows.append(numbers("buffers", one.buffers, two.buffers))
    rows.append(numbers("MACs", one.macs, two.macs))
    rows.append(fields(one, two))
    rows.append(peaks(one, two))
    return [[visible(cell) for cell in row] for row in rows]


def figure(name: str, before: str, after: str) -> list[str]:
    return [name, before, after, "same" if before == after else ""]


def numbers(name: str, before: int, after: int) -> list[str]:
    return [name, f"{before:,}", f"{after:,}", difference(before, after)]


def difference(before: int, after: int) -> str:
    """`−96 (−0.2 %)`."""
    if before == after:
        return "same"
    share = f" ({with_sign(100 * (after - before) / before, 1)} %)" if before else ""
    return with_sign(after - before) + share


def with_sign(number: float, digits: int = 0) -> str:
    return f"{number:+,.{digits}f}".replace("-", "−")


def fields(one: Figures, two: Figures) -> list[str]:
    # What has no field has unequal sides, so that no difference is computed.
    before, after = (figures.field.size if figures.field else (0, 1) for figures in (one, two))
    cells = figure("receptive field", field_words(one), field_words(two))
    if before[0] == before[1] > 1 and after[0] == after[1] > 1:
        cells[-1] = difference(before[0], after[0])
    return cells


def field_words(figures: Figures) -> str:
    return "all" if figures.field is WHOLE else size(figures.field.size) if figures.field else "–"


def peaks(one: Figures, two: Figures) -> list[str]:
    before, after = one.peak.memory, two.peak.memory
    unit, name = memory_unit(max(before, after))
    change = difference(before, after)
    if before != after:
        # Of `−1,024 (−0.2 %)` the share is kept.
        change = f"{with_sign((after - before) / unit, 2)} {name} {change.partition(' ')[2]}"
    return ["peak memory", f"{before / unit:,.2f} {name}", f"{after / unit:,.2f} {name}", change]


def weights_line(comparison: Comparison) -> str:
    """Whether a file of weights loads."""
    found = comparison.tensors
    if found.before == found.after == len(found.loads):
        return f"Weights load: all {found.before:,} tensors fit."
    return f"Weights do not load as they are: {len(found.loads):,} of {found.before:,} tensors fit."


def weight_rows(comparison: Comparison) -> list[tuple[str, str, str]]:
    """Why others do not, how many, and which."""
    found = comparison.tensors
    lists = (
        ("another shape", [f"{key} {dims(before)} → {dims(after)}" for key, before, after in found.reshaped]),
        ("another key", [f"{before} → {after}" for before, after in found.renamed]),
        ("would go into another layer", found.misplaced),
        ("gone", found.lost),
        ("new", found.new),
    )
    return [(what, f"{len(keys):,}", visible(list_edits(keys, KEYS))) for what, keys in lists if keys]


def dims(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))
