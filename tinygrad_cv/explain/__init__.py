"""See inside a network: what a unit looks at, what a decision rests on, and how the reverse pass finds its way.

Everything is read from one recorded forward pass, so it holds for modules, for functional calls, for modules that run
twice and for operations that write in place.
"""

from __future__ import annotations

from tinygrad_cv.explain.class_maps import cam, grad_cam, grad_cam_plus_plus
from tinygrad_cv.explain.convolution import ConvPlan, conv_plan, explain_conv
from tinygrad_cv.explain.embedding import draw_embedding, embed, principal_components
from tinygrad_cv.explain.field_picture import draw_fields
from tinygrad_cv.explain.filters import classical_filters, nearest_classical
from tinygrad_cv.explain.lessons import lesson, lessons
from tinygrad_cv.explain.overlay import overlay
from tinygrad_cv.explain.pixel_maps import (
    gradient,
    guided_backprop,
    integrated_gradients,
    occlusion,
    saliency,
    smooth_grad,
)
from tinygrad_cv.explain.pyramid import feature_pyramid
from tinygrad_cv.explain.receptive_field import receptive_fields
from tinygrad_cv.explain.recording import record
from tinygrad_cv.explain.shifts import shift_curves, shift_response
from tinygrad_cv.explain.stepper import backward_steps, compare_orders, naive_steps
from tinygrad_cv.explain.stepper_page import page
from tinygrad_cv.explain.units import maximize

__all__ = [
    "ConvPlan", "backward_steps", "cam", "classical_filters", "compare_orders", "conv_plan", "draw_embedding",
    "draw_fields", "embed", "explain_conv", "feature_pyramid", "grad_cam", "grad_cam_plus_plus", "gradient",
    "guided_backprop", "integrated_gradients", "lesson", "lessons", "maximize", "naive_steps", "nearest_classical",
    "occlusion", "overlay", "page", "principal_components", "receptive_fields", "record", "saliency", "shift_curves",
    "shift_response", "smooth_grad",
]  # fmt: skip
