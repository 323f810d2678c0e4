"""The engine: recording, the reverse pass, modes and observers."""

from __future__ import annotations

from . import functional as functional
from . import graph as graph
from .anomaly import detect_anomaly as detect_anomaly
from .anomaly import set_detect_anomaly as set_detect_anomaly
from .anomaly import tracing as tracing
from .anomaly import why_no_grad as why_no_grad
from .differentiate import backward as backward
from .differentiate import grad as grad
from .function import Function as Function
from .function import once_differentiable as once_differentiable
from .graph import saved_tensors_hooks as saved_tensors_hooks
from .mode import enable_grad as enable_grad
from .mode import inference_mode as inference_mode
from .mode import is_grad_enabled as is_grad_enabled
from .mode import is_inference_mode_enabled as is_inference_mode_enabled
from .mode import no_grad as no_grad
from .mode import set_grad_enabled as set_grad_enabled
from .node import Node as Node
from .observe import Observer as Observer
from .observe import observing as observing
