"""Compile the kernels of training now; the machine code is kept on disk for later runs."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

NETWORKS = ("lenet", "lenet5", "simple_cnn", "simple_convnet", "two_layer_net", "softmax_regression")


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command's words."""
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"networks to warm up for ({', '.join(NETWORKS)})")


def run(arguments: Namespace) -> None:
    """Make one training step and one evaluation with each network."""
    from tqdm import tqdm

    from tinygrad_cv import models, optim
    from tinygrad_cv.autograd import no_grad
    from tinygrad_cv.functional import cross_entropy
    from tinygrad_cv.ops.kernels import cache_folder
    from tinygrad_cv.tensors.sampling import randint, randn

    names = arguments.models or NETWORKS
    for name in names:
        models.get_model_builder(name)
    bar = tqdm(names, desc="networks", unit="", disable=None, leave=False)  # on a terminal only
    for name in bar:
        begun = time.perf_counter()
        model = models.get_model(name)
        optimizer = optim.AdamW(model.parameters())
        images, targets = randn(8, *models.input_size(model)), randint(10, (8,))
        cross_entropy(model(images), targets).backward()
        optimizer.step()
        with no_grad():
            model.eval()(images)
        with bar.external_write_mode():
            print(f"{name:<22}{time.perf_counter() - begun:6.1f} s", flush=True)
    files = [p for p in cache_folder().rglob("*") if p.is_file()]
    print(f"{len(files)} files, {sum(p.stat().st_size for p in files) / 2**20:.1f} MiB in {cache_folder()}")
