"""The notes' LeNet-5, as its author wrote it for PyTorch: only the imports are ours.

The text beside it says that the second convolution gives 6 maps of 10 x 10; the code, and the paper, give 16.
"""

from __future__ import annotations

import tinygrad_cv as torch
from tinygrad_cv import nn

net = nn.Sequential(
    nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(),
    nn.AvgPool2d(kernel_size=2, stride=2),
    nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(),
    nn.AvgPool2d(kernel_size=2, stride=2),
    nn.Flatten(),
    nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(),
    nn.Linear(120, 84), nn.Sigmoid(),
    nn.Linear(84, 10))

if __name__ == "__main__":
    X = torch.rand(1, 1, 28, 28)
    for layer in net:
        X = layer(X)
        print(f"{layer.__class__.__name__:<10} output shape: {tuple(X.shape)}")
    print(sum(p.numel() for p in net.parameters()), "parameters")
