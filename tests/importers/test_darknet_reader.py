"""A .cfg becomes a model, and its .weights tensors, computed with as Darknet does."""

from __future__ import annotations

from pathlib import Path

import pytest

np = pytest.importorskip("numpy")

from cnnspec.importers.model import Model  # noqa: E402
from cnnspec.importers.readers import load  # noqa: E402
from cnnspec.importers.refusals import Refused  # noqa: E402
from cnnspec.importers.write import write  # noqa: E402
from cnnspec.run.programs import Array  # noqa: E402
from cnnspec.values.shapes import Shape  # noqa: E402
from tests.importers.classic import darknet_weights, outputs, specification  # noqa: E402

NET = "[net]\nbatch=64\nheight=12\nwidth=10\nchannels=4\nlearning_rate=0.001\n"
rng = np.random.default_rng(0)


def save(text: str, folder: Path) -> Path:
    path = folder / "net.cfg"
    path.write_text(text)
    return path


def read(text: str, folder: Path, until: str = "", *inputs: Shape) -> Model:
    loaded = load(str(save(text, folder)), "", until)
    return loaded.read(inputs, loaded.name)


def reasons(text: str, folder: Path, until: str = "") -> list[str]:
    with pytest.raises(Refused) as caught:
        read(text, folder, until)
    return [f"{group.code} {group}" for group in caught.value.groups]


def conv(filters: int = 4, size: int = 1, **options: object) -> str:
    given = {"filters": filters, "size": size, "activation": "linear"} | options
    return "[convolutional]\n" + "".join(f"{name}={value}\n" for name, value in given.items())


CASES = {
    "half the kernel": (conv(8, 3, pad=1, activation="leaky"), "conv 8@3x3 pad=1, leakyrelu 0.1"),
    "no pad": (conv(8, 3, stride=2), "conv 8@3x3 stride=2"),
    "padding": (conv(8, 3, padding=2), "conv 8@3x3 pad=2"),
    "batch norm": (conv(8, batch_normalize=1, activation="mish"), "conv 8@1x1 bias=no, batchnorm, mish"),
    "groups": (conv(8, 3, pad=1, groups=2), "conv 8@3x3 pad=1 groups=2"),
    "depthwise": (conv(4, 3, pad=1, groups=4), "depthwise 3x3 pad=1"),
    "dilated": (conv(8, 3, pad=1, dilation=2), "conv 8@3x3 pad=2 dilation=2"),
    "logistic": ("[convolutional]\nfilters=8\n", "conv 8@1x1, sigmoid"),
    "ramp": (conv(4, activation="ramp"), "conv 4@1x1\nadd { | relu | scale 0.1 trained=no }"),
    "pool": ("[maxpool]\nsize=2\nstride=2\n", "maxpool 2x2"),
    "pool of odd": ("[maxpool]\nsize=3\nstride=3\npadding=0\n", "maxpool 3x3"),
    "pool that hangs over": (conv(4, 2) + "[maxpool]\nstride=2\n", "conv 4@2x2, maxpool 2x2 ceil=yes"),
    "pool of stride 1": (
        "[maxpool]\nsize=2\nstride=1\n",
        "maxpool 2x2 stride=1 pad=[0, 1, 0, 1]",
    ),
    "pool of 5": ("[maxpool]\nsize=5\nstride=1\n", "maxpool 5x5 stride=1 pad=2"),
    "mean": ("[avgpool]\n[softmax]\ngroups=1\n[cost]\ntype=sse\n", "globalavgpool, softmax"),
    "temperature": ("[avgpool]\n[softmax]\ntemperature=2\n", "globalavgpool, scale 0.5 trained=no, softmax"),
    "softmax of a map": ("[softmax]\n", "flatten, softmax"),
    "connected": (
        "[connected]\noutput=7\nactivation=relu\n[dropout]\nprobability=.4\n",
        "flatten, linear 7, relu, dropout 0.4",
    ),
    "route of groups": (conv(4) + "[route]\nlayers=-1\ngroups=2\ngroup_id=1\n", "conv 4@1x1, slice 2 4"),
    "upsample": ("[upsample]\nstride=2\n", "upsample 2"),
    "shortcut": (
        conv(4) + conv(4) + "[shortcut]\nfrom=-2\nactivation=relu\n",
        "conv 4@1x1\nadd { | conv 4@1x1 | identity }, relu",
    ),
    "crop": (
        "[crop]\ncrop_height=8\ncrop_width=8\nflip=1\n",
        "crop 8x8, normalize 0.5 0.5",
    ),
    "space to depth": ("[reorg3d]\nstride=2\n", "pixelunshuffle 2, channelshuffle 4"),
    "more": ("[reorg]\nextra=1\n", "flatten, unflatten 1@1x480, pad [0, 0, 0, 1], flatten"),
}


@pytest.mark.parametrize("name", CASES)
def test_options_become_arguments(name: str, tmp_path: Path) -> None:
    text, wanted = CASES[name]
    lines = write(read(NET + text, tmp_path)).split("\n")[2:-2]
    assert "\n".join(line.strip() for line in lines) == wanted


@pytest.mark.parametrize("side", ["height", "width"])
def test_a_dilated_kernel_whose_pad_is_not_half_of_it_is_refused(side: str, tmp_path: Path) -> None:
    """Of 8 pixels Darknet makes as many as we do, of 7 fewer."""
    square = "[net]\nheight=8\nwidth=8\nchannels=4\n" + conv(8, 2, pad=1, stride=2, dilation=2)
    assert read(square, tmp_path).operations[-1].output.shape.size == (5, 5)
    (reason,) = reasons(square.replace(f"{side}=8", f"{side}=7"), tmp_path)
    assert reason.startswith("E1004 `dilation=2` of a kernel whose pad is not half of it")


def test_routes_are_from_here_or_from_the_first(tmp_path: Path) -> None:
    text = NET + conv(4) + conv(6) + "[route]\nlayers = -1, 0\n" + conv(2) + "[route]\nlayers=-1,-2,1\n"
    model = read(text, tmp_path)
    assert [each.output.shape.channels for each in model.operations] == [4, 6, 10, 2, 18]
    last = model.operations[-1]
    assert [value.number for value in last.inputs] == [
        model.operations[place].output.number for place in (3, 2, 1)
    ]


def test_a_shortcut_adds_the_channels_that_both_have(tmp_path: Path) -> None:
    image = rng.normal(size=(1, 4, 12, 10)).astype("f4")
    for count in (2, 6):
        text = NET + conv(count) + conv(4) + "[shortcut]\nfrom=-2\n"
        source, numbers = save(text, tmp_path), tmp_path / "net.weights"
        weights = rng.normal(size=count + 4 * count + 4 + 4 * count).astype("f4")
        numbers.write_bytes(darknet_weights(weights))
        (made,) = outputs(*specification(source, numbers), image)
        bias, kernel, rest = np.split(weights, [count, 5 * count])
        first = np.einsum("oc,nchw->nohw", kernel.reshape(count, 4), image) + bias.reshape(-1, 1, 1)
        wanted = np.einsum("oc,nchw->nohw", rest[4:].reshape(4, count), first) + rest[:4].reshape(-1, 1, 1)
        common = min(count, 4)
        wanted[:, :common] += first[:, :common]
        np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-5)


def test_a_reorg_takes_the_numbers_in_darknets_order(tmp_path: Path) -> None:
    image = np.arange(4 * 12 * 10, dtype="f4").reshape(1, 4, 12, 10)
    text, _ = specification_of(NET + "[reorg]\nstride=2\n", tmp_path)
    (made,) = outputs(text, {}, image)
    count, height, width = 4, 12, 10
    wanted = np.zeros_like(image).ravel()
    for k in range(count):  # as its C has it, with one image
        channel, offset = k % (count // 4), k // (count // 4)
        for j in range(height):
            for i in range(width):
                x, y = 2 * i + offset % 2, 2 * j + offset // 2
                place = x + 2 * width * (y + 2 * height * channel)
                wanted[i + width * (j + height * k)] = image.ravel()[place]
    np.testing.assert_array_equal(made, wanted.reshape(1, 16, 6, 5))


def specification_of(text: str, folder: Path) -> tuple[str, dict[str, Array]]:
    model = read(text, folder)
    return write(model), {}


@pytest.mark.parametrize(("revision", "deviation"), [(5, "inside"), (0, "outside")])
def test_either_epsilon(revision: int, deviation: str, tmp_path: Path) -> None:
    """Variances near 0 tell them apart: sqrt(v + 1e-5) of 1e-8 is 30 times sqrt(v) + 1e-6."""
    variance = np.array([0, 1e-8, 1e-4, 2], "f4")
    bias, factor, mean = rng.normal(size=(3, 4)).astype("f4")
    kernel = rng.normal(size=(4, 4)).astype("f4")
    numbers = tmp_path / "net.weights"
    parts = [bias, factor, mean, variance, kernel.ravel()]
    numbers.write_bytes(darknet_weights(np.concatenate(parts), revision))
    source = save(NET + conv(4, batch_normalize=1), tmp_path)
    image = rng.normal(size=(1, 4, 12, 10)).astype("f4")
    (made,) = outputs(*specification(source, numbers), image)
    root = np.sqrt(variance.astype("f8") + 1e-5) if deviation == "inside" else np.sqrt(variance) + 1e-6
    each = (slice(None), None, None)
    sums = np.einsum("oc,nchw->nohw", kernel.astype("f8"), image)
    wanted = factor[each] * (sums - mean[each]) / root[each] + bias[each]
    largest = np.abs(wanted).max(axis=(0, 2, 3))[each]
    np.testing.assert_allclose(made / largest, wanted / largest, atol=1e-5)


def test_the_outputs_are_those_of_opencv(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    text = (
        NET
        + conv(8, 3, pad=1, stride=2, batch_normalize=1, activation="leaky")
        + conv(4, 1, activation="mish")
        + conv(8, 3, pad=1, batch_normalize=1, activation="swish")
        + "[shortcut]\nfrom=-3\nactivation=linear\n[maxpool]\nsize=2\nstride=2\n[upsample]\nstride=2\n"
        + "[route]\nlayers=-1\ngroups=2\ngroup_id=1\n[maxpool]\nsize=3\nstride=1\n[route]\nlayers=-1,-3\n"
        + "[avgpool]\n[connected]\noutput=5\nactivation=linear\n[softmax]\n"
    )
    one, three = rng.normal(0, 0.3, (2, 8)), rng.normal(0, 0.3, (2, 8))
    parts = [
        *(one[0], one[1], rng.normal(size=8), rng.uniform(0.5, 2, 8), rng.normal(0, 0.3, 8 * 4 * 9)),
        *(rng.normal(size=4), rng.normal(0, 0.3, 4 * 8)),
        *(three[0], three[1], rng.normal(size=8), rng.uniform(0.5, 2, 8), rng.normal(0, 0.3, 8 * 4 * 9)),
        *(rng.normal(size=5), rng.normal(0, 0.3, 5 * 12)),
    ]
    source, numbers = save(text, tmp_path), tmp_path / "net.weights"
    numbers.write_bytes(darknet_weights(np.concatenate(parts)))
    image = rng.normal(size=(1, 4, 12, 10)).astype("f4")
    net = cv2.dnn.readNetFromDarknet(str(source), str(numbers))
    net.setInput(image)
    (made,) = outputs(*specification(source, numbers), image)
    np.testing.assert_allclose(made, net.forward().reshape(made.shape), rtol=1e-4)  # its epsilon is 1e-6


def test_connected_sections_of_old_files_have_their_columns_first(tmp_path: Path) -> None:
    source, numbers = (
        save(NET + "[connected]\noutput=3\nactivation=linear\n", tmp_path),
        tmp_path / "net.weights",
    )
    data = darknet_weights(np.arange(3 + 3 * 480))
    numbers.write_bytes(data)
    _, plain = specification(source, numbers)
    numbers.write_bytes(b"\xe9\x03\0\0" + data[4:])  # version 1001.2: 4 bytes count the images
    with pytest.raises(Refused, match="has 1,444 numbers, and the net 1,443"):
        specification(source, numbers)
    numbers.write_bytes(b"\xe9\x03\0\0" + data[4:16] + data[20:])
    _, turned = specification(source, numbers)
    weight = next(key for key in plain if key.endswith("weight"))
    assert np.array_equal(turned[weight], plain[weight].reshape(480, 3).T)


def test_sections_share_weights(tmp_path: Path) -> None:
    text = NET + conv(4, batch_normalize=1) + conv(4, batch_normalize=1, share_index=0)
    made = read(text, tmp_path)
    assert made.operations[0].keys == made.operations[2].keys
    assert "again" in write(made)
    assert "which is not equal" in reasons(text.replace("size=1", "size=3", 1), tmp_path)[0].replace(
        "that is", "which is"
    )


def test_until_imports_what_lies_before(tmp_path: Path) -> None:
    text = NET + conv(4) + conv(6) + "[yolo]\nmask=0\n[route]\nlayers=-3\n" + conv(2) + "[yolo]\n"
    assert reasons(text, tmp_path) == [
        "E1003 layer 2, the detection head `[yolo]`, has no layer: net.cfg:15",
        "E1003 layer 5, the detection head `[yolo]`, has no layer: net.cfg:23",
    ]
    model = read(text, tmp_path, "2")
    assert [each.output.shape.channels for each in model.operations] == [4, 6]
    assert reasons(text, tmp_path, "x") == [
        "E1001 there is no layer `x` with one before it: layers are 0 to 5: net.cfg:1"
    ]
    forked = NET + conv(4) + conv(6) + "[route]\nlayers=-2\n" + conv(2) + "[yolo]\n"
    outs = [(out.name, out.value.shape.channels) for out in read(forked, tmp_path, "4").outputs]
    assert outs == [("layer1", 6), ("layer3", 2)]
    assert reasons(forked.replace("[yolo]", "[cost]"), tmp_path) == [
        "E1008 no output needs this `conv`: net.cfg:11"
    ]


def test_what_is_for_training_alone_says_nothing(tmp_path: Path) -> None:
    made = read(NET + conv(4, stopbackward=1, learning_rate=0.1), tmp_path)
    assert [each.layer.name for each in made.operations] == ["conv"]
    assert reasons(NET + conv(4, dontload=1), tmp_path) == ["E1004 `dontload` is `1`: net.cfg:11"]


def test_all_that_cannot_be_said_is_refused_at_once(tmp_path: Path) -> None:
    text = (
        NET
        + conv(4, xnor=1)
        + conv(4, colour=3)
        + conv(4, activation="plse")
        + "[local]\nfilters=3\n[gru]\noutput=3\n"
        + conv(4)
        + "[route]\nlayers=-9\n[region]\n"
    )
    assert reasons(text.replace("learning_rate", "quality"), tmp_path) == [
        "E1004 `[net]` with `quality`: net.cfg:6",
        "E1004 `xnor` is `1`: net.cfg:11",
        "E1004 `[convolutional]` with `colour`: net.cfg:16",
        "E1003 the activation `plse` has no layer: net.cfg:20",
        "E1003 layer 3, the section `[local]`, has no layer: net.cfg:21",
        "E1003 layer 4, the recurrent section `[gru]`, has no layer: net.cfg:23",
        "E1001 `layers=-9` is no section before this one: net.cfg:30",
        "E1003 layer 7, the detection head `[region]`, has no layer: net.cfg:31",
    ]


BROKEN = {
    "no net": (conv(), "a .cfg begins with `[net]`"),
    "no layers": (NET, "the net has no layers"),
    "a line": (NET + "what is this", "`whatisthis` is neither a section nor an option of one"),
    "no size": ("[net]\n" + conv(), "an input of 0 channels, 0 rows and 0 columns"),
    "a word": (NET + conv(size="large"), "`size` wants an integer, not `large`"),
    "twice": (NET + conv() + "size=3\n", "`size` is given twice"),
    "an option that is needed": (NET + conv() + "[route]\n", "`layers` is not given"),
    "a mistyped section": (NET + "[maxpol]\n", "`[maxpol]`, has no layer (did you mean `maxpool`?)"),
    "a mistyped activation": (NET + conv(activation="leeky"), "has no layer (did you mean `leaky`?)"),
    "a mistyped option": (NET + conv(batch_normalise=1), "(did you mean `batch_normalize`?)"),
    "groups": (NET + "[route]\nlayers=-1\n", "is no section before this one"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_told(name: str, tmp_path: Path) -> None:
    text, wanted = BROKEN[name]
    assert any(wanted in reason for reason in reasons(text, tmp_path)), reasons(text, tmp_path)


def test_weights_of_another_net_are_refused(tmp_path: Path) -> None:
    source, numbers = save(NET + conv(4), tmp_path), tmp_path / "net.weights"
    for count in (19, 21):
        numbers.write_bytes(darknet_weights(np.zeros(count)))
        with pytest.raises(Refused, match=f"has {count} numbers, and the net 20"):
            specification(source, numbers)
    save(NET + conv(4) + "[yolo]\n", tmp_path)
    assert specification(source, numbers, "1")[1]  # the file goes on
