"""What cannot be said in the language is refused: by kind, with its place, all of it at once."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cnnspec.faults import explain
from cnnspec.importers.model import Scope
from cnnspec.importers.refusals import Refusal, Refused
from cnnspec.values.shapes import Shape
from tests.faults.codes import OF_IMPORTS

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402

from cnnspec.importers.torch.read import read  # noqa: E402
from cnnspec.importers.torch.sources import load  # noqa: E402
from cnnspec.importers.write import write  # noqa: E402

IMAGE = Shape(3, 32, 32)


def refusals(module: nn.Module, *inputs: Shape) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        read(module, inputs or [IMAGE])
    return [(group.code, str(group)) for group in caught.value.groups]


def run_example(code: str, text: str) -> None:
    """Import what a page's example shows."""
    if code == "E1001":
        load(text.split()[2])
        return
    space: dict[str, Any] = {}
    exec(text, space)
    write(read(space["Net"](), [IMAGE]))


@pytest.mark.parametrize("code", OF_IMPORTS)
def test_the_examples_are_what_the_page_says(code: str, torchvision: Any) -> None:
    page = explain.page(code)
    assert page is not None
    with pytest.raises(Refused) as caught:
        run_example(code, page.wrong)
    assert {group.code for group in caught.value.groups} == {code}
    run_example(code, page.right)


def test_equal_refusals_are_counted() -> None:
    place = (Scope("layer1", "Layer"), Scope("layer1.0.se", "Eca"))
    again = (Scope("layer1", "Layer"), Scope("layer1.1.se", "Eca"))
    found = Refused(
        [Refusal("E1003", "`conv1d` has no layer", scopes, "eca.py:68") for scopes in (place, again)]
        + [Refusal("E1004", "`max_pool2d` with `return_indices=True`", (), "net.py:3")]
    )
    assert str(found) == (
        "`conv1d` has no layer, 2 times: Eca, eca.py:68, first at layer1.0.se\n"
        "`max_pool2d` with `return_indices=True`: net.py:3"
    )


class Net(nn.Module):
    """A convolution, and a function of what it makes."""

    def __init__(self, function: Callable[..., Any], conv: nn.Module | None = None, **parts: Any) -> None:
        super().__init__()
        self.function = function
        self.conv = conv or nn.Conv2d(3, 8, 3)
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self, self.conv(x))


def test_all_refusals_of_a_run_come_at_once() -> None:
    found = refusals(Net(lambda _, x: torch.erf(F.interpolate(torch.cumsum(x, 1), size=9, mode="area"))))
    assert [code for code, _ in found] == ["E1003", "E1004", "E1003"]
    assert [words.split(" ")[0] for _, words in found] == ["`cumsum`", "`interpolate`", "`erf`"]
    assert all("test_torch_refusals.py:" in words for _, words in found)


Quantized = type("Quantized", (nn.Conv2d,), {"__module__": "torch.ao.nn.quantized.dynamic.modules.conv"})


def raising(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    torch.erf(x)
    raise ValueError("not ready")


def doubled(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    torch.erf(x)
    return x * 2 if x.sum() > 0 else x


STOPPED: dict[str, tuple[list[str], Callable[..., Any]]] = {
    "raises": (["`erf` has no layer", "the module raises ValueError: not ready"], raising),
    "branch": (["`erf` has no layer", "a branch depends on the numbers of a tensor"], doubled),
    "no tensor": (
        ["`erf` has no layer", "the module returns a value of type int"],
        lambda _, x: (x.erf(), 3),
    ),
    "evaluation": (
        ["`erf` has no layer", "`cumsum` has no layer"],
        lambda net, x: x.erf() if net.training else x.cumsum(1),
    ),
}


@pytest.mark.parametrize("case", STOPPED)
def test_what_came_before_a_stop_is_refused_with_it(case: str) -> None:
    wanted, function = STOPPED[case]
    found = refusals(Net(function))
    assert len(found) == len(wanted)
    assert all(words.startswith(start) for (_, words), start in zip(found, wanted, strict=True))


def caught(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
    try:
        return x.relu() if x.sum() > 0 else x
    except RuntimeError:
        return x.tanh()


def growing(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    if not hasattr(net, "late"):
        net.late = nn.ReLU()
        net.register_buffer("mean", torch.zeros(3))
    return net.late(x)


def replacing(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    net.n.running_mean = net.n.running_mean * 0.9
    return net.n(x)


def halving(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    net.own.weight.data = net.own.weight.data / 2
    return net.own(x)


CASES: dict[str, tuple[str, str, nn.Module]] = {
    "branch": ("E1007", "a branch depends", Net(lambda _, x: x if x.sum() > 0 else -x)),
    "item": ("E1007", "`item` wants the numbers", Net(lambda _, x: x * x.max().item())),
    "chance": ("E1007", "`item` wants the numbers", Net(lambda _, x: x[:, : 1 + int(torch.rand(1).item())])),
    "mask": ("E1007", "what an index picks depends", Net(lambda _, x: x[x > 0])),
    "fixed number": ("E1003", "`rdiv` has no layer", Net(lambda _, x: 2 / x)),
    "fixed numbers of a vector": (
        "E1004",
        "`div`: `normalize` works on feature maps",
        Net(lambda _, x: (x.mean((2, 3)) - torch.arange(8.0)) / torch.arange(1.0, 9.0)),
    ),
    "features repeated": ("E1003", "`repeat` by [1, 6]", Net(lambda _, x: x.mean((2, 3)).repeat(1, 6))),
    "a start that is a tensor": (
        "E1004",
        "`narrow` with `start=a tensor`",
        Net(lambda _, x: x.narrow(1, torch.tensor(2), 3)),
    ),
    "alpha": ("E1004", "`add` with `alpha=2`", Net(lambda _, x: torch.add(x, x, alpha=2))),
    "other axis": ("E1004", "`softmax` with `dim=2`", Net(lambda _, x: x.softmax(2))),
    "unknown argument": ("E1004", "unexpected keyword", Net(lambda _, x: torch.div(x, 1, out=None))),
    "precision": ("E1004", "`to` to float16", Net(lambda _, x: x.to(torch.float16).float())),
    "precision of weights": (
        "E1004",
        "`half` to float16",
        Net(lambda net, x: F.conv2d(x, net.own.weight.half().float(), net.own.bias), own=nn.Conv2d(8, 8, 3)),
    ),
    "precision in a formula": (
        "E1004",
        "`to` to float16",
        Net(lambda _, x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2)).to(torch.float16).float())),
    ),
    "integers in a formula": (
        "E1004",
        "`to` to int32",
        Net(lambda _, x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2)).to(torch.int))),
    ),
    "integers": ("E1004", "`to` to int64", Net(lambda _, x: x.to(torch.long))),
    "other reading": ("E1004", "`view` to int32", Net(lambda _, x: x.view(torch.int32))),
    "batch": ("E1005", "one index along an axis", Net(lambda _, x: x[0])),
    "tokens": ("E1005", "a tensor (N, 900, 8)", Net(lambda _, x: F.gelu(x.flatten(2).mT))),
    "number": ("E1005", "of type int", Net(lambda _, x: (x, 3))),
    "turned": ("E1005", "another order than channels", Net(lambda _, x: x.permute(0, 3, 2, 1).flatten(1))),
    "a sum": ("E1003", "`sum` has no layer", Net(lambda _, x: x.sum(1, keepdim=True))),
    "a pad of -inf": ("E1003", "a pad of -inf", Net(lambda _, x: F.pad(x, (1, 1), value=-math.inf).relu())),
    "a long pad of -inf": (
        "E1004",
        "`max_pool2d` with `input=padded by [0, 2, 0, 2]`",
        Net(lambda _, x: F.max_pool2d(F.pad(x, (0, 2, 0, 2), value=-math.inf), 2, 1)),
    ),
    "a kernel that is no blur": (
        "E1006",
        "the weight of `conv2d` is not in the state_dict",
        Net(lambda _, x: F.conv2d(x, torch.ones(8, 1, 2, 2), groups=8)),
    ),
    "tokens along channels": (
        "E1003",
        "`conv1d` of one axis has a layer along the channels",
        Net(lambda net, x: net.own(x.flatten(2)), own=nn.Conv1d(8, 8, 3)),
    ),
    "own kernel": (
        "E1006",
        "the weight of `conv2d` is computed: sub(own.weight, mean(own.weight))",
        Net(lambda net, x: F.conv2d(x, net.own.weight - net.own.weight.mean()), own=nn.Conv2d(8, 8, 3)),
    ),
    "unused": ("E1008", "no output needs `fc.weight`, `fc.bias`", Net(lambda _, x: x, fc=nn.Linear(3, 3))),
    "evaluation": ("E1009", "`relu`", Net(lambda net, x: x if net.training else x.relu())),
    "dropout": ("E1004", "`dropout` with `training=True`", Net(lambda _, x: F.dropout(x))),
    "frozen norm": (
        "E1004",
        "`batch_norm` with `training=False`",
        Net(lambda net, x: F.batch_norm(x, net.n.running_mean, net.n.running_var), n=nn.BatchNorm2d(8)),
    ),
    "own state": (
        "E1010",
        "changes `n.running_mean`",
        Net(lambda net, x: x + net.n.running_mean.add_(1), n=nn.BatchNorm1d(1, affine=False)),
    ),
    "stale view": ("E1010", "another view", Net(lambda _, x: (x.view(5, -1), x.relu_())[0])),
    "always noisy": (
        "E1004",
        "goes on in evaluation",
        Net(lambda _, x: x * x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(0.5).div_(0.5)),
    ),
    "chance in constants": (
        "E1005",
        "`mul` of normal(), which is no value",
        Net(lambda _, x: x * torch.normal(torch.full((1, 8, 1, 1), 0.5), 1.0)),
    ),
    "tied to another layer": (
        "E1008",
        "`own.weight` is shared by `conv` and `convtranspose`",
        Net(
            lambda net, x: F.conv_transpose2d(net.own(x), net.own.weight),
            own=nn.Conv2d(8, 4, 3, bias=False),
        ),
    ),
    "a branch whose error is caught": ("E1007", "a branch depends", Net(caught)),
    "a tensor made late": ("E1010", "`mean` is made while the network runs", Net(growing)),
    "a tensor replaced": (
        "E1010",
        "`n.running_mean` becomes another tensor",
        Net(replacing, n=nn.BatchNorm2d(8, affine=False)),
    ),
    "weights replaced": (
        "E1010",
        "`data=` changes `own.weight`",
        Net(halving, own=nn.Conv2d(8, 8, 1)),
    ),
    "wants another input": ("E1002", "no attribute 'image', given (5, 3, 32, 32)", Net(lambda _, x: x.image)),
    "ends the process": ("E1002", "the module raises SystemExit: 3", Net(lambda *_: sys.exit(3))),
    "no module": ("E1001", "a value of type function is no module", lambda x: x),  # type: ignore[dict-item]
    "scripted": ("E1002", "is scripted", torch.jit.script(nn.Conv2d(3, 8, 3))),
    "scripted within": ("E1002", "is scripted", nn.Sequential(torch.jit.script(nn.Conv2d(3, 8, 3)))),
    "quantised": ("E1002", "is quantised (Quantized at 0)", nn.Sequential(Quantized(3, 8, 3))),
    "lazy": ("E1002", "`conv.weight` has no shape yet", Net(lambda _, x: x, nn.LazyConv2d(8, 3))),
    "raises": ("E1002", "the module raises RuntimeError", Net(lambda net, x: net.conv(x))),
}


@pytest.mark.parametrize("case", CASES)
def test_a_module_is_refused(case: str) -> None:
    code, words, module = CASES[case]
    found = refusals(module)
    assert [each for each, _ in found] == [code]
    assert words in found[0][1]


def test_one_tensor_under_two_names_is_refused() -> None:
    net = Net(lambda net, x: net.again(x), conv=nn.Conv2d(3, 3, 3))
    net.again = net.conv
    assert refusals(net) == [
        ("E1008", "`again.weight` is another name of `conv.weight`"),
        ("E1008", "`again.bias` is another name of `conv.bias`"),
    ]


def test_the_wanted_inputs_are_named() -> None:
    class Two(nn.Module):
        def forward(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            return left + right

    ((code, words),) = refusals(Two())
    assert code == "E1002" and "`Two.forward(left, right)` does not fit" in words
    assert "1 input is given: each needs a shape of its own" in words


def test_a_trained_token_is_named() -> None:
    def prepend(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((net.token.expand(len(x), 1, -1), x.flatten(2).transpose(1, 2)), 1)

    found = refusals(Net(prepend, token=nn.Parameter(torch.zeros(1, 1, 8))))
    assert found[0][0] == "E1005"
    assert "`cat` of the trained tensor `token`, which is no value of the network" in found[0][1]


def test_a_module_stays_as_it_is() -> None:
    net = Net(lambda net, x: net.norm(x), norm=nn.BatchNorm2d(8)).eval()
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    read(net, [IMAGE])
    assert not net.training and not net.norm.training
    assert all(torch.equal(before[key], tensor) for key, tensor in net.state_dict().items())
    assert not net._forward_hooks and not net.conv._forward_hooks


def dropped(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Stochastic depth whose numbers are drawn on the CPU, whatever the images are on."""
    return x * torch.empty(x.shape[0], 1, 1, 1).bernoulli_(0.9).div_(0.9) if net.training else x


def test_a_run_draws_no_random_numbers_of_its_caller() -> None:
    net = Net(dropped)
    before = torch.get_rng_state()
    model = read(net, [IMAGE])
    assert torch.equal(torch.get_rng_state(), before)
    assert [op.layer.name for op in model.operations] == ["conv", "stochasticdepth"]
    assert model.operations[1].layer.value("p") == 0.1
