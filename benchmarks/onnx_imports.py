"""What ONNX files become: right, refused by name, or wrong; how long the texts are, and how fast.

python -m benchmarks.onnx_imports             # torchvision's convolutional networks, as PyTorch writes them
python -m benchmarks.onnx_imports --dynamo    # by its newer exporter, which needs onnxscript
python -m benchmarks.onnx_imports --timm      # forty networks of timm
python -m benchmarks.onnx_imports --bare      # all names taken out of the files
python -m benchmarks.onnx_imports --part 1/4 torchvision:resnet50 net.onnx …
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

from benchmarks.imports import CLOSE, Result, convolutional, failures, image, unsettle
from benchmarks.pytorch_out import torchvision
from benchmarks.timing import Row, table
from cnnspec.commands.import_ import lines

TIMM = """
cspdarknet53 cspresnet50 darknet53 densenet121 dla34 dpn68 ecaresnet50d efficientnet_lite0 ese_vovnet19b_dw
fbnetc_100 gernet_s ghostnet_100 hardcorenas_a hgnetv2_b0 hrnet_w18_small inception_next_tiny
inception_resnet_v2 inception_v4 lcnet_050 mixnet_s mnasnet_100 mobilenetv2_100 mobilenetv3_large_100
mobileone_s0 nf_resnet50 regnetx_002 regnety_002 regnetz_b16 repvgg_a0 res2net50_26w_4s resnest14d
resnetv2_50 rexnet_100 selecsls42 semnasnet_100 seresnet50 skresnet18 starnet_s1 tf_efficientnet_b0
tinynet_e tresnet_m vovnet39a xception41 convnext_atto convnextv2_atto convmixer_768_32
"""

LEAST = 1e-2
"""What outputs are held against at least: ONNX Runtime's sigmoid is right to 1e-7 in all, however small."""


def export(source: str, folder: Path, is_dynamo: bool) -> Path:
    """The ONNX file that PyTorch writes of a module, its weights as after a training."""
    import torch

    from cnnspec.importers.torch.sources import load

    with patch("cnnspec.importers.torch.meta.WithoutMemory", nullcontext):
        module = load(source).eval()
    state = module.state_dict()
    unsettle(state)
    module.load_state_dict(state)
    path = folder / "net.onnx"
    more = {} if is_dynamo else {"opset_version": 17}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = (torch.randn(1, *image(source, module)),)
        torch.onnx.export(module, images, str(path), dynamo=is_dynamo, verbose=False, **more)
    return path


def strip(path: Path) -> Path:
    """The file without names that say anything."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    del model.graph.value_info[:]
    names: dict[str, str] = {}
    for node in model.graph.node:
        node.name = ""
        del node.metadata_props[:]
        names |= {name: f"value{len(names) + k}" for k, name in enumerate(node.output) if name}
    names |= {tensor.name: f"value{len(names) + k}" for k, tensor in enumerate(model.graph.initializer)}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for each in (*model.graph.initializer, *model.graph.output):
        each.name = names.get(each.name, each.name)
    onnx.save(model, path)
    return path


def run(source: str, path: Path) -> Result:
    """Import a file, and hold what was written against ONNX Runtime."""
    from cnnspec.importers.readers import load
    from cnnspec.importers.refusals import Refused
    from cnnspec.importers.write import specify

    began = time.perf_counter()
    try:
        loaded = load(str(path))
        model = loaded.read([], loaded.name)
        found = specify(model)
    except Refused as refused:
        reasons = tuple(str(group) for group in refused.groups)
        return Result(source, time.perf_counter() - began, 0, reasons)
    except Exception as failure:
        return Result(source, time.perf_counter() - began, wrong=f"{type(failure).__name__}: {failure}"[:200])
    seconds = time.perf_counter() - began
    tensors = loaded.weights([*found.keys.values()])
    gap = difference(found.text, {own: tensors[key] for own, key in found.keys.items()}, path)
    return Result(source, seconds, lines(found.text), wrong="" if gap <= CLOSE else f"differs by {gap:.1e}")


def difference(text: str, tensors: dict[str, Any], path: Path) -> float:
    """Between the outputs of a text's program and those of ONNX Runtime, relative to the largest."""
    import numpy as np
    import onnxruntime
    import torch

    import cnnspec

    (network,) = cnnspec.check_text(text).networks
    space: dict[str, Any] = {"__name__": "emitted"}
    exec(compile(cnnspec.build(network), "emitted.py", "exec"), space)
    module = space[network.name]().eval()
    module.load_state_dict({key: torch.from_numpy(array.copy()) for key, array in tensors.items()})
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    draw = np.random.default_rng(0)
    images = [
        draw.standard_normal([n if isinstance(n, int) else 2 for n in each.shape], np.float32)
        for each in session.get_inputs()
    ]
    wanted = session.run(None, {e.name: x for e, x in zip(session.get_inputs(), images, strict=True)})
    with torch.no_grad():
        made = module(*map(torch.from_numpy, images))
    pairs = zip([made] if hasattr(made, "shape") else made, wanted, strict=True)
    return max(float(np.abs(f.numpy() - w).max() / max(np.abs(w).max(), LEAST)) for f, w in pairs)


def sources(options: Namespace) -> Iterator[str]:
    """What to import."""
    part, of = map(int, options.part.split("/"))
    names = list(options.sources)
    if not names and options.timm:
        names = [f"timm:{name}" for name in TIMM.split()]
    elif not names:
        names = convolutional()
    yield from names[part - 1 :: of]


def report(results: Sequence[Result], title: str) -> str:
    """The table, and all that was refused or is wrong."""
    right = [result for result in results if result.is_right]
    longest = sorted(right, key=lambda each: -each.lines)[:10]
    rows = [
        Row("right", "", f"{len(right)} of {len(results)}"),
        Row("wrong", "none", str(sum(bool(each.wrong) for each in results))),
        Row("lines", "", f"median {median([each.lines for each in right] or [0]):g}"),
        Row("seconds a net", "median 0.5", f"median {median([each.seconds for each in right] or [0]):.2f}"),
        Row("longest", "", ", ".join(f"{each.source} {each.lines}" for each in longest)),
    ]
    return table(title, rows) + failures(results)


def main(arguments: Sequence[str] = ()) -> None:
    parser = ArgumentParser()
    parser.add_argument("sources", nargs="*")
    parser.add_argument("--timm", action="store_true", help="timm's networks, not torchvision's")
    parser.add_argument("--dynamo", action="store_true", help="by PyTorch's newer exporter")
    parser.add_argument("--bare", action="store_true", help="without names")
    parser.add_argument("--part", default="1/1", help="the first, second … of so many parts")
    options = parser.parse_args(arguments)
    torchvision()
    results = []
    for source in sources(options):
        with tempfile.TemporaryDirectory() as folder:
            is_file = source.endswith(".onnx")
            path = Path(source) if is_file else export(source, Path(folder), options.dynamo)
            found = run(source, strip(path) if options.bare and not is_file else path)
        results.append(found)
        state = "right" if found.is_right else "wrong" if found.wrong else "refused"
        sys.stderr.write(f"{source}: {state}, {found.lines} lines, {found.seconds:.2f} s\n")
    sys.stdout.write(report(results, "Imports from ONNX"))


if __name__ == "__main__":
    main(sys.argv[1:])
