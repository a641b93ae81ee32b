"""Folders of runs, as training leaves them, without any training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cnnspec import __version__, api
from cnnspec.run.weight_files import blank_state
from cnnspec.train.run_folder import Epoch, Predictions, RunConfig, RunFolder

NASTY = """<script>alert("1")</script>&amp;'\u202e ${x}"""
SPEC = """# </pre><script>alert(1)</script>
net Small(classes=2) {
    input 1@6x6 mean=0.5 std=0.25
    conv 4@3x3, relu, maxpool 2x2, flatten, linear classes
}
"""


def predictions(
    labels: list[int], said: list[int], classes: int, size: tuple[int, int, int] = (6, 6, 1)
) -> Predictions:
    """The net says so of images of these classes, the surer the later; all are shown."""
    count = len(labels)
    scores = np.full((count, classes), 0.0, np.float32)
    sure = np.linspace(0.55, 0.9, count, dtype=np.float32)
    scores += ((1 - sure) / max(1, classes - 1))[:, None]
    scores[np.arange(count), said] = sure
    pictures = np.random.default_rng(0).integers(0, 256, (count, *size), dtype=np.uint8)
    paths = np.array([f"val/{NASTY}.png" for _ in range(count)])
    return Predictions(np.array(labels, np.int64), scores, paths, np.arange(count), pictures)


def run_folder(
    folder: Path,
    names: list[str],
    found: Predictions,
    rows: list[Epoch] | None = None,
    spec: str = SPEC,
    **changes: Any,
) -> Path:
    """A run of a small net with weights at random, whose classes bear these names."""
    network = api.check_text(spec, parameters={"classes": len(names)}).networks[0]
    config = RunConfig(
        cnnspec=__version__,
        spec="small.cnn",
        net="Small",
        parameters=[f"classes={len(names)}"],
        inputs=[],
        data="pictures",
        images={"train": 100, "val": len(found.labels)},
        classes=names,
        seed=0,
        options={"batch": 64, "ema": False, "augment": "flip", "stop_after": None},
    )._replace(**changes)
    made = RunFolder(folder)
    made.begin(config, spec)
    made.write_log(
        rows
        or [Epoch(epoch, 2 / epoch, 0.3 * epoch, 2.1 / epoch, 0.25 * epoch, 1e-3, 1.5) for epoch in (1, 2, 3)]
    )
    chance = np.random.default_rng(0)
    state = {name: chance.normal(0, 0.3, x.shape).astype(x.dtype) for name, x in blank_state(network).items()}
    made.write_weights("best.safetensors", state)
    made.write_predictions(found)
    return folder
