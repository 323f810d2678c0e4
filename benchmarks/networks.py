"""The networks of the training-step benchmark, written once for both libraries: ``nn`` is either's module room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def lenet(nn: Any) -> Any:
    """LeNet-5 as drawn in the notes: sigmoid and average pooling."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, 2),
        nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2, 2), nn.Flatten(),
        nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10),
    )  # fmt: skip


def simple_cnn(nn: Any) -> Any:
    """The SimpleCNN of the notes."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def cifar_cnn(nn: Any) -> Any:
    """The CIFAR network of the notes: 94,666 parameters."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4096, 10),
    )  # fmt: skip


def _block(nn: Any) -> Any:
    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, inside: int, out: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inside, out, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(out)
            self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(out)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if stride != 1 or inside != out:
                self.downsample = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))

        def forward(self, x: Any) -> Any:
            y = self.relu(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            y += x if self.downsample is None else self.downsample(x)
            return self.relu(y)

    return Block


def _resnet(nn: Any, stem: list[Any], widths: tuple[int, ...], blocks: int, classes: int) -> Any:
    block, layers, inside = _block(nn), list(stem), widths[0]
    for i, width in enumerate(widths):
        for j in range(blocks):
            layers.append(block(inside, width, 2 if i and not j else 1))
            inside = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, classes))


def resnet20(nn: Any) -> Any:
    """ResNet-20 for 32x32 (He et al. 2016, section 4.2, with projection shortcuts)."""
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    return _resnet(nn, stem, (16, 32, 64), 3, 10)


def resnet18_cifar(nn: Any) -> Any:
    """ResNet-18 for 32x32: a 3x3 stem without pooling."""
    stem = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
    return _resnet(nn, stem, (64, 128, 256, 512), 2, 10)


def resnet18(nn: Any) -> Any:
    """ResNet-18 for 224x224."""
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    return _resnet(nn, stem, (64, 128, 256, 512), 2, 1000)


def vgg11_bn(nn: Any) -> Any:
    """VGG-11 with batch norm for 32x32."""
    layers: list[Any] = []
    inside = 3
    for width in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        if width == 0:
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(inside, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            inside = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


def alexnet(nn: Any) -> Any:
    """AlexNet for 224x224."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2), nn.Flatten(),
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(inplace=True), nn.Dropout(), nn.Linear(4096, 4096),
        nn.ReLU(inplace=True), nn.Linear(4096, 1000),
    )  # fmt: skip


NETWORKS: dict[str, tuple[Callable[[Any], Any], tuple[int, int, int, int], int]] = {
    "LeNet": (lenet, (64, 1, 28, 28), 10),
    "SimpleCNN": (simple_cnn, (64, 1, 28, 28), 10),
    "CIFAR CNN": (cifar_cnn, (64, 3, 32, 32), 10),
    "ResNet-20": (resnet20, (128, 3, 32, 32), 10),
    "ResNet-18 32x32": (resnet18_cifar, (64, 3, 32, 32), 10),
    "VGG-11-BN 32x32": (vgg11_bn, (64, 3, 32, 32), 10),
    "AlexNet": (alexnet, (8, 3, 224, 224), 1000),
    "ResNet-18 224x224": (resnet18, (8, 3, 224, 224), 1000),
}
"""name: (builder, the batch of the training step, classes)"""
