"""The classes that are told: by both back ends, with trained weights, with labels."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from sklearn.datasets import load_digits, load_sample_image

from cnnspec.analysis.unroll import unroll
from cnnspec.run.programs import load
from tests.anew import import_anew
from tests.run.calling import SPECS, noise, ranked, run, save
from tests.zoo.shipped import network

pytestmark = pytest.mark.slow

DIGITS, LENET, EDGES = (SPECS / f"{name}.cnn" for name in ("digits", "lenet", "edges"))
SHOWN = 20


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the digits net, learnt from all digits but the first few."""
    net = network("Digits")
    (given,) = net.inputs
    digits = load_digits()
    images = torch.tensor((digits.images[SHOWN:, None] / 16 - given.mean[0]) / given.std[0]).float()
    labels = torch.tensor(digits.target[SHOWN:])
    model: Any = load("torch", net, unroll(net)).net  # type: ignore[attr-defined]
    optimizer = torch.optim.Adam(model.train().parameters(), lr=3e-3)
    torch.manual_seed(0)
    for _ in range(5):
        for batch in torch.randperm(len(images)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
    path = tmp_path_factory.mktemp("weights") / "digits.safetensors"
    save_file({name: tensor.numpy() for name, tensor in model.state_dict().items()}, path)
    return path


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("digits")
    images = (load_digits().images[:SHOWN] * 255 / 16).round().astype(np.uint8)
    return [save(folder / f"{i}.png", image) for i, image in enumerate(images)]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_digits_are_told(backend: str, trained: Path, digits: list[Path]) -> None:
    called = run(DIGITS, *digits, "--weights", trained, "--backend", backend)
    assert called.code == 0 and called.err == ""
    found = ranked(called.out)
    right = [rank[0][1] == f"class {label}" for rank, label in zip(found, load_digits().target, strict=False)]
    assert len(right) == SHOWN and sum(right) >= SHOWN - 2
    for rank in found:
        sure = [number for number, _ in rank]
        assert len(rank) == 5 and sure == sorted(sure, reverse=True) and sum(sure) <= 1.0003


def test_both_back_ends_are_as_sure(trained: Path, digits: list[Path], tmp_path: Path) -> None:
    np.savez(tmp_path / "digits.npz", **load_file(trained))  # type: ignore[arg-type]
    calls = [
        run(DIGITS, *digits, "--top", 99, "--weights", weights, "--backend", backend)
        for backend in ("numpy", "torch")
        for weights in (trained, tmp_path / "digits.npz")
    ]
    first, *others = (list(map(dict, (map(reversed, rank) for rank in ranked(call.out)))) for call in calls)
    for other in others:
        for a, b in zip(first, other, strict=True):
            assert a.keys() == b.keys() and len(a) == 10
            assert all(abs(a[name] - b[name]) < 1.01e-4 for name in a)


def test_a_published_net_is_as_sure_as_in_torchvision(tmp_path: Path, torchvision: Any) -> None:
    """Its preset, its model, its names of weights; the last layer is steeper, so that classes differ."""
    from torchvision.transforms._presets import ImageClassification

    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None).eval()
    model.fc.weight.data *= 10
    save_file(
        {name: tensor.numpy() for name, tensor in model.state_dict().items()}, tmp_path / "w.safetensors"
    )
    photograph = save(tmp_path / "china.png", load_sample_image("china.jpg"))
    with torch.no_grad():
        wanted = model(ImageClassification(crop_size=224)(Image.open(photograph))[None])[0].softmax(0)
    arguments = ("--weights", tmp_path / "w.safetensors", "--resize", 256, "--top", 3)
    called = run(SPECS / "resnet.cnn", photograph, "--net", "ResNet18", *arguments)
    assert called.code == 0 and called.err == ""
    (found,) = ranked(called.out)
    assert wanted.max() > 0.05
    best = wanted.topk(3)
    assert [name for _, name in found] == [f"class {index}" for index in best.indices]
    np.testing.assert_allclose([sure for sure, _ in found], best.values, atol=1e-3)


@pytest.mark.parametrize(("module", "extra"), [("PIL", "run"), ("torch", "torch")])
def test_a_missing_package_is_named(
    module: str, extra: str, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_anew([name for name in sys.modules if name.startswith("cnnspec.run.")], monkeypatch)
    monkeypatch.setitem(sys.modules, module, None)
    called = run(
        DIGITS, "x.png", "--weights", trained, "--backend", "torch" if module == "torch" else "numpy"
    )
    package = module.partition(".")[0]
    assert called.code == 2 and called.out == ""
    assert called.err == f"cnnspec: {package} is not installed: pip install 'cnnspec[{extra}]'\n"


def test_labels_name_the_classes(trained: Path, digits: list[Path], tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("nüll\none\ntwo\nthree\nfour\nfive\ns\x1b[2Jix\nseven\neight\nnine\n", "utf-8")
    called = run(DIGITS, digits[0], digits[6], "--weights", trained, "--labels", labels, "--top", 1)
    assert called.code == 0
    assert [rank[0][1] for rank in ranked(called.out)] == ["nüll", r"s\x1b[2Jix"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a\nb\n", "2 lines, the net 10 classes"),
        (b"\n" * 11, "11 lines"),
        (b"\xff\xfe", "UTF-8"),
        (None, "no such file"),
    ],
)
def test_labels_that_do_not_fit(content: bytes | None, said: str, digits: list[Path], tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "labels.txt").write_bytes(content)
    called = run(DIGITS, digits[0], "--labels", tmp_path / "labels.txt")
    assert called.code == 2 and called.out == "" and said in called.err


def test_random_weights_are_named_and_always_the_same(digits: list[Path]) -> None:
    for backend in ("numpy", "torch"):
        first, second = (run(DIGITS, digits[0], "--backend", backend) for _ in range(2))
        assert first == second and first.code == 0
        assert "the weights are random" in first.err


def last_layers(text: str, tmp_path: Path) -> str:
    """What a net that ends so makes of a white pixel: 1, 2, 3 arrive."""
    spec = tmp_path / "net.cnn"
    spec.write_text(
        f"net N {{\ninput 1@1x1\nconv 3@1x1 weights=[[[1]], [[2]], [[3]]] bias=no frozen=yes\n{text}\n}}\n"
    )
    called = run(spec, save(tmp_path / "white.png", np.full((1, 1), 255, np.uint8)))
    assert called.code == 0 and called.err == "", called.err
    return called.out.split("\n", 1)[1]


@pytest.mark.parametrize(
    "end", ["flatten", "", "flatten, softmax", "softmax, flatten", "flatten, logsoftmax"]
)
def test_confidences_are_made_once(end: str, tmp_path: Path) -> None:
    """exp(3) / (exp(1) + exp(2) + exp(3)) = 0.6652, whether the net ends in a softmax or not."""
    assert last_layers(end, tmp_path) == "  0.6652  class 2\n  0.2447  class 1\n  0.0900  class 0\n"


def test_sigmoids_are_confidences_of_their_own(tmp_path: Path) -> None:
    assert last_layers("flatten, sigmoid", tmp_path).startswith("  0.9526  class 2\n  0.8808  class 1\n")
    assert last_layers("flatten, pick [1], sigmoid", tmp_path) == "  0.8808  class 0\n"


def test_one_number_is_no_class(tmp_path: Path) -> None:
    assert last_layers("flatten, pick [1]", tmp_path) == "  1, from 2 to 2\n"


def convolved(image: Any, kernel: Any) -> Any:
    """Cross-correlation with the edge repeated, tap by tap."""
    padded = np.pad(image, 1, mode="edge")
    height, width = image.shape
    taps = [(u, v) for u in range(3) for v in range(3)]
    return sum(kernel[u][v] * padded[u : u + height, v : v + width] for u, v in taps)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_edges_are_those_of_a_convolution_by_hand(backend: str, tmp_path: Path) -> None:
    grey = np.asarray(Image.fromarray(load_sample_image("china.jpg")[100:196, 100:228]).convert("L"))
    path = save(tmp_path / "china.png", grey)
    called = run(EDGES, path, "--input", "1@96x128", "--features", tmp_path / "e", "--backend", backend)
    assert called.code == 0 and "random" not in called.err
    smooth = convolved(grey / 255, np.outer([1, 2, 1], [1, 2, 1]) / 16)
    sobel = np.outer([1, 2, 1], [-1, 0, 1])
    wanted = abs(convolved(smooth, sobel)) + abs(convolved(smooth, sobel.T))
    match = re.search(r"1@96x128, from (\S+) to (\S+)", called.out)
    assert match is not None
    np.testing.assert_allclose(
        [*map(float, match.groups())], [wanted.min(), wanted.max()], rtol=1e-3, atol=1e-6
    )
    written = np.asarray(Image.open(tmp_path / "e" / "1-china" / "output.png"), float)
    scaled = (wanted - wanted.min()) / (wanted.max() - wanted.min()) * 255
    assert abs(written - scaled).max() < 0.51


@pytest.mark.parametrize(
    ("spec", "options", "said"),
    [
        ("siamese", (), "inputs, `left`, `right`"),
        ("edges", ("--set", "channels=2"), "an image is 1@HxW (grey) or 3@HxW (RGB)"),
        ("lenet", ("--resize", "27"), "shorter side of 27"),
        ("digits", ("--weights", "none.npz"), "no such file"),
        ("edges", ("--labels", "README.md"), "labels name classes"),
        ("vgg", ("--input", "1@224x224"), "`mean` is of 3 channels"),
    ],
)
def test_calls_that_are_wrong(spec: str, options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    called = run(SPECS / f"{spec}.cnn", save(tmp_path / "x.png", noise(8, 8)), *options)
    assert called.code == 2 and called.out == "" and said in called.err
    assert len(called.err.splitlines()) == 1


def test_a_spec_with_a_fault_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "net.cnn").write_text("net N { input 1@8x8, conv 3@9x9 }\n")
    called = run(tmp_path / "net.cnn", save(tmp_path / "x.png", noise(8, 8)))
    assert called.code == 1 and "E0401" in called.err


def test_weights_that_the_specification_gives_are_not_random(tmp_path: Path) -> None:
    image, spec = save(tmp_path / "x.png", noise(8, 8)), tmp_path / "n.cnn"
    fixed = "conv 1@3x3 weights=0.1"
    for steps, said in (
        (f"{fixed} biases=0, batchnorm", ""),
        (f"{fixed} bias=no, conv 2@3x3, conv 2@1x1", "the weights are random in conv2 and 1 more: "),
        ('convtranspose 1@4x4 stride=2 init="bilinear", relu', ""),
        ("conv 2@3x3 frozen=yes", "the weights are random: "),
        (fixed, "the weights are random in conv1.bias: "),
        (f'{fixed} init="he"', ""),
        (f"{fixed} bias=no", ""),
    ):
        spec.write_text(f"net N {{ input 1@8x8\n {steps} }}")
        called = run(spec, image)
        assert called.code == 0 and (said in called.err if said else "random" not in called.err), steps


def test_labels_are_read_from_files_of_their_size(digits: list[Path], tmp_path: Path) -> None:
    called = run(DIGITS, digits[0], "--labels", "/dev/zero")
    assert called.code == 2 and "/dev/zero: is a device" in called.err
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(1 << 40)
    called = run(DIGITS, digits[0], "--labels", tmp_path / "large.txt")
    assert called.code == 2 and "has more than 4,194,304 bytes" in called.err


@pytest.mark.parametrize("arguments", [(), ("--features", "f")])
def test_a_net_too_large_for_memory_is_refused(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "n.cnn"
    spec.write_text("net N { input 1@1048576x1048576\n conv 1@3x3 }")
    called = run(spec, save(tmp_path / "x.png", noise(8, 8)), *arguments)
    assert called.code == 2 and called.err.startswith("cnnspec: N needs at least ")
    spec.write_text("net N { input 1@8x8\n conv 1@3x3 }")

    def full(*arguments: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")

    monkeypatch.setattr("cnnspec.run.runner.load", full)
    called = run(spec, tmp_path / "x.png")
    assert called.code == 2 and called.err.endswith("cnnspec: N needs more memory than there is\n")
