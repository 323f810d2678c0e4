"""What a network costs, layer by layer: parameters, multiply-adds, activations and memory, as numbers and formulas.

Multiply-adds are read from the operations that really run (their ``cost``), so functional calls count as well as
modules. All numbers are for one image, unless a batch is asked for.

Examples
--------
>>> from tinygrad_cv import models
>>> told = budget(models.cifar_cnn())
>>> [row.formula for row in told.rows if row.parameters]
['(3*5*5 + 1) * 32 = 2,432', '(32*5*5 + 1) * 64 = 51,264', '(4096 + 1) * 10 = 40,970']
>>> told.parameters, told.multiply_adds
(94666, 15605760)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_cv import nn
from tinygrad_cv.autograd import no_grad
from tinygrad_cv.autograd.observe import Observer, current_path, observing
from tinygrad_cv.models.registry import input_size
from tinygrad_cv.tensors.creation import zeros


@dataclass
class Row:
    """One module of a network.

    Attributes
    ----------
    path, kind : its dotted path ('' is the network) and its class.
    depth : how many modules it lies below the network.
    leaf : whether it has no modules below it.
    output : the shape of its result; () if it did not run.
    parameters : its own, those of the modules below not counted.
    trainable : how many of these are learned.
    formula : how the parameters are counted.
    multiply_adds : of its own operations.
    work : how the multiply-adds are counted.
    activations : numbers in its result, if it is a leaf.
    learned, chosen : what training finds, and what a person has set.
    """

    path: str
    kind: str
    depth: int
    leaf: bool
    output: tuple[int, ...] = ()
    parameters: int = 0
    trainable: int = 0
    formula: str = ""
    multiply_adds: int = 0
    work: str = ""
    activations: int = 0
    learned: str = ""
    chosen: str = ""


@dataclass
class Budget:
    """The rows of a network and their sums; bytes are those of the parameters' own dtype.

    Memory for training with Adam holds the weights four times (values, gradients, two moments), and the activations
    and their gradients.
    """

    name: str
    input: tuple[int, ...]
    rows: list[Row]
    itemsize: int = 4

    @property
    def parameters(self) -> int:
        """All parameters; shared ones count once."""
        return sum(row.parameters for row in self.rows)

    @property
    def trainable(self) -> int:
        """The parameters that are learned."""
        return sum(row.trainable for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """Multiplications with an addition, of one forward pass."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def activations(self) -> int:
        """Numbers in the results of all leaves."""
        return sum(row.activations for row in self.rows)

    @property
    def weight_bytes(self) -> int:
        """Memory of the parameters."""
        return self.parameters * self.itemsize

    @property
    def training_bytes(self) -> int:
        """Memory of a training step with Adam, as a sum of what must be there at the same time."""
        return 4 * self.weight_bytes + 2 * self.activations * self.itemsize

    def largest_batch(self, memory: int) -> int:
        """Return how many images a training step with Adam can take in ``memory`` bytes, 0 if not even one.

        The rule "memory / (H W C 4)" of some notes counts the pixels alone: for 8 GiB and 224 x 224 it allows 14,266.
        """
        images = max(self.input[0], 1)
        left = memory - 4 * self.weight_bytes
        return max(0, left * images // max(2 * self.activations * self.itemsize, 1))


class _Costs(Observer):
    """Adds up multiply-adds by the path of the module that runs."""

    def __init__(self) -> None:
        self.by_path: dict[str, int] = {}

    def after_forward(self, op: Any, inputs: Sequence[Any], output: Any, seconds: float) -> None:
        """Note what the operation cost."""
        shapes = [getattr(x, "shape", None) for x in inputs]
        count = op.cost(output.shape, *shapes)
        if count:
            path = current_path()
            self.by_path[path] = self.by_path.get(path, 0) + count


def budget(model: nn.Module, size: Sequence[int] | None = None, batch: int = 1, name: str = "") -> Budget:
    """Run a network on zeros and return what each layer costs.

    Parameters
    ----------
    size : (C, H, W); those that the network was built for if None.
    batch : images.
    """
    shape = (batch, *(size or input_size(model)))
    rows, handles = {}, []
    seen: set[int] = set()
    for path, module in model.named_modules():
        children = any(True for _ in module.children())
        row = Row(path, type(module).__name__, path.count(".") + 1 if path else 0, not children)
        own = [p for p in module._parameters.values() if p is not None and id(p) not in seen]
        seen |= {id(p) for p in own}
        row.parameters = sum(p.numel() for p in own)
        row.trainable = sum(p.numel() for p in own if p.requires_grad)
        row.formula = _formula(module) if own else ""
        row.learned, row.chosen = _roles(module)
        rows[path] = row
        handles.append(module.register_forward_hook(_noting(row)))
    modes = [(m, m.training) for m in model.modules()]
    costs = _Costs()
    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    try:
        with no_grad(), observing(costs):
            model.eval()(zeros(*shape, dtype=dtype))
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.__dict__["training"] = training
    for path, count in costs.by_path.items():
        rows[path].multiply_adds += count
    for path, module in model.named_modules():
        rows[path].work = _work(module, rows[path])
    return Budget(name or type(model).__name__, shape, list(rows.values()), dtype.itemsize)


def _noting(row: Row) -> Callable[[Any, Any, Any], None]:
    def note(module: Any, args: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) else output
        row.output = tuple(first.shape)
        if row.leaf and not isinstance(module, (nn.Identity, nn.Dropout, nn.Flatten)):
            inplace = getattr(module, "inplace", False)
            row.activations += 0 if inplace else int(np.prod(first.shape))

    return note


def _formula(module: nn.Module) -> str:
    total = sum(p.numel() for p in module._parameters.values() if p is not None)
    bias = getattr(module, "bias", None) is not None
    if isinstance(module, nn.Conv2d):
        kh, kw = module.kernel_size
        taps = f"{module.in_channels // module.groups}*{kh}*{kw}"
        return (
            f"({taps} + 1) * {module.out_channels} = {total:,}"
            if bias
            else f"{taps} * {module.out_channels} = {total:,}"
        )
    if isinstance(module, nn.Linear):
        taps = f"{module.in_features}"
        return (
            f"({taps} + 1) * {module.out_features} = {total:,}"
            if bias
            else f"{taps} * {module.out_features} = {total:,}"
        )
    parts = [p.shape for p in module._parameters.values() if p is not None]
    if all(len(p) == 1 for p in parts):
        return f"{len(parts)} * {parts[0][0]} = {total:,}" if len({p for p in parts}) == 1 else f"{total:,}"
    return " + ".join("*".join(map(str, p)) or "1" for p in parts) + f" = {total:,}"


def _work(module: nn.Module, row: Row) -> str:
    if isinstance(module, nn.Conv2d) and len(row.output) == 4:
        n, oc, oh, ow = row.output
        kh, kw = module.kernel_size
        images = f"{n}*" if n != 1 else ""
        return f"{images}{oh}*{ow} * {module.in_channels // module.groups}*{kh}*{kw} * {oc} = {row.multiply_adds:,}"
    if isinstance(module, nn.Linear) and row.output:
        return f"{module.in_features} * {int(np.prod(row.output))} = {row.multiply_adds:,}"
    return f"{row.multiply_adds:,}" if row.multiply_adds else ""


def _roles(module: nn.Module) -> tuple[str, str]:
    """Return what training finds in a module, and what a person has chosen."""
    learned = []
    for name, p in module._parameters.items():
        if p is not None:
            learned.append(name if p.requires_grad else f"{name} (fixed)")
    if isinstance(module, nn.BatchNorm2d) and module._buffers.get("running_mean") is not None:
        learned.append("statistics (measured)")
    chosen = module.extra_repr() if not any(True for _ in module.children()) else ""
    return ", ".join(learned), chosen
