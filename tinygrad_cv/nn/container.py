"""Modules that hold modules: in sequence, in a list, under names; and lists of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Union, overload

from ..ops.errors import ArgumentError, DimError
from ..tensors import Tensor
from .module import Module, _indented
from .parameter import Parameter

Entries = Union[Mapping[str, Any], Iterable[tuple[str, Any]], "_Named"]


class _Numbered(Module):
    """Children named '0', '1', ... : what Sequential and ModuleList share."""

    def _place(self, index: int, room: int = 0) -> int:
        n = len(self)
        if not -n <= index < n + room:
            raise DimError(
                f"{type(self).__name__}: index {index} for {n} modules; give a number from {-n} to {n + room - 1}"
            )
        return index + n if index < 0 else index

    def _renumber(self, modules: Iterable[Module]) -> None:
        kept = list(modules)
        for name in list(self._modules):
            delattr(self, name)
        for i, module in enumerate(kept):
            self.register_module(str(i), module)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._of(list(self._modules.items())[index])
        return list(self._modules.values())[self._place(index)]

    def _of(self, items: list[tuple[str, Any]]) -> Any:
        kind: Any = type(self)
        return kind([module for _, module in items])

    def __setitem__(self, index: int, module: Module) -> None:
        self.register_module(list(self._modules)[self._place(index)], module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        for name in names[index] if isinstance(index, slice) else [names[self._place(index)]]:
            delattr(self, name)
        self._renumber(self)

    def append(self, module: Module) -> Any:
        """Add a module at the end, and return the container."""
        self.register_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end, and return the container."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before the one at ``index``, and return the container."""
        modules = list(self)
        modules.insert(self._place(index, 1), module)
        self._renumber(modules)
        return self

    def pop(self, index: int = -1) -> Any:
        """Take a module out and return it."""
        module = self[index]
        del self[index]
        return module

    def __iadd__(self, other: Iterable[Module]) -> Any:
        return self.extend(other)

    def __add__(self, other: Iterable[Module]) -> Any:
        return type(self)().extend(self).extend(other)


class Sequential(_Numbered):
    """Modules in a row: each takes what the one before returned.

    Give the modules themselves, or one dict from names to modules.

    >>> import tinygrad_cv.nn as nn
    >>> nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    @overload
    def __init__(self, *modules: Module) -> None: ...
    @overload
    def __init__(self, modules: Mapping[str, Module], /) -> None: ...
    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self.register_module(name, module)
        else:
            for i, module in enumerate(modules):
                if not isinstance(module, Module):
                    kind = type(module).__name__
                    raise ArgumentError(f"Sequential: item {i} is a {kind}; give modules, as in Sequential(*layers)")
                self.register_module(str(i), module)

    def _of(self, items: list[tuple[str, Any]]) -> Any:
        return Sequential(dict(items))

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]
        return input

    def __mul__(self, times: int) -> Sequential:
        """Return a row that holds these modules several times over; they are shared, not copied."""
        if not isinstance(times, int) or times < 1:
            raise ArgumentError(f"Sequential: {times!r} times; give a number of at least 1")
        return Sequential(*self, *(module for _ in range(times - 1) for module in self))

    __rmul__ = __mul__


class ModuleList(_Numbered):
    """A list of modules that their owner knows of; it has no forward of its own."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def __repr__(self) -> str:
        """Print equal neighbours as one line: '(0-2): 3 x ReLU()'."""
        runs: list[tuple[int, int, str]] = []
        for i, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        lines = [f"({a}): {_indented(t)}" if a == b else f"({a}-{b}): {b - a + 1} x {_indented(t)}" for a, b, t in runs]
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)" if lines else f"{type(self).__name__}()"


class _Named(Module):
    """Entries under names, in the order in which they came: what ModuleDict and ParameterDict share."""

    def _entries(self) -> dict[str, Any]:
        raise TypeError(f"{type(self).__name__} defines no _entries")

    def __getitem__(self, key: str) -> Any:
        return self._entries()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        raise TypeError(f"{type(self).__name__} defines no __setitem__")

    def __delitem__(self, key: str) -> None:
        del self._entries()[key]
        del self.__dict__[key]

    def __len__(self) -> int:
        return len(self._entries())

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries())

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._entries())

    def __contains__(self, key: object) -> bool:
        return key in self._entries()

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._entries().keys()

    def values(self) -> Iterable[Any]:
        """Return the entries."""
        return self._entries().values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return names and entries."""
        return self._entries().items()

    def update(self, entries: Entries) -> None:
        """Add entries, replacing those of the same name."""
        for name, entry in entries.items() if isinstance(entries, (Mapping, _Named)) else entries:
            self[name] = entry

    def pop(self, key: str) -> Any:
        """Take an entry out and return it."""
        entry = self[key]
        del self[key]
        return entry

    def clear(self) -> None:
        """Take all entries out."""
        for key in list(self._entries()):
            del self[key]


class ModuleDict(_Named):
    """Modules under names, in the order in which they came.

    ``modules`` is a mapping, or pairs of name and module.
    """

    def __init__(self, modules: Entries | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def _entries(self) -> dict[str, Any]:
        return self._modules

    def __setitem__(self, key: str, value: Module) -> None:
        self.register_module(key, value)


class ParameterList(Module):
    """A list of parameters that their owner knows of; tensors become parameters.

    ``values`` are tensors or parameters.
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return ParameterList(list(self)[index])
        return list(self)[index]

    def __setitem__(self, index: int, value: Any) -> None:
        self.register_parameter(list(self._parameters)[index], _parameter(value))

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end, and return the list."""
        self.register_parameter(str(len(self)), _parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add parameters at the end, and return the list."""
        for value in list(values):
            self.append(value)
        return self

    def extra_repr(self) -> str:
        return "\n".join(f"  ({i}): {_described(p)}" for i, p in enumerate(self))


class ParameterDict(_Named):
    """Parameters under names, in the order in which they came; tensors become parameters."""

    def __init__(self, parameters: Entries | None = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def _entries(self) -> dict[str, Any]:
        return self._parameters

    def __setitem__(self, key: str, value: Any) -> None:
        self.register_parameter(key, _parameter(value))

    def get(self, key: str, default: Any = None) -> Any:
        """Return the parameter of a name, or ``default``."""
        return self._parameters.get(key, default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the parameter of a name, after ``default`` was put there if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def popitem(self) -> tuple[str, Any]:
        """Take the last parameter out and return its name and itself."""
        key = next(reversed(self))
        return key, self.pop(key)

    def copy(self) -> ParameterDict:
        """Return another dict of the same parameters."""
        return ParameterDict(self.items())

    def __or__(self, other: Entries) -> ParameterDict:
        both = self.copy()
        both.update(other)
        return both

    def __ior__(self, other: Entries) -> ParameterDict:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        return "\n".join(f"  ({name}): {_described(p)}" for name, p in self.items())


def _parameter(value: Any) -> Parameter:
    if not isinstance(value, Tensor):
        raise ArgumentError(f"ParameterList: a {type(value).__name__} was given; give Parameters or Tensors")
    return value if isinstance(value, Parameter) else Parameter(value.detach())


def _described(p: Any) -> str:
    return f"Parameter containing: [{p.dtype} of size {'x'.join(map(str, p.shape))}]"
