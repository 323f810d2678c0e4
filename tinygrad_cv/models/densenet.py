"""DenseNet: within a block, every layer sees the maps of all layers before it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tinygrad_cv import nn
from tinygrad_cv.models.network import Network
from tinygrad_cv.models.registry import register_model
from tinygrad_cv.nn import functional as F
from tinygrad_cv.nn.state import Result
from tinygrad_cv.ops.shape import flatten
from tinygrad_cv.utils.checkpoint import checkpoint


class DenseLayer(nn.Module):
    """Norm, ReLU, 1x1 to b k maps, norm, ReLU, 3x3 to k new maps.

    Parameters: 2 C + C b k + 2 b k + 9 b k^2.

    ``memory_efficient`` computes the first half again in the backward pass instead of keeping its values, whose size
    grows with the square of the block's depth (Pleiss et al., arXiv:1707.06990, 2017).
    """

    def __init__(
        self,
        num_input_features: int,
        growth_rate: int,
        bn_size: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        inner = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, inner, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(inner, growth_rate, 3, padding=1, bias=False)
        self.drop_rate, self.memory_efficient = float(drop_rate), memory_efficient

    def forward(self, maps: Sequence[Any]) -> Any:
        """Images (N, C_i, H, W), together C channels, to (N, k, H, W)."""
        narrow = checkpoint(self._narrow, *maps) if self.memory_efficient else self._narrow(*maps)
        new = self.conv2(self.relu2(self.norm2(narrow)))
        return F.dropout(new, self.drop_rate, self.training) if self.drop_rate else new

    def _narrow(self, *maps: Any) -> Any:
        return self.conv1(self.relu1(self.norm1(F.cat(maps, 1) if len(maps) > 1 else maps[0])))


class DenseBlock(nn.Module):
    """Layers ``denselayer1``, ``denselayer2``, ... that all add k maps to what they were given."""

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            width = num_input_features + i * growth_rate
            layer = DenseLayer(width, growth_rate, bn_size, drop_rate, memory_efficient)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x: Any) -> Any:
        """Images (N, C, H, W) to (N, C + k layers, H, W)."""
        maps = [x]
        for layer in self.children():
            maps.append(layer(maps))
        return F.cat(maps, 1)


class Transition(nn.Sequential):
    """Between two blocks: norm, ReLU, 1x1 to half of the maps, 2x2 average pooling."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, 1, bias=False)
        self.pool = nn.AvgPool2d(2, stride=2)


class DenseNet(Network):
    """A stem, four dense blocks with transitions between them, a norm, global average pooling, one affine layer.

    Parameters
    ----------
    growth_rate : k, the maps that a layer adds.
    block_config : layers in each block.
    num_init_features : channels of the stem.
    bn_size : b; the 1x1 convolution of a layer has b k maps.
    drop_rate : dropout behind each layer.
    memory_efficient : see `DenseLayer`.
    num_classes : K.
    in_channels, image_size : the images. Up to 64 pixels, the 7x7/2 stem with pooling is a plain 3x3 convolution.

    Source: G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, "Densely Connected Convolutional Networks", CVPR 2017.
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
        in_channels: int = 3,
        image_size: int = 224,
    ) -> None:
        super().__init__()
        small, cuts = image_size <= 64, len(block_config) - 1
        self._sizes(in_channels, image_size, 2**cuts if small else 4 * 2**cuts - 3)
        self.features = nn.Sequential()
        stem = (3, 1, 1) if small else (7, 2, 3)
        self.features.add_module("conv0", nn.Conv2d(in_channels, num_init_features, *stem, bias=False))
        self.features.add_module("norm0", nn.BatchNorm2d(num_init_features))
        self.features.add_module("relu0", nn.ReLU(inplace=True))
        self.features.add_module("pool0", nn.Identity() if small else nn.MaxPool2d(3, stride=2, padding=1))
        width = num_init_features
        for i, layers in enumerate(block_config, 1):
            block = DenseBlock(layers, width, bn_size, growth_rate, drop_rate, memory_efficient)
            self.features.add_module(f"denseblock{i}", block)
            width += layers * growth_rate
            if i <= cuts:
                self.features.add_module(f"transition{i}", Transition(width, width // 2))
                width //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.constant_(module.bias, 0)

    def forward(self, x: Any) -> Any:
        """Scores (N, K) of images (N, C, H, W)."""
        x = F.relu(self.features(x), inplace=True)
        return self.classifier(flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1))

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Result:
        """As `Module.load_state_dict`; also takes the names of torchvision's older files, ``norm.1`` for ``norm1``."""
        if isinstance(state_dict, Mapping):
            old = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(?=[12]\.)")
            state_dict = {old.sub(r"\1", name): value for name, value in state_dict.items()}
        return super().load_state_dict(state_dict, strict, assign)


@register_model()
def densenet121(**kwargs: Any) -> DenseNet:
    """DenseNet-121: 7,978,856 parameters."""
    return DenseNet(32, (6, 12, 24, 16), 64, **kwargs)


@register_model()
def densenet161(**kwargs: Any) -> DenseNet:
    """DenseNet-161: 28,681,000 parameters."""
    return DenseNet(48, (6, 12, 36, 24), 96, **kwargs)


@register_model()
def densenet169(**kwargs: Any) -> DenseNet:
    """DenseNet-169: 14,149,480 parameters."""
    return DenseNet(32, (6, 12, 32, 32), 64, **kwargs)


@register_model()
def densenet201(**kwargs: Any) -> DenseNet:
    """DenseNet-201: 20,013,928 parameters."""
    return DenseNet(32, (6, 12, 48, 32), 64, **kwargs)
