"""Compile the kernels of training now, on all cores; the machine code is kept on disk for later runs."""

from __future__ import annotations

import contextlib
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

NETWORKS = ("lenet", "lenet5", "simple_cnn", "simple_convnet", "two_layer_net", "softmax_regression")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"networks to warm up for ({', '.join(NETWORKS)})")


def run(arguments: Namespace) -> None:
    """Make one training step and one evaluation with each network, its kernels having been compiled side by side."""
    from tinygrad_cv import models
    from tinygrad_cv.ops.kernels import cache_folder, jit

    names = arguments.models or NETWORKS
    for name in names:
        models.get_model_builder(name)
    steps = {name: _step(name) for name in names}
    if (cores := jit.cores()) > 1:
        _ahead(list(steps.values()), cores)
    for name, step in steps.items():
        begun = time.perf_counter()
        step()
        print(f"{name:<22}{time.perf_counter() - begun:6.1f} s", flush=True)
    files = [p for p in cache_folder().rglob("*") if p.is_file()]
    print(f"{len(files)} files, {sum(p.stat().st_size for p in files) / 2**20:.1f} MiB in {cache_folder()}")


def _step(name: str) -> Callable[[], None]:
    from tinygrad_cv import models, optim
    from tinygrad_cv.autograd import no_grad
    from tinygrad_cv.functional import cross_entropy
    from tinygrad_cv.tensors.sampling import randint, randn

    def step() -> None:
        model = models.get_model(name)
        images, targets = randn(8, *models.input_size(model)), randint(10, (8,))
        cross_entropy(model(images), targets).backward()
        for optimizer in (optim.AdamW(model.parameters()), optim.SGD(model.parameters(), lr=0.01, momentum=0.9)):
            optimizer.step()
        with no_grad():
            model.eval()(images)

    return step


def _ahead(steps: list[Callable[[], None]], cores: int) -> None:
    """Compile what the steps will launch. What cannot be done here is left to them."""
    from tqdm import tqdm

    from tinygrad_cv.ops.kernels import ahead

    begun = time.perf_counter()
    with ahead.noted() as entries:
        for step in steps:
            with contextlib.suppress(ArithmeticError, LookupError, ValueError):  # of results that are none
                step()
    processes, done = min(cores, len(entries)), 0
    with tqdm(total=len(entries), desc="kernels", unit="", disable=None, leave=False) as bar:  # on a terminal only
        with contextlib.suppress(OSError, RuntimeError):
            for _ in ahead.compiled(entries, processes) if processes else ():
                done += 1
                bar.update()
    if done:
        print(f"{done} kernels in {processes} processes{time.perf_counter() - begun:6.1f} s", flush=True)
