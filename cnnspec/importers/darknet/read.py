"""Read a .cfg: the sections, one after the other, become one model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cnnspec.importers.darknet.cfg import Section
from cnnspec.importers.darknet.net import DarknetNet, SectionReading
from cnnspec.importers.darknet.rows import ROWS
from cnnspec.importers.model import Model, Value
from cnnspec.importers.refusals import Refuse, Refused, did_you_mean
from cnnspec.values.shapes import Shape

LACKING = {
    **dict.fromkeys(("Gaussian_yolo", "detection", "iseg", "region", "yolo"), "the detection head"),
    **dict.fromkeys(("conv_lstm", "crnn", "gru", "lstm", "rnn"), "the recurrent section"),
}
"""What sections are that the language lacks, by their kinds."""

# fmt: off
OF_TRAINING = {
    "adam", "adversarial_lr", "angle", "aspect", "attention", "augment_speed", "B1", "B2",
    "badlabels_reject_threshold", "badlabels_rejection_percentage", "batch", "blur", "burn_in", "center",
    "clip", "contrastive", "contrastive_color", "contrastive_jit_flip", "cutmix", "decay",
    "dynamic_minibatch", "ema_alpha", "eps", "equidistant_point", "exposure", "flip", "gamma",
    "gaussian_noise", "hue", "init_sequential_subdivisions", "label_smooth_eps", "learning_rate",
    "letter_box", "loss_scale", "max_batches", "max_chart_loss", "max_crop", "max_epochs", "max_ratio",
    "min_crop", "min_ratio", "mixup", "momentum", "mosaic", "mosaic_bound", "notruth",
    "num_sigmas_reject_badlabels", "optimized_memory", "policy", "power", "random", "saturation", "scale",
    "scales", "seq_scales", "sequential_subdivisions", "sgdr_cycle", "sgdr_mult", "show_receptive_field",
    "step", "steps", "subdivisions", "track", "try_fix_nan", "unsupervised", "weights_reject_freq",
    "workspace_size_limit_MB",
}
# fmt: on
"""Options of a net about how it learns, and how images are fed to it."""

OF_ANY_SECTION = ("burnin_update", "clip", "dont_update", "learning_rate", "onlyforward", "stopbackward")
"""Options of a section about how it learns."""


def read(
    net: DarknetNet, sections: Sequence[Section], inputs: Sequence[Shape], name: str, until: str
) -> Model:
    """The model of a file's sections, or of those before number `until`. Raises Refused with all reasons."""
    net.line = 1
    parts = net.attempt(partial(before, sections, until))
    value = net.attempt(partial(input_of, net, sections, inputs)) if parts else None
    if parts is None or value is None:
        raise Refused(net.refusals)
    for kind, fields in parts:
        net.line = fields.line
        value = net.attempt(partial(read_section, SectionReading(net, kind, fields, value)))
        net.values.append(value)
    return net.finish(name, outputs_of(net, bool(until)))


def outputs_of(net: DarknetNet, is_part: bool) -> dict[str, Value]:
    """What the last section makes; of a part of a net, all that no section reads."""
    read = {value.number for operation in net.operations for value in operation.inputs}
    last = len(net.values) - 1
    found = {
        value: f"layer{place}"
        for place, value in enumerate(net.values)
        if value is not None and (place == last or (is_part and value.number not in read))
    }
    return {name if len(found) > 1 else "": value for value, name in found.items()}


def before(sections: Sequence[Section], until: str) -> Sequence[Section]:
    """The sections that make layers, those before number `until`. Raises Refuse."""
    if not sections or sections[0].kind != "net":
        raise Refuse("E1001", "a .cfg begins with `[net]`")
    count = len(sections) - 1
    # Nine digits are more than any layer's number, and Python refuses to read thousands of them.
    if until and not (until.isascii() and until.isdecimal() and 0 < int(until[:9]) <= count):
        raise Refuse("E1001", f"there is no layer `{until}` with one before it: layers are 0 to {count - 1}")
    if not count:
        raise Refuse("E1001", "the net has no layers")
    return sections[1 : 1 + int(until)] if until else sections[1:]


def input_of(net: DarknetNet, sections: Sequence[Section], inputs: Sequence[Shape]) -> Value:
    """The images, of the user's shape, else the file's. Raises Refuse."""
    fields = sections[0].fields
    net.line = fields.line
    fields.skip(*OF_TRAINING)
    fields.expect("time_steps", "1")
    height, width, count = (fields.integer(name, 0) for name in ("height", "width", "channels"))
    features = fields.integer("inputs", height * width * count)
    net.check("`[net]`", fields)
    if len(inputs) > 1:
        raise Refuse("E1001", f"the net has one input, and {len(inputs)} shapes are given")
    if inputs:
        return net.input("", inputs[0])
    if min(height, width, count) > 0 and features == height * width * count:
        return net.input("", Shape(count, height, width))
    if features < 1 or height or width or count:
        raise Refuse("E1001", f"an input of {count} channels, {height} rows and {width} columns")
    return net.input("", Shape(features))


def read_section(reading: SectionReading) -> Value:
    """What a section makes. Raises Refuse, Misfit, Unknown."""
    net, kind, fields = reading.net, reading.kind, reading.fields
    if kind not in ROWS:
        message = f"layer {len(net.values)}, {LACKING.get(kind, 'the section')} `[{kind[:40]}]`, has no layer"
        raise Refuse("E1003", message + did_you_mean(kind, ROWS))
    fields.skip(*OF_ANY_SECTION)
    fields.expect_off("dontload", "dontloadscales")  # the .weights would lack its numbers
    made = ROWS[kind](reading)
    net.check(f"`[{kind}]`", fields)
    return made
