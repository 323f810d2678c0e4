"""Numba's knowledge, as much as kernels need: a target of its own for numba to compile for.

Before numba compiles anything it loads all that it could compile: linear algebra (and scipy with it, where there is
one), random numbers, dictionaries, dates. And for every ``i + 1`` it asks, one after the other, whether a list, a set,
a date or an array may be meant. Numba lets others define targets beside the CPU; this one is the CPU, which knows
numbers, tuples and arrays. Should anything be missed, all of it is loaded after all.

It also keeps what numba asks for again and again: LeNet's first step with an empty cache asks 3,700 times for the
types of 400 kinds of calls, 1,300 times whether anything new has been defined, and LLVM 800 times for the sizes of 40
types.
"""

# mypy: disable-error-code="misc, no-untyped-call, no-any-return, attr-defined, untyped-decorator"
from __future__ import annotations

import operator
from collections.abc import Callable
from functools import cached_property
from types import BuiltinFunctionType
from typing import Any

from numba.core import fastmathpass, imputils, types, utils
from numba.core.cpu import CPUContext
from numba.core.decorators import jit
from numba.core.registry import CPUDispatcher, CPUTarget
from numba.core.target_extension import CPU, dispatcher_registry, jit_registry, target_override, target_registry
from numba.core.typing import templates
from numba.core.typing.context import Context

NAME = "tinygrad_cv"


_LOWERED, _TYPED = imputils.Registry(NAME), templates.Registry()


@_LOWERED.lower(operator.floordiv, types.int64, types.int64)
def _floor(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Emit a // b, 0 where b is 0; numba's own asks for -2**63 // -1 too, in 45 lines and six branches."""
    nothing, quotient, rest = _divided(builder, *args)
    down = builder.zext(_differ(builder, rest, args[1]), rest.type)
    return builder.select(nothing, rest.type(0), builder.sub(quotient, down))


@_LOWERED.lower(operator.mod, types.int64, types.int64)
def _modulo(context: Any, builder: Any, sig: Any, args: Any) -> Any:
    """Emit a % b, 0 where b is 0."""
    _, _, rest = _divided(builder, *args)
    return builder.select(_differ(builder, rest, args[1]), builder.add(rest, args[1]), rest)


def _divided(builder: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    nothing = builder.icmp_signed("==", b, b.type(0))
    divisor = builder.select(nothing, b.type(1), b)
    return nothing, builder.sdiv(a, divisor), builder.srem(a, divisor)


def _differ(builder: Any, rest: Any, b: Any) -> Any:
    """Tell whether the rest has another sign than b: machines round towards zero, Python down."""
    zero = b.type(0)
    return builder.and_(builder.icmp_signed("!=", rest, zero), builder.icmp_signed("<", builder.xor(rest, b), zero))


def _choice(function: Callable[..., Any], wins: str) -> None:
    """Let ``function`` of two whole numbers be the first where it ``wins`` over the second; numba calls a function."""

    @_TYPED.register_global(function)
    class Template(templates.ConcreteTemplate):
        key = function
        metadata = {"target": NAME}
        cases = [templates.signature(types.int64, types.int64, types.int64)]
        exact_match_required = True

    @_LOWERED.lower(function, types.int64, types.int64)
    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.icmp_signed(wins, *args), *args)


_choice(min, "<=")
_choice(max, ">=")


class _Typing(Context):
    """Which types a call returns."""

    whole = utils.MACHINE_BITS == 32

    def init(self) -> None:
        self.known: dict[Any, Any] = {}
        self.seen: Any = None

    def load_additional_registries(self) -> None:
        if self.whole:
            return super().load_additional_registries()
        from numba.core.typing import mathdecl

        return self.install_registry(mathdecl.registry)

    def refresh(self) -> None:
        new = templates.builtin_registry
        now = self.whole, len(new.functions), len(new.attributes), len(new.globals)
        if now != self.seen:
            with target_override(NAME):  # else numba would file what is new under the CPU, and load all of that
                super().refresh()
                self.install_registry(_TYPED)
            self.seen = self.whole, len(new.functions), len(new.attributes), len(new.globals)

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        if kws or not isinstance(func, (types.Function, BuiltinFunctionType)):
            return super().resolve_function_type(func, args, kws)
        asked = id(func), args
        if asked not in self.known:
            self.known[asked] = func, super().resolve_function_type(func, args, kws)
        return self.known[asked][1]


class _Context(CPUContext):
    """How it is said in LLVM's words."""

    def init(self) -> None:
        self.sizes: dict[str, int] = {}
        self.seen: Any = None
        super().init()

    def load_additional_registries(self) -> None:
        if self.typing_context.whole:
            return super().load_additional_registries()
        from numba.cpython import builtins, iterators, mathimpl, numbers, rangeobj, slicing, tupleobj  # noqa: F401
        from numba.np import arrayobj  # noqa: F401

        return self.install_registry(mathimpl.registry)

    def refresh(self) -> None:
        if self._defined() != self.seen:
            super().refresh()
            self.install_registry(_LOWERED)
            self.seen = self._defined()
        else:
            self.typing_context.refresh()

    def _defined(self) -> tuple[Any, ...]:
        """How much there is to know; what defines an operation is filed under whichever heading comes first."""
        filed = {imputils.builtin_registry, *self._registries}
        return (
            self.typing_context.whole,
            sum(len(each.functions) for each in filed),
            *(len(held) for each in filed for held in (each.getattrs, each.setattrs, each.casts, each.constants)),
        )

    def post_lowering(self, mod: Any, library: Any) -> None:
        if self.typing_context.whole:
            super().post_lowering(mod, library)
        elif self.fastmath:
            fastmathpass.rewrite_module(mod, self.fastmath)

    def get_function(self, fn: Any, sig: Any, _firstcall: bool = True) -> Any:
        if fn == "__array__" and sig.args == (sig.return_type,):  # what would make an array of an array
            raise NotImplementedError
        return super().get_function(fn, sig, _firstcall)

    def get_abi_sizeof(self, ty: Any) -> int:
        name = str(ty)
        if name not in self.sizes:
            self.sizes[name] = super().get_abi_sizeof(ty)
        return self.sizes[name]


class _Target(CPUTarget):
    @cached_property
    def typing_context(self) -> Any:
        return _Typing()

    @cached_property
    def target_context(self) -> Any:
        return _Context(self.typing_context, NAME)


class _Processor(CPU):
    """The CPU by another name: what numba knows of the CPU holds here too."""


target_registry[NAME] = _Processor
_target = _Target(NAME)


class _Dispatcher(CPUDispatcher):
    targetdescr = _target


dispatcher_registry[_Processor] = _Dispatcher


def serve(compiler: type) -> None:
    """Have what numba itself wrote in Python (``min``, ``max``) compiled by ``compiler`` as well."""

    def make(*args: Any, **options: Any) -> Callable[..., Any]:
        settings: dict[str, Any] = {**options, "_target": NAME, "pipeline_class": compiler}
        return jit(*args, **settings)

    jit_registry[_Processor] = make


def learn_all() -> bool:
    """Load what else numba knows, and tell whether there was any."""
    typing_context = _target.typing_context
    if typing_context.whole:
        return False
    typing_context.whole = True
    _target.target_context.refresh()
    return True
