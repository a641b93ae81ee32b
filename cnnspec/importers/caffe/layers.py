"""A file's layers: which of them evaluation runs, in either syntax, and who reads what they make."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from cnnspec.importers.reading.fields import Fields
from cnnspec.importers.refusals import Refuse

OF_TRAINING = ("loss_weight", "propagate_down", "blobs_lr", "weight_decay")


class CaffeLayer(NamedTuple):
    """A layer as it is written. `bottoms` are the blobs that it reads, `tops` those that it makes."""

    name: str
    kind: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    shared: tuple[str, ...]  # names of its parameters, "" for one without
    fields: Fields


def layers_of(net: Fields, known: Collection[str]) -> list[CaffeLayer]:
    """The layers of a net that run in evaluation, in their order. Raises Refuse.

    `known` are the types that have a row.
    """
    old, new = net.all("layers"), net.all("layer")
    if old and new:
        raise Refuse("E1001", "`layer` and `layers` are of two syntaxes", new[0].line)
    found = [read_part(field.part, bool(old), known) for field in old or new]
    return [part for part in found if runs(part.fields)]


def newest(kind: str, known: Collection[str]) -> str:
    """A type of V1 as V2 calls it: `INNER_PRODUCT` is `InnerProduct`; an unknown one keeps its name."""
    letters = kind.replace("_", "").lower()
    return next((name for name in known if name.lower() == letters), kind)


def read_part(fields: Fields, old: bool, known: Collection[str]) -> CaffeLayer:
    if old and fields.has("layer"):
        raise Refuse("E1001", "this is Caffe's first syntax: `upgrade_net_proto_text` renews it", fields.line)
    kind = fields.text("type")
    params = fields.all("param")
    # `param: "w"` in V1, `param { name: "w" }` in V2.
    shared = [field.scalar if old else field.part.text("name") for field in params]
    for field in () if old else params:
        field.part.skip("lr_mult", "decay_mult")
    fields.skip(*OF_TRAINING)
    return CaffeLayer(
        fields.text("name"),
        newest(kind, known) if old else kind,
        tuple(field.scalar for field in fields.all("bottom")),
        tuple(field.scalar for field in fields.all("top")),
        tuple(shared) if any(shared) else (),
        fields,
    )


def runs(fields: Fields) -> bool:
    """Whether evaluation runs a layer: level 0 of the phase TEST, without stages. Raises Refuse."""
    fields.expect("phase", "TEST", "1")
    include = [is_met(field.part) for field in fields.all("include")]
    exclude = [is_met(field.part) for field in fields.all("exclude")]
    return any(include) if include else not any(exclude)


def is_met(rule: Fields) -> bool:
    phase = rule.text("phase", "TEST")
    least, most = rule.integer("min_level", 0), rule.integer("max_level", 0)
    # No stage is set, so that what may not be set never is.
    rule.skip("not_stage")
    return phase in ("TEST", "1") and least <= 0 <= most and not rule.all("stage")


def scales_behind(parts: Sequence[CaffeLayer]) -> dict[int, int]:
    """The places of batch norms, each with that of the Scale which alone reads it: the two are one layer."""
    makers: dict[str, int] = {}
    readers: dict[int, list[int]] = {}
    for place, part in enumerate(parts):
        for blob in part.bottoms:
            # -1 stands for the inputs of the net.
            readers.setdefault(makers.get(blob, -1), []).append(place)
        # A layer that works in place makes its blob anew: from here on readers read this one.
        makers |= dict.fromkeys(part.tops, place)
    # conv, BatchNorm, Scale, ReLU, all in place on one blob: {1: 2}.
    return {
        place: reader
        for place, part in enumerate(parts)
        for reader in readers.get(place, [])[:1]
        if part.kind == "BatchNorm" and len(readers[place]) == 1
        if parts[reader].kind == "Scale" and len(parts[reader].bottoms) == 1
    }
