"""What a run's folder tells: its record, its log, its predictions, and the net with its best weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import NamedTuple

from cnnspec import api
from cnnspec.elaborate.settings import Misuse
from cnnspec.graph.tree import Network
from cnnspec.run import RunProblem, refuse_non_file
from cnnspec.run.runner import Runner
from cnnspec.text.files import FileProblem
from cnnspec.train.run_folder import Epoch, Predictions, RunConfig, RunFolder, best_of
from cnnspec.values.shapes import Shape

BEST = "best.safetensors"


class Evidence(NamedTuple):
    """`runner` runs the net with its best weights; None where it cannot be had, and `lack` says why."""

    config: RunConfig
    spec: str
    rows: list[Epoch]
    predictions: Predictions
    runner: Runner | None
    lack: str

    @property
    def best(self) -> Epoch:
        return best_of(self.rows)


def read_run(folder: Path, limits: Mapping[str, int] = {}) -> Evidence:
    """The evidence of a run. Raises RunProblem where the folder holds none, or not all of one."""
    run = RunFolder(folder)
    config = run.config()
    if config is None:
        raise RunProblem(f"{folder}: holds no run of `cnnspec train`")
    # A folder may come from someone else: its record is not to have another file read, as `../../secret`.
    if PurePath(config.spec).name != config.spec:
        raise RunProblem(f"{folder}: its record names a specification elsewhere, {config.spec!r}")
    refuse_non_file(folder / config.spec)
    try:
        spec = (folder / config.spec).read_text("utf-8")
    except (OSError, ValueError):
        raise RunProblem(f"{folder}: lacks the specification {config.spec}") from None
    rows, predictions = run.read_log(), run.read_predictions(len(config.classes))
    runner, lack = None, ""
    try:
        # The page is written without what layers make, where the net cannot be run any more.
        runner = start_net(network_of(folder, config, limits), folder, predictions)
    except (RunProblem, MemoryError, ImportError) as problem:
        lack = str(problem)
    return Evidence(config, spec, rows, predictions, runner, lack)


def start_net(network: Network, folder: Path, predictions: Predictions) -> Runner:
    """The net of a run, ready to show its layers. Raises RunProblem, MemoryError, ImportError."""
    runner = Runner(network, "numpy", str(folder / BEST), None, True, ())
    height, width, channels = predictions.pictures.shape[1:]
    kept, wanted = Shape(channels, height, width), runner.given.value.shape
    if kept != wanted:
        raise RunProblem(f"the images that were kept are {kept}, the net's input is {wanted}")
    return runner


def network_of(folder: Path, config: RunConfig, limits: Mapping[str, int]) -> Network:
    """The net as it was trained. Raises RunProblem."""
    # A value may hold a `=`, as `wide=2 == 2`; a label may, and of the only input is left out: `3@32x32`.
    given = {name.strip(): value for name, _, value in (text.partition("=") for text in config.parameters)}
    sizes = {name.strip(): size for name, _, size in (text.rpartition("=") for text in config.inputs)}
    try:
        path = folder / config.spec
        found = api.check(path, config.net, parameters=given, inputs=sizes, limits=limits)
    except (FileProblem, Misuse, ValueError) as problem:
        raise RunProblem(f"{config.spec}: {problem}") from None
    if not found.ok or not found.networks:
        faults = [fault.message for fault in found.diagnostics if fault.severity == "error"]
        raise RunProblem(f"{config.spec}: {faults[0]}")
    return found.networks[0]
