"""Networks with names: build one with `get_model`, see them all with `list_models`, add yours with `register_model`.

Examples
--------
>>> from tinygrad_cv import models
>>> net = models.get_model("lenet5")
>>> sum(p.numel() for p in net.parameters())
61706
"""

from __future__ import annotations

from tinygrad_cv.models.lenet import LeNet5, lenet, lenet5
from tinygrad_cv.models.registry import (
    closest,
    get_model,
    get_model_builder,
    input_size,
    list_models,
    register_model,
)
from tinygrad_cv.models.simple_cnn import SimpleCNN, simple_cnn
from tinygrad_cv.models.simple_convnet import SimpleConvNet, simple_convnet
from tinygrad_cv.models.softmax_regression import SoftmaxRegression, softmax_regression
from tinygrad_cv.models.two_layer import TwoLayerNet, two_layer_net

__all__ = [
    "LeNet5",
    "SimpleCNN",
    "SimpleConvNet",
    "SoftmaxRegression",
    "TwoLayerNet",
    "closest",
    "get_model",
    "get_model_builder",
    "input_size",
    "lenet",
    "lenet5",
    "list_models",
    "register_model",
    "simple_cnn",
    "simple_convnet",
    "softmax_regression",
    "two_layer_net",
]
