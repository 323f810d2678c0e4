"""Networks with names: build one with `get_model`, see them all with `list_models`, add yours with `register_model`.

Examples
--------
>>> from tinygrad_cv import models
>>> net = models.get_model("lenet5")
>>> sum(p.numel() for p in net.parameters())
61706
"""

from __future__ import annotations

from tinygrad_cv.models.alexnet import AlexNet, AlexNet2012, alexnet, alexnet_2012
from tinygrad_cv.models.lenet import LeNet5, lenet, lenet5
from tinygrad_cv.models.registry import (
    closest,
    get_model,
    get_model_builder,
    input_size,
    list_models,
    register_model,
)
from tinygrad_cv.models.resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
    resnext101_32x8d,
    wide_resnet50_2,
    wide_resnet101_2,
)
from tinygrad_cv.models.resnet_cifar import (
    CifarResNet,
    preact_resnet20,
    resnet20,
    resnet32,
    resnet44,
    resnet56,
    resnet110,
)
from tinygrad_cv.models.simple_cnn import SimpleCNN, simple_cnn
from tinygrad_cv.models.simple_convnet import SimpleConvNet, simple_convnet
from tinygrad_cv.models.softmax_regression import SoftmaxRegression, softmax_regression
from tinygrad_cv.models.two_layer import TwoLayerNet, two_layer_net
from tinygrad_cv.models.vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn

__all__ = [
    "AlexNet",
    "AlexNet2012",
    "BasicBlock",
    "Bottleneck",
    "CifarResNet",
    "LeNet5",
    "ResNet",
    "SimpleCNN",
    "SimpleConvNet",
    "SoftmaxRegression",
    "TwoLayerNet",
    "VGG",
    "alexnet",
    "alexnet_2012",
    "closest",
    "get_model",
    "get_model_builder",
    "input_size",
    "lenet",
    "lenet5",
    "list_models",
    "preact_resnet20",
    "register_model",
    "resnet101",
    "resnet110",
    "resnet152",
    "resnet18",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet50",
    "resnet56",
    "resnext101_32x8d",
    "resnext50_32x4d",
    "simple_cnn",
    "simple_convnet",
    "softmax_regression",
    "two_layer_net",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "wide_resnet101_2",
    "wide_resnet50_2",
]
