"""For which inputs a network is valid, in words and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnspec.analysis.sizes.laws import SizeRule
from cnnspec.analysis.sizes.sets import Stretch
from cnnspec.analysis.sizes.survey import REACH, Growth, Set, SizeQuestion, SizeSurvey
from cnnspec.faults.reports.glyphs import visible
from cnnspec.tables import align

MARGIN = 9
MOST = 6  # of a kind are listed in words; the JSON report has all
AXES = (("height", "rows"), ("width", "columns"))


def words(stretches: Set) -> str:
    """`from 12`, `28 to 31`, `multiples of 16`."""
    return ", ".join(first_of([stretch_words(stretch) for stretch in stretches], "stretches")) or "none"


def stretch_words(stretch: Stretch) -> str:
    first, length, step = stretch
    if step == 1:
        return f"from {first}"
    sizes = f"{first}" if length == 1 else f"{first} to {stretch.last}"
    if not step:
        return sizes
    if length > 1:
        return f"{sizes} and again every {step}"
    return f"multiples of {step}" if first == step else f"from {first} in steps of {step}"


def first_of(lines: Sequence[str], what: str) -> list[str]:
    """The first of some lines, and how many more there are."""
    more = len(lines) - MOST
    # Where just one would be left out, it takes the line that would say so.
    return [*lines[:MOST], f"and {more} more {what}"] if more > 1 else list(lines)


def cross(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def report(surveys: list[SizeSurvey], question: SizeQuestion | None) -> str:
    """A stretch of text for each size that inputs are written with; before them what was asked."""
    answers = [] if question is None else [answer(survey, question) for survey in surveys]
    parts = [text(survey, alone=len(surveys) == 1) for survey in surveys]
    return "\n".join([*(line + "\n" for line in answers if line), *parts])


def answer(survey: SizeSurvey, question: SizeQuestion) -> str:
    """`230x230 is not valid; near it 224x224 and 240x240 are`."""
    size = survey.size_asked(question)
    if size is None:
        return ""
    if question.valid:
        return f"{cross(size)} is valid"
    near = survey.nearest(size)
    if not near:
        return f"{cross(size)} is not valid, and nothing near it is"
    far = max(abs(a - b) for pair in near for a, b in zip(pair, size, strict=True)) > REACH
    are = "are" if len(near) > 1 else "is"
    places = " and ".join(map(cross, near))
    if far:
        return f"{cross(size)} is not valid; the nearest known {are} {places}"
    return f"{cross(size)} is not valid; near it {places} {are}"


def text(survey: SizeSurvey, alone: bool) -> str:
    """A line a fact, then a table of a few sizes."""
    inputs = " and ".join(f"{survey.explorer.written[name]}" for name in survey.varied)
    others = "" if alone else f", if only {' and '.join(survey.varied)} may change"
    title = f"{survey.explorer.network.name} at {inputs}{others}; sizes up to {survey.end}"
    facts = {
        "valid": valid(survey),
        "weights": weights(survey),
        "output": outputs(survey),
        "lost": lost(survey),
    }
    lines = [visible(title), ""]
    for name, sentences in facts.items():
        lines += [f"{name if i == 0 else '':{MARGIN}} {visible(line)}" for i, line in enumerate(sentences)]
    return "\n".join([*lines, "", *table(survey), ""])


def both(down: Set, across: Set) -> str:
    if down == across:
        return f"heights and widths {words(down)}"
    return f"heights {words(down)}; widths {words(across)}"


def valid(survey: SizeSurvey) -> list[str]:
    heights, widths = (sweep.set(sweep.valid) for sweep in (survey.heights, survey.widths))
    if survey.squares is None:
        sentences = [both(heights, widths)]
    else:
        height, width = survey.written
        sentences = [
            f"squares {words(survey.squares.set(survey.squares.valid))}",
            f"heights {words(heights)} where the width is {width}",
            f"widths {words(widths)} where the height is {height}",
            f"for other pairs ask about one: {dependence(survey)}",
        ]
    if survey.stops:
        first = survey.stops[:3]
        sentences.append("others end at " + ", ".join(f"{path} ({count})" for path, count, _ in first))
        training = [path for path, _, train in first if train]
        if training:
            sentences.append("only training runs " + ", ".join(training))
    if survey.rechecked:
        sentences.append(f"{survey.rechecked} sizes were checked one by one, because of what the text reads")
    if survey.unknown:
        sentences.append(
            f"{survey.unknown} sizes were left out: to check them one by one would take too long"
        )
    return sentences


def dependence(survey: SizeSurvey) -> str:
    """That they depend on each other is proved where squares of valid sides are not just the valid ones."""
    assert survey.squares is not None
    both = {*survey.heights.valid} & {*survey.widths.valid}
    verb = "depend" if both != {*survey.squares.valid} else "may depend"
    return f"height and width {verb} on each other in {survey.coupled}"


def weights(survey: SizeSurvey) -> list[str]:
    if not survey.pinned:
        return ["fit all of these"]
    sets = [sweep.set(sweep.fitting) for sweep in survey.sweeps]
    fitting = f"squares {words(sets[0])}" if survey.coupled else both(sets[0], sets[1])
    others = [
        f"and heights {words(high)} with widths {words(wide)}: another map of as many features"
        for high, wide in survey.other_maps
    ]
    return [f"of {survey.pinned} fit {fitting}", *first_of(others, "of that kind")]


def outputs(survey: SizeSurvey) -> list[str]:
    graph = survey.explorer.graph
    shapes = graph.shapes
    fixed = [str(shapes[at]) for at in graph.lasting.values() if not shapes[at].is_map]
    return [*([" and ".join(fixed)] if fixed else []), *map(growth, survey.growths)]


def growth(found: Growth) -> str:
    """`layer4.2.relu: 2048@ceil(h/32) x ceil(w/32)`, of the input's height h and width w.

    A side that follows no formula for certain is given as it was seen: `2048@(1 to 32) x ceil(w/32)`.
    """
    axes = (found.height, "h", found.heights), (found.width, "w", found.widths)
    sides = [formula(rule, name) or f"({least} to {most})" for rule, name, (least, most) in axes]
    unknown = "" if found.height and found.width else ": no simple formula holds for certain"
    return f"{found.path}: {found.channels}@{' x '.join(sides)}{unknown}"


def formula(rule: SizeRule | None, name: str) -> str | None:
    return rule.text(name) if rule else None


def lost(survey: SizeSurvey) -> list[str]:
    """Layer by layer, rows and columns in one line where they are lost at the same sizes."""
    if not survey.losses:
        return ["nothing"]
    by_layer: dict[str, dict[str, list[str]]] = {}
    for loss in survey.losses:
        axes = by_layer.setdefault(loss.path, {}).setdefault(words(loss.sizes), [])
        axes.append(AXES[loss.axis][1] + (f" ({loss.written} as written)" if loss.written else ""))
    sentences = [
        f"{' and '.join(axes)} in {path}: {sizes}"
        for path, found in by_layer.items()
        for sizes, axes in found.items()
    ]
    whole = [sweep.set(sweep.whole) for sweep in (survey.heights, survey.widths)]
    nothing = f"nothing at {both(whole[0], whole[1])}" if all(whole) else "something at every size"
    return [*first_of(sentences, "layers"), nothing]


def table(survey: SizeSurvey) -> list[str]:
    """A few sizes: the last map that follows them, and the outputs."""
    names = {at: name for name, at in survey.explorer.graph.lasting.items()}
    rows = [["input", *(names.get(path, path) for path in survey.sample_paths), "lost"]]
    for sample in survey.samples:
        shown = [str(sample.shapes.get(path, "?")) for path in survey.sample_paths]
        rows.append([cross(sample.size), *shown, str(sample.lost or "–")])
    return align([list(map(visible, row)) for row in rows], "<" * len(rows[0]))


def as_json(surveys: list[SizeSurvey], question: SizeQuestion | None) -> str:
    import json  # which a report in words does without

    content: dict[str, Any] = {
        "name": surveys[0].explorer.network.name if surveys else None,
        "inputs": [entry(survey) for survey in surveys],
    }
    if question is not None:
        sizes = [(survey, survey.size_asked(question)) for survey in surveys]
        near = [] if question.valid else [survey.nearest(size) for survey, size in sizes if size]
        content["asked"] = {"valid": question.valid, "nearest": near}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def stretch_entries(stretches: Set) -> list[dict[str, int]]:
    """A set of sizes as Stretches: `length` sizes from `first` on, again every `step`, if that is not 0."""
    return [stretch._asdict() for stretch in stretches]


def entry(survey: SizeSurvey) -> dict[str, Any]:
    sweeps = survey.all_sweeps
    return {
        "names": survey.varied,
        "written": survey.written,
        "up_to": survey.end,
        "apart": not survey.coupled,
        "valid": {name: stretch_entries(sweep.set(sweep.valid)) for name, sweep in sweeps.items()},
        "weights_fit": {name: stretch_entries(sweep.set(sweep.fitting)) for name, sweep in sweeps.items()},
        "weights_fit_other_maps": [
            {"heights": stretch_entries(high), "widths": stretch_entries(wide)}
            for high, wide in survey.other_maps
        ],
        "rechecked": survey.rechecked,
        "left_out": survey.unknown,
        "ends": [{"path": path, "sizes": count, "train": train} for path, count, train in survey.stops],
        "maps": [
            {
                "path": found.path,
                "channels": found.channels,
                "height": formula(found.height, "h"),
                "width": formula(found.width, "w"),
            }
            for found in survey.growths
        ],
        "lost": [
            loss._asdict() | {"axis": AXES[loss.axis][0], "sizes": stretch_entries(loss.sizes)}
            for loss in survey.losses
        ],
        "samples": [
            {
                "size": sample.size,
                "outputs": {
                    name: sample.shapes[at].dimensions
                    for name, at, _ in survey.explorer.graph.outputs
                    if at in sample.shapes
                },
                "lost": sample.lost,
            }
            for sample in survey.samples
        ],
    }
