"""The notes' network for handwritten digits, as its author wrote it for PyTorch: only the imports are ours.

The author's comment on the last layer says "probabilities"; they are scores (logits). The softmax comes with the loss.
"""

from __future__ import annotations

import tinygrad_cv as torch
import tinygrad_cv.nn as nn
import tinygrad_cv.nn.functional as F


class SimpleCNN(nn.Module):
    def __init__(self):
        super(SimpleCNN, self).__init__()  # noqa: UP008
        self.conv1 = nn.Conv2d(in_channels=1, out_channels=6, kernel_size=5)
        self.conv2 = nn.Conv2d(in_channels=6, out_channels=16, kernel_size=5)
        self.fc1 = nn.Linear(in_features=16*4*4, out_features=120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))           # [batch, 6, 24, 24]
        show(x)
        x = F.max_pool2d(x, kernel_size=2)  # [batch, 6, 12, 12]
        show(x)
        x = F.relu(self.conv2(x))           # [batch, 16, 8, 8]
        show(x)
        x = F.max_pool2d(x, kernel_size=2)  # [batch, 16, 4, 4]
        show(x)
        x = torch.flatten(x, 1)             # [batch, 256]
        show(x)
        x = F.relu(self.fc1(x))             # [batch, 120]
        show(x)
        x = F.relu(self.fc2(x))             # [batch, 84]
        show(x)
        x = self.fc3(x)                     # [batch, 10]
        show(x)
        return x


def show(x):
    """Print the shape that the comment beside the line states."""
    print(["batch", *x.shape[1:]])


if __name__ == "__main__":
    net = SimpleCNN()
    net(torch.zeros(2, 1, 28, 28))
    print(sum(p.numel() for p in net.parameters()), "parameters")
