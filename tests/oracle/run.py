"""Running a drawn call in one of the libraries: the same arguments, layouts, parameters and modes in both."""

from __future__ import annotations

import inspect
import warnings
from importlib import import_module
from typing import Any

import numpy as np

import tinygrad_cv.nn.functional  # noqa: F401
from tests.oracle.draws import Arg, Call, Layer

TOLERANCE = {"float64": 1e-7, "float32": 2e-4, "float16": 4e-2}


def resolve(library: Any, path: str) -> Any:
    """Return the function at 'name', 'F.name' or 'Tensor.name'."""
    if path.startswith("F."):
        library, path = library.nn.functional, path[2:]
    for part in path.split("."):
        library = getattr(library, part)
    return library


def own_copy(a: np.ndarray) -> np.ndarray:
    """Return a copy with the same strides: what one library writes in place, the other does not see."""
    span = 1 + sum((n - 1) * s for n, s in zip(a.shape, a.strides)) // a.itemsize if a.size else 1
    y = np.lib.stride_tricks.as_strided(np.zeros(span, a.dtype), a.shape, a.strides)
    y[...] = a
    return y


def convert(value: Any, library: str, leaves: list[Any]) -> Any:
    """Return an argument for a library; tensors that want gradients are also put into ``leaves``."""
    if isinstance(value, Arg):
        t: Any = import_module(library).from_numpy(own_copy(value.array))
        if value.grad and value.array.dtype.kind == "f":
            t.requires_grad_()
            leaves.append(t)
        return t
    if isinstance(value, (list, tuple)):
        return type(value)(convert(v, library, leaves) for v in value)
    if isinstance(value, dict):
        return type(value)((k, convert(v, library, leaves)) for k, v in value.items())
    if isinstance(value, np.dtype):
        return getattr(import_module(library), value.name) if library == "torch" else value
    if isinstance(value, Call):
        return build(value, library, leaves)
    return value


def build(call: Call, library: str, leaves: list[Any]) -> Any:
    """Convert the arguments of a call, and call."""
    home = import_module(library)
    return resolve(home, call.path)(*convert(call.args, library, leaves), **convert(call.kwargs, library, leaves))


def text_of(module: Any) -> str:
    """Return the printed form, with our names for dtypes."""
    text = repr(module).replace("torch.DoubleTensor", "float64").replace("torch.FloatTensor", "float32")
    return text.replace("torch.", "")


def use(layer: Layer, library: str, leaves: list[Any]) -> list[Any]:
    """Build a layer, give it drawn values, call it, and return all that can be seen of it, before and after."""
    home: Any = import_module(library)
    try:
        module = build(layer, library, [])
    except Exception as error:
        error.__dict__["building"] = True
        raise
    seen: list[Any] = [text_of(module)]
    if layer.path.startswith("nn.Lazy"):
        seen.append([module.has_uninitialized_params(), list(module.state_dict())])
        module(*convert(layer.passes[0], library, []))
        seen.append(text_of(module))
    own = {k: getattr(module, k, None) for k in inspect.signature(type(module)).parameters if hasattr(module, k)}
    seen.append({k: v for k, v in own.items() if isinstance(v, (int, float, str, tuple, type(None)))})
    state = module.state_dict()
    seen.append([(name, tuple(t.shape), dtype_name(t)) for name, t in state.items()])
    numbers = np.random.default_rng(layer.seed)
    learned = {name for name, _ in module.named_parameters(remove_duplicate=False)}
    for name, t in state.items():
        values = numbers.uniform(-1.5 if name in learned else 0.3, 1.5, tuple(t.shape))
        state[name] = home.tensor(values * 4 if dtype_name(t) == "int64" else values, dtype=t.dtype)
    seen.append(str(module.load_state_dict(state)))
    outputs = []
    for mode, args in zip(layer.modes, layer.passes):
        outputs.append(module.train(mode)(*convert(args, library, leaves)))
    leaves += [p for p in module.parameters() if p.requires_grad]
    return [*seen, *outputs, *(t.detach() for t in module.state_dict().values())]


def run(call: Call, library: str) -> tuple[Any, list[Any], Exception | None]:
    """Return (result, leaves, error)."""
    leaves: list[Any] = []
    home = import_module(library)
    before = home.get_default_dtype()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if library == "torch" else "error")
            if not isinstance(call, Layer):
                return build(call, library, leaves), leaves, None
            home.set_default_dtype(home.float64)
            return use(call, library, leaves), leaves, None
    except Exception as error:
        return None, leaves, error
    finally:
        home.set_default_dtype(before)


def flat(result: Any) -> list[Any]:
    """Return the results of a call one after the other."""
    if isinstance(result, (list, tuple)):
        return [r for part in result for r in flat(part)]
    return [result]


def dtype_name(t: Any) -> str:
    return str(t.dtype).removeprefix("torch.")
