"""Draw the picture of the README: python3 docs/images/draw.py, after a change to how graphs look."""

from __future__ import annotations

from pathlib import Path

import tinygrad_cv as torch
import tinygrad_cv.nn as nn
import tinygrad_cv.nn.functional as F
from tinygrad_cv import viz


class LeNet(nn.Module):
    """The network of the README."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (N, 10) of images (N, 1, 28, 28)."""
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


def picture() -> str:
    """One training step of it on 32 images, as SVG."""
    net = LeNet()
    loss = F.cross_entropy(net(torch.zeros(32, 1, 28, 28)), torch.zeros(32, dtype=torch.int64))
    drawing = viz.make_dot(loss, params=dict(net.named_parameters()), title="LeNet, one training step")
    return drawing.pipe("svg", engine="layered", encoding="utf-8")


if __name__ == "__main__":
    Path(__file__).with_name("lenet.svg").write_text(picture(), encoding="utf-8")
