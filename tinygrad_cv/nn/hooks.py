"""What runs around a module's forward pass when somebody asked for it: hooks, and the module's path.

A backward hook needs to know when all gradients of a module's inputs (or outputs) have arrived. The reverse pass visits
nodes in falling order of creation, so two rows of do-nothing nodes around the module suffice: the row created later is
visited first and collects, the row created earlier is visited when everything has been collected, and hands on what the
hooks made of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..autograd.mode import MODE
from ..autograd.observe import PATH
from ..ops.errors import ArgumentError, TinygradError
from ..ops.shape import Permute
from ..tensors import Handle, Tensor

if TYPE_CHECKING:
    from .module import Module


class Entry(NamedTuple):
    """A registered hook with its options."""

    hook: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False


class Hooks:
    """The hooks of one module, in the order in which they are called."""

    def __init__(self) -> None:
        self.before: list[Entry] = []
        self.after: list[Entry] = []
        self.backward_before: list[Entry] = []
        self.backward: list[Entry] = []
        self.state_before: list[Callable[..., Any]] = []
        self.state_after: list[Callable[..., Any]] = []
        self.load_before: list[Callable[..., Any]] = []
        self.load_after: list[Callable[..., Any]] = []


class Hookable:
    """How hooks are hung on a module. `Module` is the only heir."""

    _hooks: Hooks | None = None

    def _hook(self, row: str, entry: Any, prepend: bool = False) -> Handle:
        if self._hooks is None:
            self.__dict__["_hooks"] = Hooks()
        entries = getattr(self._hooks, row)
        handle = Handle(entries, entry)
        if prepend:
            entries.insert(0, entries.pop())
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call ``hook(module, args)`` before forward; what it returns, if not None, takes the place of the arguments.

        With ``with_kwargs`` it is ``hook(module, args, kwargs)``, which returns None or (args, kwargs).
        """
        return self._hook("before", Entry(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> Handle:
        """Call ``hook(module, args, output)`` after forward; what it returns, if not None, takes the output's place.

        With ``with_kwargs`` it is ``hook(module, args, kwargs, output)``. ``always_call``: also when something raised.
        """
        return self._hook("after", Entry(hook, with_kwargs, always_call), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are known; it may return others."""
        return self._hook("backward_before", Entry(hook), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the positional inputs are known.

        What it returns, if not None, takes the place of ``grad_input``. Inputs that need no gradient have None.
        """
        return self._hook("backward", Entry(hook), prepend)

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, prefix, keep_vars)`` before ``state_dict`` reads the module."""
        return self._hook("state_before", hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, state_dict, prefix, metadata)`` when the module has been read; it may change the dict."""
        return self._hook("state_after", hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, state_dict, prefix, metadata, strict, missing, unexpected, errors)`` before loading.

        It may change the dict (a copy of the user's), to rename what an older version wrote; the lists are empty.
        """
        return self._hook("load_before", hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call ``hook(module, incompatible_keys)`` after loading; it may take names off the two lists."""
        return self._hook("load_after", hook)


class _Running(threading.local):
    modules: tuple[Any, ...] = ()


RUNNING = _Running()
"""The modules that are running in this thread while somebody observes, outermost first."""


def name_within(parent: Module, child: Module) -> str | None:
    """Return the name by which a module knows another one below it."""
    for name, module in parent._modules.items():
        if module is child:
            return name
    return next((name for name, module in parent.named_modules() if module is child and name), None)


def add_path(error: TinygradError, module: Module) -> None:
    """Let an error that leaves ``module`` say where it comes from: each parent puts the name of its child in front."""
    child = error.__dict__.get("module")
    if child is not None:
        name = name_within(module, child)
        if name is not None:
            error.path = f"{name}.{error.path}" if error.path else name
    error.__dict__["module"] = module


def observed(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a module while observers are on: keep the dotted path of what is running."""
    outer, names = RUNNING.modules, PATH.names
    name = name_within(outer[-1], module) if outer else None
    RUNNING.modules = (*outer, module)
    if name is not None:
        PATH.names = (*names, *name.split("."))
    try:
        return hooked(module, args, kwargs) if module._hooks is not None else module.forward(*args, **kwargs)
    finally:
        RUNNING.modules, PATH.names = outer, names


def hooked(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a module with its hooks."""
    hooks = module._hooks
    assert hooks is not None
    called: list[Entry] = []
    result: Any = None
    try:
        for entry in list(hooks.before):
            args, kwargs = _before(module, entry, args, kwargs)
        watch = _Backward(module, hooks) if hooks.backward or hooks.backward_before else None
        if watch is not None:
            args = watch.inputs(args)
        result = module.forward(*args, **kwargs)
        for entry in list(hooks.after):
            called.append(entry)
            result = _after(module, entry, args, kwargs, result)
        return result if watch is None else watch.outputs(result)
    except Exception:
        for entry in list(hooks.after):
            if entry.always_call and all(entry is not other for other in called):
                _after(module, entry, args, kwargs, result)
        raise


def _before(
    module: Module, entry: Entry, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not entry.with_kwargs:
        changed = entry.hook(module, args)
        return (args if changed is None else changed if isinstance(changed, tuple) else (changed,)), kwargs
    changed = entry.hook(module, args, kwargs)
    if changed is None:
        return args, kwargs
    if not isinstance(changed, tuple) or len(changed) != 2:
        raise ArgumentError(
            f"forward pre-hook: with_kwargs=True expects (args, kwargs) or None, it returned {type(changed).__name__}"
        )
    return changed


def _after(module: Module, entry: Entry, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
    changed = entry.hook(module, args, kwargs, result) if entry.with_kwargs else entry.hook(module, args, result)
    return result if changed is None else changed


def _pass(x: Tensor) -> Tensor:
    """Return the same memory behind a new node."""
    y: Tensor = Permute(tuple(range(x.ndim)))(x)
    return y


class _Backward:
    """One forward pass of a module whose backward hooks wait for the gradients."""

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module, self.hooks = module, hooks
        self.grad_input: list[Any] = []
        self.grad_output: list[Any] = []
        self.waits_for_input = False
        self.called_before = self.called = False

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Send the positional arguments that need a gradient through two rows of nodes."""
        row = list(args)
        self.grad_input = [None] * len(row)
        self.waits_for_input = self._rows(row, self.grad_input, self._call)
        return tuple(row)

    def outputs(self, result: Any) -> Any:
        """Send the outputs through two rows of nodes."""
        single = not isinstance(result, (tuple, list))
        row = [result] if single else list(result)
        self.grad_output = [None] * len(row)
        self._rows(row, self.grad_output, self._call_before)
        return row[0] if single else type(result)(row)

    def _rows(self, values: list[Any], gradients: list[Any], call: Callable[[], None]) -> bool:
        """Put two nodes behind each value that has a graph; tell whether there was one."""
        places = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v.requires_grad and MODE.enabled]
        for i in places:
            values[i] = _pass(values[i])
            values[i].register_hook(self._handing_on(gradients, i, call))
        for i in places:
            values[i] = _pass(values[i])
            values[i].register_hook(self._collecting(gradients, i))
        return bool(places)

    def _collecting(self, gradients: list[Any], i: int) -> Callable[[Tensor], None]:
        def hook(g: Tensor) -> None:
            gradients[i] = g
            if gradients is self.grad_output:
                self.called_before = self.called = False

        return hook

    def _handing_on(self, gradients: list[Any], i: int, call: Callable[[], None]) -> Callable[[Tensor], Any]:
        def hook(g: Tensor) -> Any:
            call()
            return gradients[i]

        return hook

    def _call_before(self) -> None:
        if self.called_before:
            return
        self.called_before = True
        self.grad_input[:] = [None] * len(self.grad_input)
        for entry in list(self.hooks.backward_before):
            changed = entry.hook(self.module, tuple(self.grad_output))
            if changed is not None:
                self.grad_output[:] = self._checked("backward pre-hook", changed, len(self.grad_output))
        if not self.waits_for_input:
            self._call()

    def _call(self) -> None:
        if self.called:
            return
        self.called = True
        for entry in list(self.hooks.backward):
            changed = entry.hook(self.module, tuple(self.grad_input), tuple(self.grad_output))
            if changed is not None:
                self.grad_input[:] = self._checked("backward hook", changed, len(self.grad_input))

    def _checked(self, what: str, changed: Any, count: int) -> tuple[Any, ...]:
        given = changed if isinstance(changed, tuple) else (changed,)
        if len(given) != count:
            raise ArgumentError(f"{what}: it returned {len(given)} gradients for {count}; return one for each, or None")
        return given
