"""Module: a function with parameters, made of smaller ones.

Three tables say what an attribute is: ``_parameters``, ``_buffers`` and ``_modules``. The value itself also stands in
the instance's ``__dict__``, so that ``self.weight`` costs an ordinary lookup; ``__setattr__`` and ``__delattr__`` keep
the two together. How to walk through modules, parameters and buffers stands in `tree`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..autograd.fusion import FUSION, settle
from ..autograd.observe import OBSERVERS
from ..ops.errors import ArgumentError, DTypeError, TinygradError
from ..tensors import Tensor
from . import state
from .hooks import Hookable, add_path, hooked, observed
from .parameter import Buffer, Parameter, is_lazy, overwrite
from .tree import Tree

M = TypeVar("M", bound="Module")


def _no_forward(self: Module, *args: Any, **kwargs: Any) -> Any:
    raise ArgumentError(f"{type(self).__name__}: it has no forward method; write one that returns the output")


class Module(Tree, Hookable):
    """Base of all layers and networks: assign parameters and modules as attributes, and write ``forward``.

    Attributes
    ----------
    training : whether layers such as dropout and batch norm behave as in training; see ``train`` and ``eval``.

    Examples
    --------
    >>> import tinygrad_cv as torch
    >>> import tinygrad_cv.nn as nn
    >>> class Scale(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = nn.Parameter(torch.ones(1))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> [name for name, p in Scale().named_parameters()]
    ['factor']
    """

    training: bool
    forward: Callable[..., Any] = _no_forward
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _temporary: set[str]
    _optional: ClassVar[frozenset[str]] = frozenset()  # entries that a state may lack, for states written long ago

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        # Here rather than in __init__: a subclass that forgets super().__init__() works nevertheless.
        self = super().__new__(cls)
        self.__dict__.update(training=True, _parameters={}, _buffers={}, _modules={}, _temporary=set())
        return self

    def __init__(self) -> None:
        pass

    # --- calling ----------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        FUSION.depth += 1
        try:
            if OBSERVERS:
                y = observed(self, args, kwargs)
            elif self._hooks is not None:
                y = hooked(self, args, kwargs)
            else:
                y = self.forward(*args, **kwargs)
        except TinygradError as error:
            add_path(error, self)
            raise
        finally:
            FUSION.depth -= 1
        if FUSION.waiting and not FUSION.depth:
            settle()
        return y

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # --- attributes -------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            self._make_room(name, self._parameters)
            self.register_parameter(name, value)
        elif isinstance(value, Module) and name not in self._parameters:
            self._make_room(name, self._modules)
            self.register_module(name, value)
        elif isinstance(value, Buffer) and name not in self._parameters:
            self._make_room(name, self._buffers)
            self.register_buffer(name, value, value.persistent)
        else:
            tables: list[tuple[dict[str, Any], str]]
            tables = [(self._parameters, "parameter"), (self._modules, "module"), (self._buffers, "buffer")]
            for table, kind in tables:
                if name in table:
                    if value is not None and not (kind == "buffer" and isinstance(value, Tensor)):
                        raise DTypeError(
                            f"{type(self).__name__}: {name} is a {kind} and cannot become a {type(value).__name__}; "
                            f"assign a {kind} or None, or delete the attribute first"
                        )
                    table[name] = value
            self.__dict__[name] = value

    def __delattr__(self, name: str) -> None:
        for table in (self._parameters, self._buffers, self._modules):
            table.pop(name, None)
        self._temporary.discard(name)
        if name not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        del self.__dict__[name]

    def _make_room(self, name: str, table: dict[str, Any]) -> None:
        """Forget what stood under a name that now goes into ``table``."""
        if name not in table:
            for other in (self._parameters, self._buffers, self._modules, self.__dict__):
                other.pop(name, None)

    def _register(self, table: dict[str, Any], what: str, name: str, value: Any) -> None:
        if not isinstance(name, str) or not name or "." in name:
            raise ArgumentError(f"register_{what}: the name is {name!r}; give a word without a dot")
        if name not in table and (name in self.__dict__ or hasattr(type(self), name)):
            has = f"{type(self).__name__} has a {name!r} already"
            raise ArgumentError(f"register_{what}: {has}; choose another name, or delete that first")
        table[name] = self.__dict__[name] = value

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """List a parameter under ``name``; None keeps the place without a parameter."""
        if param is not None and not isinstance(param, Parameter):
            raise DTypeError(f"register_parameter: {name} is a {type(param).__name__}; give a Parameter or None")
        if param is not None and param._node is not None:
            raise ArgumentError(f"register_parameter: {name} was made by an operation; write Parameter(x.detach())")
        self._register(self._parameters, "parameter", name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """List a tensor that belongs to the state but is not learned; in ``state_dict`` only if persistent."""
        if tensor is not None and not isinstance(tensor, Tensor):
            raise DTypeError(f"register_buffer: {name} is a {type(tensor).__name__}; give a Tensor or None")
        self._register(self._buffers, "buffer", name, tensor)
        (self._temporary.discard if persistent else self._temporary.add)(name)

    def register_module(self, name: str, module: Module | None) -> None:
        """List a module under ``name``."""
        if module is not None and not isinstance(module, Module):
            raise DTypeError(f"register_module: {name} is a {type(module).__name__}; give a Module or None")
        self._register(self._modules, "module", name, module)

    add_module = register_module

    # --- state ------------------------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return the parameters and persistent buffers by dotted name; the tensors share the module's memory.

        ``keep_vars`` returns the parameters themselves instead of detached tensors.
        """
        out = {} if destination is None else destination
        hooks = self._hooks
        for hook in () if hooks is None else hooks.state_before:
            hook(self, prefix, keep_vars)
        for name, value in [*self._parameters.items(), *self._buffers.items()]:
            if value is not None and name not in self._temporary:
                out[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=out, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        if type(self).get_extra_state is not Module.get_extra_state:
            out[f"{prefix}_extra_state"] = self.get_extra_state()
        for hook in () if hooks is None else hooks.state_after:
            hook(self, out, prefix, {})
        return out

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> state.Result:
        """Copy values (tensors or arrays, of any framework) into the parameters and buffers of the same names.

        Parameters
        ----------
        strict : refuse when a name is missing or unexpected. Other shapes are always refused.
        assign : put the values in place of the tensors instead of copying into them.

        Returns
        -------
        ``missing_keys`` and ``unexpected_keys``.

        Raises
        ------
        TinygradError
            With a report of what fits, is missing, unexpected, or of another shape; nothing is changed then.
        """
        return state.load(self, state_dict, strict, assign)

    def get_extra_state(self) -> Any:
        """Override to let ``state_dict`` carry something besides tensors, under the name '_extra_state'."""

    def set_extra_state(self, state: Any) -> None:
        """Override to take back what ``get_extra_state`` returned."""

    # --- changing everything below ----------------------------------------------------------------------------------

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call ``fn`` on every module, children first."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self: M, mode: bool = True) -> M:
        """Let every module behave as in training, or not."""
        if not isinstance(mode, bool):
            raise ArgumentError(f"train: mode is {mode!r}; give True or False")
        for module in self.modules():
            module.__dict__["training"] = mode
        return self

    def eval(self: M) -> M:
        """Let every module behave as in use: ``train(False)``."""
        return self.train(False)

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Let the parameters learn, or keep them fixed."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zeros."""
        for p in self.parameters():
            if p.grad is not None and not set_to_none:
                p.grad = p.grad if p.grad._node is None else p.grad.detach()
                overwrite(p.grad, 0)
            else:
                p.grad = None

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Cast the floating-point parameters and buffers in place; the only device is 'cpu'."""
        probe = Tensor(np.zeros((), np.float32)).to(*args, **kwargs)  # reads the arguments as a tensor would
        asked = any(isinstance(a, Tensor) or (a is not None and not isinstance(a, (bool, str))) for a in args)
        asked = (
            asked
            or kwargs.get("dtype") is not None
            or any(isinstance(a, str) and a.split(":")[0] != "cpu" for a in args)
        )
        if not asked:
            return self
        if probe.dtype.kind != "f":
            raise DTypeError(f"to: parameters cannot have dtype {probe.dtype}; give a floating-point dtype")
        return self._cast(probe.dtype)

    def _cast(self: M, dtype: Any) -> M:
        for t in [*self.parameters(), *self.buffers()]:
            if t._data.dtype.kind == "f":
                with np.errstate(invalid="ignore", over="ignore"):  # NaN stays NaN, and what is too large is infinite
                    t._data = t._data.astype(dtype, copy=False)
                if t.grad is not None:
                    t.grad = t.grad.to(dtype)
        return self

    def float(self: M) -> M:
        """Cast to float32."""
        return self._cast(np.float32)

    def double(self: M) -> M:
        """Cast to float64."""
        return self._cast(np.float64)

    def half(self: M) -> M:
        """Cast to float16."""
        return self._cast(np.float16)

    def type(self: M, dst_type: Any) -> M:
        """Cast to ``dst_type``, as `to` does."""
        return self.to(dst_type)

    def cpu(self: M) -> M:
        """Return itself: everything is on the CPU."""
        return self

    def cuda(self: M, device: Any = None) -> M:
        """Refuse: there is no such device here."""
        raise ArgumentError(
            f"cuda: {type(self).__name__} can only be on the device 'cpu'; leave the call out, or write .to('cpu')"
        )

    # --- printing ---------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Override to say in the printed form what the module is set to."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {_indented(repr(module))}" for name, module in self._modules.items()]
        if len(lines) == 1 and not children:
            return f"{self._get_name()}({extra})"
        if not lines and not children:
            return f"{self._get_name()}()"
        body = "\n  ".join(lines + children)
        return f"{self._get_name()}(\n  {body}\n)"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
