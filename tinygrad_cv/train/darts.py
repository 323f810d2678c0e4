"""DARTS: find the operations of a cell by gradient descent, because a choice was made into a mixture.

On each edge of a cell all candidate operations run, and their results are mixed by softmax(a). The weights w learn on
one half of the training images, the architecture a on the other, as if w had made one more step:

    min over a of  L_val(w - xi dL_train(w, a)/dw, a)

The gradient of that, by the chain rule (equation 7 of the paper), needs the product of the matrix d^2 L_train/(da dw)
with a vector v = dL_val(w')/dw'. The paper takes a difference quotient; this engine takes it exactly, as the gradient
of the number <dL_train/dw, v>. At the end the strongest operation of each edge stays, and the derived network is
trained anew.

Source: H. Liu, K. Simonyan, Y. Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tinygrad_cv import nn, optim
from tinygrad_cv.autograd import grad, no_grad
from tinygrad_cv.nn import functional as F
from tinygrad_cv.nn.blocks import DepthwiseSeparable
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.tensors import Tensor
from tinygrad_cv.tensors.creation import zeros

Genotype = tuple[str, ...]
"""The operation of each edge, in the order (0, 2), (1, 2), (0, 3), (1, 3), (2, 3), ..."""


class Zero(nn.Module):
    """No connection: zeros."""

    def forward(self, x: Any) -> Any:
        """Zeros of the same size."""
        return x * 0


def _conv(channels: int, kernel: int) -> nn.Module:
    conv = nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(channels))


OPERATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda c: Zero(),
    "skip_connect": lambda c: nn.Identity(),
    "avg_pool_3x3": lambda c: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    "max_pool_3x3": lambda c: nn.MaxPool2d(3, 1, 1),
    "sep_conv_3x3": lambda c: DepthwiseSeparable(c, c, 3),
    "conv_3x3": lambda c: _conv(c, 3),
}
"""The candidates, by the paper's names."""


def edges(nodes: int) -> list[tuple[int, int]]:
    """Return (from, to) of all edges of a cell with two inputs, 0 and 1, and ``nodes`` inner nodes."""
    return [(i, j) for j in range(2, 2 + nodes) for i in range(j)]


class Cell(nn.Module):
    """Nodes that add up what comes over their edges; the inner nodes' maps, side by side, are mixed by a 1x1 filter.

    Parameters
    ----------
    channels : of every node.
    nodes : inner nodes.
    genotype : the operation of each edge; None builds all of them, to be mixed.
    """

    def __init__(self, channels: int, nodes: int = 2, genotype: Genotype | None = None) -> None:
        super().__init__()
        self.nodes, self.genotype, self.edges = nodes, genotype, edges(nodes)
        if genotype is not None and (len(genotype) != len(self.edges) or set(genotype) - set(OPERATIONS)):
            raise ArgumentError(
                f"Cell: the genotype {genotype} is not for {nodes} nodes; give {len(self.edges)} of "
                f"{', '.join(OPERATIONS)}"
            )
        choices = [list(OPERATIONS)] * len(self.edges) if genotype is None else [[name] for name in genotype]
        self.operations = nn.ModuleList(
            [nn.ModuleList([OPERATIONS[name](channels) for name in names]) for names in choices]
        )
        self.join = nn.Sequential(
            nn.Conv2d(nodes * channels, channels, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
        )

    def forward(self, a: Any, b: Any, weights: Any = None) -> Any:
        """Two maps (N, C, H, W) to one; ``weights`` (edges, operations) mix the candidates."""
        states = [a, b]
        for j in range(2, 2 + self.nodes):
            total = None
            for e, (source, target) in enumerate(self.edges):
                if target != j:
                    continue
                y = None
                for k, operation in enumerate(self.operations[e]):
                    part = operation(states[source])
                    part = part if weights is None else part * weights[e, k]
                    y = part if y is None else y + part
                total = y if total is None else total + y
            states.append(total)
        return self.join(F.cat(states[2:], 1))


class SearchNetwork(nn.Module):
    """A 3x3 convolution, cells with a pooling between them, global average pooling, one affine layer.

    Parameters
    ----------
    channels, cells, nodes : sizes; all cells have the same architecture.
    genotype : the operations; None lets all candidates run, mixed by softmax(`alpha`).
    """

    def __init__(
        self,
        num_classes: int = 10,
        in_channels: int = 1,
        channels: int = 8,
        cells: int = 2,
        nodes: int = 2,
        genotype: Genotype | None = None,
    ) -> None:
        super().__init__()
        self.genotype = genotype
        self.stem = nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.cells = nn.ModuleList([Cell(channels, nodes, genotype) for _ in range(cells)])
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(channels, num_classes)
        if genotype is None:
            self.alpha = nn.Parameter(zeros(len(edges(nodes)), len(OPERATIONS)))

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        weights = None if self.genotype is not None else F.softmax(self.alpha, -1)
        a = b = self.stem(x)
        for i, cell in enumerate(self.cells):
            if i:
                a, b = self.pool(a), self.pool(b)
            a, b = b, cell(a, b, weights)
        return self.fc(F.mean(b, (2, 3)))

    def weights(self) -> list[nn.Parameter]:
        """The parameters that are not the architecture."""
        return [p for name, p in self.named_parameters() if name != "alpha"]

    def strongest(self) -> Genotype:
        """Return the strongest operation of each edge, 'none' left out of the competition as in the paper."""
        names = list(OPERATIONS)
        values = self.alpha.detach().numpy().copy()
        values[:, names.index("none")] = -float("inf")
        return tuple(names[k] for k in values.argmax(1))


def architecture_gradient(
    net: SearchNetwork,
    train: tuple[Any, Any],
    valid: tuple[Any, Any],
    xi: float,
    criterion: Callable[[Any, Any], Any] = F.cross_entropy,
) -> Any:
    """Return the gradient of L_val(w - xi dL_train(w, a)/dw, a) with respect to a, exactly.

    d/da = dL_val(w', a)/da - xi d/da <dL_train(w, a)/dw, v>, v = dL_val(w', a)/dw' held fixed (equation 7). xi = 0 is
    the first-order form, which takes w as if it were at its optimum.
    """
    weights = net.weights()
    if xi == 0:
        return grad(criterion(net(valid[0]), valid[1]), [net.alpha])[0]
    before = [p._data.copy() for p in weights]
    steps = grad(criterion(net(train[0]), train[1]), weights)
    with no_grad():
        for p, g in zip(weights, steps):
            p.sub_(g * xi)
    ahead = grad(criterion(net(valid[0]), valid[1]), [net.alpha, *weights])
    with no_grad():
        for p, data in zip(weights, before):
            p.copy_(Tensor(data))
    first = grad(criterion(net(train[0]), train[1]), weights, create_graph=True)
    inner = sum((g * v).sum() for g, v in zip(first, ahead[1:]))
    return ahead[0] - grad(inner, [net.alpha])[0] * xi


@dataclass
class SearchResult:
    """What a search found: the genotype, and the mixture after each epoch."""

    genotype: Genotype
    history: list[Any] = field(default_factory=list)


def search(
    net: SearchNetwork,
    train_batches: Sequence[tuple[Any, Any]],
    valid_batches: Sequence[tuple[Any, Any]],
    epochs: int = 10,
    lr: float = 0.025,
    alpha_lr: float = 3e-3,
    second_order: bool = True,
) -> SearchResult:
    """Search by turns: a step of Adam on the architecture, a step of SGD with momentum on the weights.

    Parameters
    ----------
    train_batches, valid_batches : the two halves of the training images, (images, labels) each.
    lr : of the weights, and xi of the second-order step.
    alpha_lr : of the architecture (Adam with betas 0.5 and 0.999, weight decay 1e-3, as in the paper).
    second_order : see `architecture_gradient`.
    """
    if net.genotype is not None:
        raise ArgumentError("search: the network has a genotype already; build it with genotype=None")
    step_w = optim.SGD(net.weights(), lr=lr, momentum=0.9, weight_decay=3e-4)
    step_a = optim.Adam([net.alpha], lr=alpha_lr, betas=(0.5, 0.999), weight_decay=1e-3)
    result = SearchResult(())
    net.train()
    for _ in range(epochs):
        for i, batch in enumerate(train_batches):
            valid = valid_batches[i % len(valid_batches)]
            net.alpha.grad = architecture_gradient(net, batch, valid, lr if second_order else 0.0)
            step_a.step()
            step_w.zero_grad()
            F.cross_entropy(net(batch[0]), batch[1]).backward()
            step_w.step()
        result.history.append(F.softmax(net.alpha.detach(), -1).numpy().copy())
    result.genotype = net.strongest()
    return result
