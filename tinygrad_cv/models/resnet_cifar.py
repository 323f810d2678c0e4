"""Residual networks for 32 x 32 images: depth 6n + 2, with the shortcut as the paper has it or as a projection.

The paper's shortcut (option A) costs nothing: it takes every second pixel and fills new channels with zeros.
"""

from __future__ import annotations

from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.ops.errors import ArgumentError
from tinygrad_cv.ops.index import getitem
from tinygrad_cv.ops.shape import Pad, flatten


class PaddedShortcut(nn.Module):
    """Every ``stride``-th pixel, and zeros for the channels that x does not have (He et al. 2016, option A)."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.stride, self.more = stride, outside - inside

    def forward(self, x: Any) -> Any:
        """Images (N, C_in, H, W) to (N, C, H/stride, W/stride)."""
        step = slice(None, None, self.stride)
        x = getitem(x, (slice(None), slice(None), step, step))
        return Pad((0, self.more // 2, 0, 0), (0, self.more - self.more // 2, 0, 0))(x)

    def extra_repr(self) -> str:
        """The settings that ``print`` shows."""
        return f"stride={self.stride}, more_channels={self.more}"


class CifarBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut; norm and ReLU behind the convolutions, or before them (pre-activation)."""

    def __init__(self, inside: int, outside: int, stride: int, shortcut: str, preact: bool) -> None:
        super().__init__()
        self.preact = preact
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inside if preact else outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=False)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            if shortcut == "A":
                self.shortcut = PaddedShortcut(inside, outside, stride)
            else:
                projection = nn.Conv2d(inside, outside, 1, stride, bias=False)
                self.shortcut = projection if preact else nn.Sequential(projection, nn.BatchNorm2d(outside))

    def forward(self, x: Any) -> Any:
        """Images (N, C_in, H, W) to (N, C, H/stride, W/stride)."""
        if self.preact:
            pre = self.relu(self.bn1(x))
            identity = x if isinstance(self.shortcut, nn.Identity) else self.shortcut(pre)
            return self.conv2(self.relu(self.bn2(self.conv1(pre)))) + identity
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class CifarResNet(Network):
    """A 3x3 convolution, three stages of n blocks with 16, 32, 64 channels, global average pooling, one affine layer.

    Parameters
    ----------
    depth : 6n + 2.
    shortcut : "A" (padded, no parameters) or "B" (projection).
    preact : norm and ReLU before the convolutions (He et al., "Identity Mappings in Deep Residual Networks", 2016).

    Source: He et al. 2016 (CVPR), section 4.2.
    """

    def __init__(
        self, depth: int, num_classes: int = 10, in_channels: int = 3, shortcut: str = "A", preact: bool = False,
        image_size: int = 32,
    ) -> None:  # fmt: skip
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            below = max(8, depth - (depth - 2) % 6)
            raise ArgumentError(f"CifarResNet: depth is {depth}, which is not 6n + 2; give {below} or {below + 6}")
        if shortcut not in ("A", "B"):
            raise ArgumentError(f"CifarResNet: shortcut is {shortcut!r}; give 'A' (padded) or 'B' (projection)")
        self._sizes(in_channels, image_size)
        n = (depth - 2) // 6
        self.preact = preact
        self.conv1 = nn.Conv2d(in_channels, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64 if preact else 16)
        self.relu = nn.ReLU(inplace=False)
        inside = 16
        for i, width in enumerate((16, 32, 64)):
            blocks = [CifarBlock(inside, width, 1 if i == 0 else 2, shortcut, preact)]
            blocks += [CifarBlock(width, width, 1, shortcut, preact) for _ in range(n - 1)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
            inside = width
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        x = self.conv1(x)
        if not self.preact:
            x = self.relu(self.bn1(x))
        x = self.layer3(self.layer2(self.layer1(x)))
        if self.preact:
            x = self.relu(self.bn1(x))
        return self.fc(flatten(self.avgpool(x), 1))


@register_model()
def resnet20(**kwargs: Any) -> CifarResNet:
    """ResNet-20 for 32 x 32: 269,722 parameters."""
    return CifarResNet(20, **kwargs)


@register_model()
def resnet32(**kwargs: Any) -> CifarResNet:
    """ResNet-32 for 32 x 32: 464,154 parameters."""
    return CifarResNet(32, **kwargs)


@register_model()
def resnet44(**kwargs: Any) -> CifarResNet:
    """ResNet-44 for 32 x 32: 658,586 parameters."""
    return CifarResNet(44, **kwargs)


@register_model()
def resnet56(**kwargs: Any) -> CifarResNet:
    """ResNet-56 for 32 x 32: 853,018 parameters."""
    return CifarResNet(56, **kwargs)


@register_model()
def resnet110(**kwargs: Any) -> CifarResNet:
    """ResNet-110 for 32 x 32: 1,727,962 parameters."""
    return CifarResNet(110, **kwargs)


@register_model()
def preact_resnet20(**kwargs: Any) -> CifarResNet:
    """Pre-activation ResNet-20 for 32 x 32: 269,722 parameters."""
    return CifarResNet(20, preact=True, **kwargs)
