"""Networks with names: build one with `get_model`, see them all with `list_models`, add yours with `register_model`.

Examples
--------
>>> from tinygrad_cv import models
>>> net = models.get_model("lenet5")
>>> sum(p.numel() for p in net.parameters())
61706
"""

from __future__ import annotations

from tinygrad_cv.models.airbench import Airbench, airbench
from tinygrad_cv.models.alexnet import AlexNet, AlexNet2012, alexnet, alexnet_2012
from tinygrad_cv.models.cifar_cnn import CifarCNN, cifar_cnn
from tinygrad_cv.models.densenet import DenseNet, densenet121, densenet161, densenet169, densenet201
from tinygrad_cv.models.efficientnet import (
    EfficientNet,
    efficientnet_b0,
    efficientnet_b1,
    efficientnet_b2,
    efficientnet_b3,
    efficientnet_b4,
)
from tinygrad_cv.models.ghostnet import GhostNet, ghostnet
from tinygrad_cv.models.googlenet import GoogLeNet, GoogLeNetOutputs, InceptionAux, googlenet
from tinygrad_cv.models.hog_softmax import HOGSoftmax, hog_softmax
from tinygrad_cv.models.lenet import LeNet5, lenet, lenet5
from tinygrad_cv.models.mobilenet_v2 import MobileNetV2, mobilenet_v2
from tinygrad_cv.models.nin import NiN, nin
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
from tinygrad_cv.models.se_resnet import SEResNet, se_resnet18, se_resnet34, se_resnet50
from tinygrad_cv.models.simple_cnn import SimpleCNN, simple_cnn
from tinygrad_cv.models.simple_convnet import SimpleConvNet, simple_convnet
from tinygrad_cv.models.softmax_regression import SoftmaxRegression, softmax_regression
from tinygrad_cv.models.squeezenet import SqueezeNet, squeezenet1_0, squeezenet1_1
from tinygrad_cv.models.two_layer import TwoLayerNet, two_layer_net
from tinygrad_cv.models.vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn

__all__ = [
    "Airbench",
    "AlexNet",
    "AlexNet2012",
    "BasicBlock",
    "Bottleneck",
    "CifarCNN",
    "CifarResNet",
    "DenseNet",
    "EfficientNet",
    "GhostNet",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "HOGSoftmax",
    "InceptionAux",
    "LeNet5",
    "MobileNetV2",
    "NiN",
    "ResNet",
    "SEResNet",
    "SimpleCNN",
    "SimpleConvNet",
    "SoftmaxRegression",
    "SqueezeNet",
    "TwoLayerNet",
    "VGG",
    "airbench",
    "alexnet",
    "alexnet_2012",
    "cifar_cnn",
    "closest",
    "densenet121",
    "densenet161",
    "densenet169",
    "densenet201",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_b3",
    "efficientnet_b4",
    "get_model",
    "get_model_builder",
    "ghostnet",
    "googlenet",
    "hog_softmax",
    "input_size",
    "lenet",
    "lenet5",
    "list_models",
    "mobilenet_v2",
    "nin",
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
    "se_resnet18",
    "se_resnet34",
    "se_resnet50",
    "simple_cnn",
    "simple_convnet",
    "softmax_regression",
    "squeezenet1_0",
    "squeezenet1_1",
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
