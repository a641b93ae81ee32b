"""What networks of libraries become: right, refused by name, or wrong; how long the texts are, and how fast.

python -m benchmarks.imports                  # torchvision's convolutional networks, outputs compared, too
python -m benchmarks.imports --timm           # timm's: the long run, keys and shapes compared
python -m benchmarks.imports --timm --part 1/4 --outputs
python -m benchmarks.imports --timm --resume timm.jsonl  # what is in the file is not run again
python -m benchmarks.imports timm:resnet50 torchvision:vgg16
"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from unittest.mock import patch

from benchmarks.pytorch_out import torchvision
from benchmarks.timing import Row, table
from cnnspec.commands.import_ import lines

ATTENTION = ("maxvit", "swin", "vit")
"""torchvision's networks of another kind."""

FAMILIES = """
byoanet byobnet convmixer convnext cspnet cspnext densenet dla dpn edgenext efficientnet fasternet
fastvit focalnet ghostnet hardcorenas hgnet hrnet inception_next inception_resnet_v2 inception_v3
inception_v4 lcnetv2 mambaout metaformer mobilenetv3 nasnet nfnet pnasnet rdnet regnet repghost
repvit res2net resnest resnet resnetv2 rexnet selecsls senet sknet starnet tresnet vgg vovnet
xception xception_aligned
"""
"""timm's modules of convolutional networks; some of their networks have attention, and are counted apart."""

PRODUCTS = ("`matmul`", "`bmm`", "`einsum`", "`scaled_dot_product_attention`")
"""Functions that multiply two values as matrices: a network with one is no convolutional network."""

CLOSE = 1e-5
"""So far outputs may differ, relative to the largest: sums run in another order."""


class Result(NamedTuple):
    """What became of a source. `reasons`: why it is refused, or what is wrong; neither where it is right."""

    source: str
    seconds: float
    lines: int = 0
    refused: tuple[str, ...] = ()
    wrong: str = ""

    @property
    def is_right(self) -> bool:
        return not self.refused and not self.wrong

    @property
    def has_attention(self) -> bool:
        return any(reason.startswith(PRODUCTS) for reason in self.refused)


def run(source: str, outputs: bool) -> Result:
    """Import a source, and hold what was written against the module."""
    from cnnspec.importers.refusals import Refused
    from cnnspec.importers.torch.read import read
    from cnnspec.importers.torch.sources import load
    from cnnspec.importers.write import write
    from cnnspec.values.shapes import Shape

    began = time.perf_counter()
    try:
        module = load(source)
        shape = image(source, module)
        text = write(read(module, [Shape(*shape)], ""))
        seconds = time.perf_counter() - began
        if outputs:
            with patch("cnnspec.importers.torch.meta.WithoutMemory", nullcontext):
                module = load(source)
        wrong = difference(text, module, shape if outputs else None)
    except Refused as refused:
        reasons = tuple(f"{group.message} ({group.kind})" for group in refused.groups)
        return Result(source, time.perf_counter() - began, 0, reasons)
    except Exception as failure:
        return Result(source, time.perf_counter() - began, wrong=f"{type(failure).__name__}: {failure}"[:200])
    return Result(source, seconds, lines(text), wrong=wrong)


def image(source: str, module: Any) -> tuple[int, ...]:
    """The shape (C, H, W) of the images that a network was made for."""
    if hasattr(module, "default_cfg"):
        return tuple(module.default_cfg["input_size"])
    return (3, 299, 299) if source.endswith("inception_v3") else (3, 224, 224)


def difference(text: str, module: Any, shape: tuple[int, ...] | None) -> str:
    """How the program of a text differs from a module: in its tensors, or, for an image, in its outputs."""
    import torch

    import cnnspec

    (network,) = cnnspec.check_text(text).networks
    space: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(cnnspec.build(network), "emitted.py", "exec"), space)
    with torch.device("meta"):
        made = space[network.name]()
    state = module.state_dict()
    theirs, ours = (
        {key: tensor.shape for key, tensor in each.items()} for each in (state, made.state_dict())
    )
    if ours != theirs:
        return f"other tensors: {sorted(ours.items() ^ theirs.items())[:2]}"
    if shape is None:
        return ""
    made = space[network.name]()
    unsettle(state)
    made.load_state_dict(state)
    images = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, wanted = (tensors(each.eval()(images)) for each in (made, module))
    gap = max(float((f - w).abs().max() / w.abs().max()) for f, w in zip(found, wanted, strict=True))
    return "" if gap <= CLOSE else f"outputs differ by {gap:.1e}"


def unsettle(state: dict[str, Any]) -> None:
    """Statistics and scales as a training leaves them: of fresh norms a fault would not show."""
    for key, tensor in state.items():
        if key.endswith("running_mean"):
            tensor.normal_(0, 0.1)
        elif key.endswith("running_var") or (tensor.dim() == 1 and key.endswith("weight")):
            tensor.uniform_(0.5, 1.5)


def tensors(result: Any) -> list[Any]:
    """The tensors that a module returned, in their order."""
    if hasattr(result, "shape"):
        return [result]
    values = result.values() if isinstance(result, dict) else result
    return [tensor for value in values for tensor in tensors(value)]


def sources(options: Namespace) -> Iterator[str]:
    """What to import."""
    if options.sources:
        yield from options.sources
        return
    part, of = map(int, options.part.split("/"))
    if options.timm:
        import timm

        names = [f"timm:{name}" for family in FAMILIES.split() for name in timm.list_models(module=family)]
    else:
        names = convolutional()
    yield from names[part - 1 :: of]


def convolutional() -> list[str]:
    """torchvision's convolutional networks: classifiers and segmentation nets."""
    models = torchvision().models
    every = [*models.list_models(models), *models.list_models(models.segmentation)]
    return [f"torchvision:{name}" for name in every if not name.startswith(ATTENTION)]


def report(results: Sequence[Result], title: str) -> str:
    """The table, the longest texts, the slowest, and all that was refused or is wrong."""
    apart = [result for result in results if result.has_attention]
    counted = [result for result in results if not result.has_attention]
    right = [result for result in counted if result.is_right]
    longest = sorted(right, key=lambda each: -each.lines)[:10]
    slowest = sorted(right, key=lambda each: -each.seconds)[:5]
    rows = [
        Row("right", "95 %", f"{len(right)} of {len(counted)}, besides {len(apart)} with attention"),
        Row("wrong", "none", str(sum(bool(each.wrong) for each in counted))),
        Row("lines", "median 28 (timm 38)", f"median {median([each.lines for each in right] or [0]):g}"),
        Row("at most 60 lines", "95 %", str(sum(each.lines <= 60 for each in right))),
        Row("seconds a net", "median 0.5", f"median {median([each.seconds for each in right] or [0]):.2f}"),
        Row("longest", "", ", ".join(f"{each.source} {each.lines}" for each in longest)),
        Row("slowest", "", ", ".join(f"{each.source} {each.seconds:.1f} s" for each in slowest)),
    ]
    return table(title, rows) + failures(counted)


def failures(results: Sequence[Result]) -> str:
    """Why networks are refused, each reason with how many; and those that are wrong."""
    reasons = Counter(reason for each in results for reason in dict.fromkeys(each.refused))
    found = [f"{count} nets: {reason}" for reason, count in reasons.most_common()]
    found += [f"wrong: {each.source}: {each.wrong}" for each in results if each.wrong]
    return "".join(f"{line}\n" for line in found)


def main(arguments: Sequence[str] = ()) -> None:
    parser = ArgumentParser()
    parser.add_argument("sources", nargs="*")
    parser.add_argument("--timm", action="store_true", help="timm's networks, not torchvision's")
    parser.add_argument("--part", default="1/1", help="the first, second … of so many parts")
    parser.add_argument("--outputs", action="store_true", help="compare outputs, too")
    parser.add_argument("--resume", type=Path, help="the file of results that is gone on with")
    options = parser.parse_args(arguments)
    torchvision()
    results = finished(options.resume)
    for source in sources(options):
        if source not in results:
            found = results[source] = run(source, options.outputs or not options.timm)
            state = "right" if found.is_right else "wrong" if found.wrong else "refused"
            sys.stderr.write(f"{source}: {state}, {found.lines} lines, {found.seconds:.2f} s\n")
            if options.resume:
                with options.resume.open("a") as file:
                    file.write(json.dumps(found._asdict()) + "\n")
    sys.stdout.write(report(list(results.values()), "Imports"))


def finished(record: Path | None) -> dict[str, Result]:
    """The results that a file of an earlier run holds, by source."""
    if record is None or not record.exists():
        return {}
    results = [Result(**json.loads(line)) for line in record.read_text().splitlines()]
    return {each.source: each._replace(refused=tuple(each.refused)) for each in results}


if __name__ == "__main__":
    main(sys.argv[1:])
