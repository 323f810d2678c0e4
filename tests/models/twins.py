"""torchvision's networks once more, as plain functions of a state and images in PyTorch: what ours must agree with.

Each function reads the weights by torchvision's key names, so a wrong key, stride or order of layers shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


class Twin:
    """A state, and whether norms use the statistics of the batch."""

    def __init__(self, state: dict[str, Tensor], training: bool) -> None:
        self.state, self.training = state, training

    def conv(self, x: Tensor, name: str, stride: int = 1, padding: int | None = None, groups: int = 1) -> Tensor:
        w = self.state[f"{name}.weight"]
        padding = w.shape[2] // 2 if padding is None else padding
        return F.conv2d(x, w, self.state.get(f"{name}.bias"), stride, padding, groups=groups)

    def norm(self, x: Tensor, name: str, eps: float = 1e-5) -> Tensor:
        s = self.state
        mean, var = s[f"{name}.running_mean"].clone(), s[f"{name}.running_var"].clone()
        return F.batch_norm(x, mean, var, s[f"{name}.weight"], s[f"{name}.bias"], self.training, 0.1, eps)

    def linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def conv_norm(self, x: Tensor, name: str, act: Any = F.relu, stride: int = 1, depthwise: bool = False) -> Tensor:
        groups = x.shape[1] if depthwise else 1
        return act(self.norm(self.conv(x, f"{name}.0", stride, groups=groups), f"{name}.1"))

    def has(self, name: str) -> bool:
        return any(key.startswith(f"{name}.") for key in self.state)


def same(x: Tensor) -> Tensor:
    return x


def mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def alexnet(t: Twin, x: Tensor) -> Tensor:
    x = F.max_pool2d(F.relu(t.conv(x, "features.0", 4, 2)), 3, 2)
    x = F.max_pool2d(F.relu(t.conv(x, "features.3")), 3, 2)
    for i in (6, 8, 10):
        x = F.relu(t.conv(x, f"features.{i}"))
    x = F.adaptive_avg_pool2d(F.max_pool2d(x, 3, 2), 6).flatten(1)
    return t.linear(F.relu(t.linear(F.relu(t.linear(x, "classifier.1")), "classifier.4")), "classifier.6")


def vgg(t: Twin, x: Tensor, rows: tuple[int, ...], batch_norm: bool) -> Tensor:
    at = 0
    for convolutions in rows:
        for _ in range(convolutions):
            x = t.conv(x, f"features.{at}")
            if batch_norm:
                x = t.norm(x, f"features.{at + 1}")
            x = F.relu(x)
            at += 3 if batch_norm else 2
        x = F.max_pool2d(x, 2)
        at += 1
    x = F.adaptive_avg_pool2d(x, 7).flatten(1)
    return t.linear(F.relu(t.linear(F.relu(t.linear(x, "classifier.0")), "classifier.3")), "classifier.6")


def resnet(t: Twin, x: Tensor, groups: int = 1) -> Tensor:
    x = F.max_pool2d(F.relu(t.norm(t.conv(x, "conv1", 2), "bn1")), 3, 2, 1)
    for stage in range(1, 5):
        block = 0
        while t.has(f"layer{stage}.{block}"):
            p, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            short = x
            if t.has(f"{p}.downsample"):
                short = t.norm(t.conv(x, f"{p}.downsample.0", stride), f"{p}.downsample.1")
            if t.has(f"{p}.conv3"):
                y = F.relu(t.norm(t.conv(x, f"{p}.conv1"), f"{p}.bn1"))
                y = F.relu(t.norm(t.conv(y, f"{p}.conv2", stride, groups=groups), f"{p}.bn2"))
                y = t.norm(t.conv(y, f"{p}.conv3"), f"{p}.bn3")
            else:
                y = F.relu(t.norm(t.conv(x, f"{p}.conv1", stride), f"{p}.bn1"))
                y = t.norm(t.conv(y, f"{p}.conv2"), f"{p}.bn2")
            x = F.relu(y + short)
            block += 1
    return t.linear(mean(x), "fc")


def googlenet(t: Twin, x: Tensor) -> Tensor:
    def basic(x: Tensor, name: str, stride: int = 1) -> Tensor:
        return F.relu(t.norm(t.conv(x, f"{name}.conv", stride), f"{name}.bn", 0.001))

    def inception(x: Tensor, name: str) -> Tensor:
        p = f"inception{name}"
        two = basic(basic(x, f"{p}.branch2.0"), f"{p}.branch2.1")
        three = basic(basic(x, f"{p}.branch3.0"), f"{p}.branch3.1")
        four = basic(F.max_pool2d(x, 3, 1, 1, ceil_mode=True), f"{p}.branch4.1")
        return torch.cat([basic(x, f"{p}.branch1"), two, three, four], 1)

    x = F.max_pool2d(basic(x, "conv1", 2), 3, 2, ceil_mode=True)
    x = F.max_pool2d(basic(basic(x, "conv2"), "conv3"), 3, 2, ceil_mode=True)
    x = F.max_pool2d(inception(inception(x, "3a"), "3b"), 3, 2, ceil_mode=True)
    heads = []
    for name in ("4a", "4b", "4c", "4d", "4e"):
        x = inception(x, name)
        if name in ("4a", "4d") and t.training:
            head = "aux1" if name == "4a" else "aux2"
            y = basic(F.adaptive_avg_pool2d(x, 4), f"{head}.conv").flatten(1)
            heads.append(t.linear(F.relu(t.linear(y, f"{head}.fc1")), f"{head}.fc2"))
    x = inception(inception(F.max_pool2d(x, 2, 2, ceil_mode=True), "5a"), "5b")
    return torch.cat([t.linear(mean(x), "fc"), *reversed(heads)], 1)


def mobilenet_v2(t: Twin, x: Tensor) -> Tensor:
    x = t.conv_norm(x, "features.0", F.relu6, 2)
    rows = [(1, 1, 1), (6, 2, 2), (6, 3, 2), (6, 4, 2), (6, 3, 1), (6, 3, 2), (6, 1, 1)]
    at = 0
    for expansion, count, first in rows:
        for i in range(count):
            at += 1
            p, stride, y, n = f"features.{at}.conv", first if i == 0 else 1, x, 0
            if expansion > 1:
                y, n = t.conv_norm(y, f"{p}.0", F.relu6), 1
            y = t.conv_norm(y, f"{p}.{n}", F.relu6, stride, depthwise=True)
            y = t.norm(t.conv(y, f"{p}.{n + 1}"), f"{p}.{n + 2}")
            x = x + y if stride == 1 and x.shape == y.shape else y
    return t.linear(mean(t.conv_norm(x, "features.18", F.relu6)), "classifier.1")


def efficientnet(t: Twin, x: Tensor) -> Tensor:
    x = t.conv_norm(x, "features.0", F.silu, 2)
    for stage, first in enumerate((1, 2, 2, 2, 1, 2, 1), 1):
        block = 0
        while t.has(f"features.{stage}.{block}"):
            p, stride, y, n = f"features.{stage}.{block}.block", first if block == 0 else 1, x, 0
            if stage > 1:
                y, n = t.conv_norm(y, f"{p}.0", F.silu), 1
            y = t.conv_norm(y, f"{p}.{n}", F.silu, stride, depthwise=True)
            s = F.silu(t.conv(y.mean((2, 3), keepdim=True), f"{p}.{n + 1}.fc1"))
            y = y * torch.sigmoid(t.conv(s, f"{p}.{n + 1}.fc2"))
            y = t.conv_norm(y, f"{p}.{n + 2}", same)
            x = x + y if stride == 1 and x.shape == y.shape else y
            block += 1
    return t.linear(mean(t.conv_norm(x, "features.8", F.silu)), "classifier.1")


def squeezenet(t: Twin, x: Tensor, pools: tuple[int, ...], last: int) -> Tensor:
    x = F.relu(t.conv(x, "features.0", 2, 0))
    for i in range(2, last + 1):
        if i in pools:
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        else:
            x = F.relu(t.conv(x, f"features.{i}.squeeze"))
            one, three = t.conv(x, f"features.{i}.expand1x1"), t.conv(x, f"features.{i}.expand3x3")
            x = torch.cat([F.relu(one), F.relu(three)], 1)
    return mean(F.relu(t.conv(x, "classifier.1")))


def densenet(t: Twin, x: Tensor, blocks: tuple[int, ...] = (6, 12, 24, 16)) -> Tensor:
    x = F.max_pool2d(F.relu(t.norm(t.conv(x, "features.conv0", 2), "features.norm0")), 3, 2, 1)
    for b, layers in enumerate(blocks, 1):
        for i in range(1, layers + 1):
            p = f"features.denseblock{b}.denselayer{i}"
            y = t.conv(F.relu(t.norm(x, f"{p}.norm1")), f"{p}.conv1")
            x = torch.cat([x, t.conv(F.relu(t.norm(y, f"{p}.norm2")), f"{p}.conv2")], 1)
        if b < len(blocks):
            p = f"features.transition{b}"
            x = F.avg_pool2d(t.conv(F.relu(t.norm(x, f"{p}.norm")), f"{p}.conv"), 2)
    return t.linear(mean(F.relu(t.norm(x, "features.norm5"))), "classifier")


TWINS: dict[str, Callable[[Twin, Tensor], Tensor]] = {
    "alexnet": alexnet,
    "vgg11": lambda t, x: vgg(t, x, (1, 1, 2, 2, 2), False),
    "vgg16_bn": lambda t, x: vgg(t, x, (2, 2, 3, 3, 3), True),
    "resnet18": resnet,
    "resnet50": resnet,
    "resnext50_32x4d": lambda t, x: resnet(t, x, 32),
    "wide_resnet50_2": resnet,
    "googlenet": googlenet,
    "mobilenet_v2": mobilenet_v2,
    "efficientnet_b0": efficientnet,
    "efficientnet_b4": efficientnet,
    "squeezenet1_0": lambda t, x: squeezenet(t, x, (2, 6, 11), 12),
    "squeezenet1_1": lambda t, x: squeezenet(t, x, (2, 5, 8), 12),
    "densenet121": densenet,
}
