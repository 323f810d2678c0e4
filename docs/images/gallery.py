"""Draw the pictures of the gallery: python3 docs/images/gallery.py (a minute; a small network is trained first)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import tinygrad_cv as torch
import tinygrad_cv.nn as nn
import tinygrad_cv.nn.functional as F
from tinygrad_cv import explain, models, optim, viz
from tinygrad_cv.datasets import Digits

HERE = Path(__file__).parent


class Small(nn.Module):
    """Two convolutions with a global pooling, so that class activation maps exist."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 5, padding=2), nn.Conv2d(32, 32, 3, padding=1)
        self.conv3, self.fc = nn.Conv2d(32, 48, 3, padding=1), nn.Linear(48, 10)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(32), nn.BatchNorm2d(32), nn.BatchNorm2d(48)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (N, 10) of images (N, 1, 28, 28)."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.relu(self.bn3(self.conv3(F.relu(self.bn2(self.conv2(x))))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def digits(train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 1, 28, 28) from 0 to 1, and their classes."""
    found = Digits(train=train, size=28)
    return found.data[:, None].astype(np.float32) / 255, np.asarray(found.targets)


def trained() -> tuple[Small, np.ndarray]:
    """The network after some epochs on the digits, and its first filters before."""
    torch.manual_seed(0)
    net = Small()
    before = net.conv1.weight.detach().numpy().copy()
    optimizer = optim.Adam(net.parameters(), lr=3e-3)
    images, labels = digits(train=True)
    rng = np.random.default_rng(0)
    for epoch in range(8):
        for batch in np.array_split(rng.permutation(len(images)), len(images) // 64):
            loss = F.cross_entropy(net(torch.tensor(images[batch])), torch.tensor(labels[batch]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch}: loss {loss.item():.3f}", flush=True)
    return net.eval(), before


def save(name: str, svg: str) -> None:
    """Write one picture and say how large it is."""
    (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"{name}.svg: {len(svg.encode()) / 1000:.0f} kB", flush=True)


def graphs() -> None:
    """Graphs with the reverse pass, folded, and as a reverse pass walks them."""
    lenet = models.get_model("lenet5")
    drawing = viz.draw_graph(lenet, np.random.default_rng(0).random((8, 1, 28, 28), np.float32), backward=True,
                             show=("values", "gradients"), loss=lambda y: F.cross_entropy(y, torch.arange(8)),
                             title="LeNet-5, forward and back")  # fmt: skip
    save("gallery_backward", drawing.pipe("svg", engine="layered", encoding="utf-8"))
    folded = viz.draw_graph(models.get_model("resnet50"), (1, 3, 64, 64), title="ResNet-50, folded")
    save("gallery_resnet50", folded.pipe("svg", engine="layered", encoding="utf-8"))
    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    c = a * b
    y = c.relu() * c + a
    y.backward(retain_graph=True)
    small = viz.make_dot(y, {"a": a, "b": b}, backward=True, values=True, title="relu(a b) a b + a")
    save("gallery_fan_out", small.pipe("svg", engine="layered", encoding="utf-8"))


def networks() -> None:
    """What the trained network has learned."""
    net, before = trained()
    images, labels = digits(train=False)
    chosen = np.array([int(np.flatnonzero(labels == k)[0]) for k in (7, 3, 8, 0)])
    x = images[chosen]
    maps = {
        "Grad-CAM": explain.grad_cam(net, x), "saliency": explain.saliency(net, x),
        "SmoothGrad": explain.smooth_grad(net, x, generator=torch.Generator().manual_seed(0)),
        "integrated gradients": explain.integrated_gradients(net, x),
        "guided back-propagation": explain.guided_backprop(net, x), "occlusion": explain.occlusion(net, x),
    }  # fmt: skip
    words = [str(labels[i]) for i in chosen]
    save("gallery_explanations", explain.overlay(x, maps, columns=2, captions=words, zoom=2,
         title="Where the evidence for the class lies").svg)  # fmt: skip
    after = net.conv1.weight.detach().numpy()
    save("gallery_filters", viz.filters(before, after, zoom=6, title="32 first-layer filters").svg)
    fields = explain.receptive_fields(net, x[:1])
    title = "What one unit of each layer sees"
    save("gallery_fields", explain.draw_fields(fields, x[0], at=(0.35, 0.55), title=title).svg)
    save("gallery_embedding", explain.draw_embedding(explain.embed(net, images), labels).svg)
    curves = explain.shift_response(net, images[:32], layers=["conv1", "MaxPool2d", "conv3", "AdaptiveAvgPool2d", "fc"])
    save("gallery_shifts", explain.shift_curves(curves).svg)
    said = net(torch.tensor(images)).detach().numpy().argmax(1)
    print(f"{(said == labels).mean():.2%} of the held-out digits")
    save("gallery_confusion", viz.confusion(viz.count_confusions(labels, said, 10)).svg)
    pyramid = ("conv1", "bn1", "MaxPool2d", "conv2", "conv3", "bn3")
    save("gallery_pyramid", explain.feature_pyramid(net, x[0], layers=pyramid).svg)


if __name__ == "__main__":
    graphs()
    for name in ("stride", "max_pool", "relu_fit"):
        save(f"gallery_{name}", explain.lesson(name).svg)
    networks()
