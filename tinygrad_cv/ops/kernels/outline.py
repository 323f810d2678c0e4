"""A helper that stays outside the kernels that call it: compiled once, where `inline` copies it into each.

Its machine code lies in the cache like a kernel's. Kernels know it by a name; LLVM looks the name up when it loads a
kernel, fresh or from the cache, and so the name must be known by then: code that is compiled asks for it here, code
that comes from the cache through `jit_cache.OUTSIDE`.
"""

# mypy: disable-error-code="misc, no-untyped-call, no-any-return, attr-defined, untyped-decorator"
from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import Parameter, Signature, signature
from typing import Any

import llvmlite.binding as llvm
from numba.core import cgutils, types
from numba.extending import intrinsic

from .jit import BARE, FASTMATH, _compiled
from .jit_cache import OUTSIDE


def outline(*kinds: Any) -> Callable[[Callable[..., None]], Any]:
    """Make a helper of these types of arguments, pointers and numbers, that returns nothing and raises nothing."""

    def decorate(function: Callable[..., None]) -> Any:
        compiled = _compiled(function, "outlined", fastmath=FASTMATH, _nrt=False, **BARE)
        name = f"tinygrad_cv.{function.__name__}"

        @cache
        def link() -> None:
            compiled.compile(kinds)
            result = compiled.overloads[kinds]
            llvm.add_symbol(name, result.library.get_pointer_to_function(result.fndesc.llvm_func_name))

        def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            link()
            kind = context.call_conv.get_function_type(types.none, kinds)
            outside = cgutils.get_or_insert_function(builder.module, kind, name)
            context.call_conv.call_function(builder, outside, types.none, kinds, args)
            return context.get_dummy_value()

        def call(context: Any, *args: Any) -> Any:
            return types.void(*kinds), code

        OUTSIDE[name] = link
        given = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD)
        call.__signature__ = Signature([given, *signature(function).parameters.values()])
        call.__name__, call.__doc__ = function.__name__, function.__doc__
        return intrinsic(call)

    return decorate
