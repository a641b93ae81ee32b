"""What a call of `cnnspec train` asks, and what one that goes on takes from the run, and may change."""

from __future__ import annotations

import shlex
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from cnnspec import __version__
from cnnspec.commands.common import fail
from cnnspec.commands.options import NetChoice, is_given

if TYPE_CHECKING:
    from cnnspec.train.engine import Request
    from cnnspec.train.run_folder import RunConfig, RunFolder
    from cnnspec.train.training_run import TrainingRun

FIXED = ("backend", "seed", "batch", "optimizer", "freeze", "ema", "weights", "skip_broken")
"""Those of which what was learnt so far depends in a way that the rest of the run cannot take back."""


class TrainCall(NamedTuple):
    """What the command line asks for: `choice` of a net, `options` of the loop."""

    file: str
    data: str
    choice: NetChoice
    options: dict[str, Any]

    def request(self) -> Request:
        """What the options ask of the loop. Raises RunProblem."""
        from cnnspec.train.engine import Request
        from cnnspec.train.processes import device_of, precision_of

        asked = self.options
        device = device_of(asked["device"]) if asked["backend"] == "torch" else "cpu"
        warmup = asked["warmup"]
        if warmup is None:
            warmup = 0.3 * asked["epochs"] if asked["schedule"] == "onecycle" else 0.0
        follows = {
            "lr": asked["lr"] or {"adamw": 5e-3, "sgd": 0.05}[asked["optimizer"]],
            "warmup": warmup,
            "freeze": tuple(asked["freeze"]),
            "ema": 0.999 if asked["ema"] else 0.0,
            "amp": precision_of(asked["amp"], device),
            "device": device,
            "channels_last": device.startswith("cuda") and not asked["shard"],  # shards lie in order
        }
        return Request(self.data, **asked | follows)

    def config(self, path: str, training: TrainingRun) -> RunConfig:
        """What the folder keeps of the call."""
        from cnnspec.train.run_folder import RunConfig

        return RunConfig(
            cnnspec=__version__,
            spec=PurePath(path).name,
            net=training.network.name,
            parameters=[*self.choice.settings],
            inputs=[*self.choice.inputs],
            data=self.data,
            images={"train": len(training.data.train.labels), "val": len(training.data.val.labels)},
            classes=[*training.classes],
            seed=self.options["seed"],
            options=self.options,
        )

    def to_resume(self, folder: RunFolder) -> str:
        """The command that goes on with the run."""
        bounds = (f"--limit={bound}" for bound in self.choice.limits)
        return shlex.join(["cnnspec", "train", self.file, self.data, "--resume", str(folder.path), *bounds])


def with_choice_of_run(call: TrainCall, folder: RunFolder, spec: str) -> TrainCall:
    """The call with the net, parameters and inputs of the run, where it names none. Raises RunProblem."""
    config = folder.config()
    if config is None or config.spec != PurePath(spec).name:
        return call
    net, settings, inputs, limits = call.choice
    # Limits are no part of a run: they bound each call, and its user gives them.
    choice = NetChoice(
        net or config.net, settings or tuple(config.parameters), inputs or tuple(config.inputs), limits
    )
    return call._replace(choice=choice)


def resumed_options(
    call: TrainCall, folder: RunFolder, network: Any, context: click.Context
) -> dict[str, Any]:
    """The options of the run, and over them those of the call. What cannot change ends the call."""
    config = folder.config()
    if config is None:
        fail(f"{folder.path}: holds no run")
    now = {
        "net": network.name,
        "parameters": [*call.choice.settings],
        "inputs": [*call.choice.inputs],
        "data": call.data,
    }
    for name, value in now.items():
        if (then := getattr(config, name)) != value:
            words = [" ".join(each) if isinstance(each, list) else each for each in (then, value)]
            before, here = (each or "of the file" for each in words)
            fail(f"{folder.path}: is a run with the {name} {before}, not {here}")
    options = options_of_run(config, folder, call.options, context)
    given = {n: x for n, x in call.options.items() if is_given(context, n)}
    for name in sorted(given.keys() & FIXED):
        if options[name] != given[name]:
            option = name.replace("_", "-")
            fail(f"--{option} cannot change in a run that goes on: it began with {options[name]}")
    return options | given


def options_of_run(
    config: RunConfig, folder: RunFolder, known: dict[str, Any], context: click.Context
) -> dict[str, Any]:
    """Those of the run; what its version did not know yet is as by default. What is wrong ends the call."""
    from cnnspec.train.run_folder import CONFIG

    record = folder.path / CONFIG
    unknown = [name for name in config.options if name not in known]
    if unknown:
        fail(f"{record}: another version's: this one has no option {', '.join(unknown)}")
    # The defaults of options that the run did not know yet, as a call with none of them has them.
    plain = context.command.make_context("train", ["FILE", "DATA"]).params
    options = {option.name: option for option in context.command.params}
    try:
        then = {name: options[name].type_cast_value(context, x) for name, x in config.options.items()}
        return {name: plain[name] for name in known} | then
    except click.BadParameter as problem:
        fail(f"{record}: {problem.param.name if problem.param else 'an option'}: {problem.message}")
