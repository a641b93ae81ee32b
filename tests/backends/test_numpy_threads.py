"""Threads in NumPy's programs: nets that threads share, tiles that workers share, BLAS left as it was."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnspec.backends import emit
from cnnspec.backends.numpy.kernels import threads
from cnnspec.backends.numpy.kernels.threads import Crew, crew
from tests.backends.pair import load
from tests.nets import network

pytestmark = pytest.mark.slow

RESIDUAL = """net Residual { input 8@20x20
    conv 32@3x3 pad=1, batchnorm, relu
    add { | identity | conv 32@3x3 pad=1, batchnorm, relu, depthwise 3 pad=1 }
    relu, maxpool 3 stride=2 pad=1
    concat { | conv 16@1x1 | conv 16@5x5 pad=2 groups=2 | conv 64@3x3 stride=2 pad=1, upsample 2 }
    globalavgpool, flatten, linear 10
}
"""


@pytest.fixture
def blas(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A BLAS of three threads, and what it was told: for any machine."""
    told = [3]
    monkeypatch.setattr(threads, "blas_threads", lambda: (lambda: told[-1], told.append))
    monkeypatch.setattr(threads, "CREWS", {})
    yield told


def residual(folder: Path, **options: bool) -> Any:
    return load(emit("numpy", network(RESIDUAL), "net.cnn", **options), folder).Residual()


def images(count: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal((1 + i % 3, 8, 20, 20)).astype(np.float32) for i in range(count)]


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "plain"])
def test_threads_share_a_net(fast: bool, tmp_path: Path) -> None:
    net = residual(tmp_path)
    net.fast = fast
    given = images(12)
    wanted = [net(x) for x in given]
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(net, given * 20))
    for i, y in enumerate(made):
        assert np.abs(y - wanted[i % len(given)]).max() <= 1e-6  # BLAS rounds by where buffers lie


@pytest.mark.parametrize("callers", [1, 3])
def test_many_workers_make_what_one_makes(
    callers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every form of tiles, small as they are here."""
    net, x = residual(tmp_path), images(3)[2]
    wanted = net.run((x,))[net.outputs[0]]
    module = sys.modules[type(net).__module__]
    monkeypatch.setattr(module, "SMALL", 1)
    monkeypatch.setattr(module, "blas_threads", lambda: (lambda: 4, lambda _: None))
    monkeypatch.setattr(module, "CREWS", {})
    with ThreadPoolExecutor(callers) as pool:
        made = list(pool.map(net, [x] * 40))
    assert max(np.abs(y - wanted).max() for y in made) <= 1e-5
    assert net.plans[0].workers == 4 and any(len(tiles) > 4 for tiles in net.plans[0].steps)


def test_threads_share_the_weights_laid_out(tmp_path: Path) -> None:
    net = residual(tmp_path)
    x = images(1)[0]

    first = net.planner(net, {"input": x})
    second = net.planner(net, {"input": x})
    assert first.packs.keys() == second.packs.keys()
    assert all(first.packs[key] is second.packs[key] for key in first.packs)
    pack = weakref.ref(next(iter(first.packs.values())))
    del first, second
    gc.collect()
    assert pack() is None


def test_a_call_within_a_call(tmp_path: Path) -> None:
    net = residual(tmp_path)
    x, other = images(2)
    x, other = x[:1], other[:1]
    wanted, wanted_other = net(x), net(other)
    found = []
    net.plans[0].is_small = False  # the crew runs it
    tiles = net.plans[0].steps[2]
    within = tiles[0]

    def nested(worker: int) -> None:
        if not found:
            found.append(None)
            found[0] = net(other)
        within(worker)

    tiles[0] = nested
    assert np.abs(net(x) - wanted).max() <= 1e-6 and np.abs(found[0] - wanted_other).max() <= 1e-6


def test_a_call_that_fails_leaves_the_net_as_it_was(tmp_path: Path) -> None:
    net = residual(tmp_path)
    x = images(1)[0]
    wanted = net(x)

    def fail(_: int) -> None:
        raise MemoryError

    net.plans[0].is_small = False  # the crew runs it
    net.plans[0].steps.insert(3, [fail])
    with pytest.raises(MemoryError):
        net(x)
    assert sys.modules[type(net).__module__].crew().inside == 0
    assert np.abs(net(x) - wanted).max() <= 1e-6 and len(net.plans) == 1


def test_workers_share_tasks_and_wait_for_all(blas: list[int]) -> None:
    """Each task once; a helper that is late delays its own task alone."""
    done: list[tuple[int, int]] = []

    def task(i: int) -> Any:
        def work(worker: int) -> None:
            time.sleep(0.02 if worker else 0.001)
            done.append((i, worker))

        return work

    for _ in range(5):
        done.clear()
        threads.share([task(i) for i in range(30)])
        assert sorted(i for i, _ in done) == list(range(30))
        assert {worker for _, worker in done} <= {0, 1, 2}


def test_an_error_in_a_task_is_raised_when_all_have_ended(blas: list[int]) -> None:
    under_way = []

    def fail(worker: int) -> None:
        under_way.append(worker)
        time.sleep(0.01)
        under_way.remove(worker)
        raise ZeroDivisionError

    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            threads.share([fail] * 8)
        assert not under_way


def test_floating_point_errors_are_handled_as_the_caller_wants(blas: list[int]) -> None:
    seen = []

    def task(_: int) -> None:
        seen.append(np.geterr()["over"])
        time.sleep(0.002)

    with np.errstate(over="raise"):
        threads.share([task] * 12)
    assert seen == ["raise"] * 12


def test_blas_gets_its_threads_back(blas: list[int]) -> None:
    with crew():
        assert blas == [3, 1]
        with crew():
            pass
        assert blas == [3, 1]
    assert blas == [3, 1, 3]
    with pytest.raises(RuntimeError), crew():
        raise RuntimeError
    assert blas == [3, 1, 3, 1, 3]
    blas.append(1)  # somebody limits it to one
    with crew() as workers:
        assert workers.workers == 1
    assert blas[-2:] == [3, 1]


def test_two_crews_never_leave_blas_with_one_thread(blas: list[int]) -> None:
    """Two emitted files in a process have a crew each: whoever ends last."""
    for first_ends_last in (True, False):
        one, two = Crew(), Crew()
        one.__enter__()
        two.__enter__()
        for each in (two, one) if first_ends_last else (one, two):
            each.__exit__()
        assert blas[-1] == 3


def test_the_real_blas_is_found_and_left_as_it_was(tmp_path: Path) -> None:
    config = np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]  # type: ignore[index, call-overload]
    if "openblas" not in config:
        pytest.skip("NumPy has another BLAS")
    get, set_ = threads.blas_threads()
    before = get()
    try:
        set_(2)
        with crew():
            assert get() == 1
        assert get() == 2
        net = residual(tmp_path)
        net(images(1)[0])
        assert get() == 2
    finally:
        set_(before)


def test_without_control_of_blas_one_worker_does_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(threads, "CREWS", {})
    monkeypatch.setattr(threads, "libraries", lambda: iter([object()]))
    with crew() as workers:
        assert workers.workers == 1
    ran = []
    threads.share([lambda worker: ran.append((worker, threading.current_thread()))] * 4)
    assert ran == [(0, threading.main_thread())] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_helpers_of_its_own(blas: list[int]) -> None:
    threads.share([lambda _: time.sleep(0.002)] * 12)
    assert crew().helpers == 2
    with crew():
        child = os.fork()
        if not child:
            fine = blas[-1] == 1 and crew().helpers == 0 and blas[-1] == 3
            threads.share([lambda _: time.sleep(0.002)] * 12)
            os._exit(0 if fine and crew().helpers == 2 and blas[-1] == 3 else 1)
    assert os.waitpid(child, 0)[1] == 0
