"""What `jit` leaves out of numba's compiling: machine code and optimisation of code that never runs by itself.

Numba compiles every function as if Python called it: typed, lowered to LLVM's code, optimised, turned into machine
code. A helper runs only inside the kernels that it was copied into, and a kernel only inside its launcher; so

    helper      typed and lowered                                 copied into kernels
    kernel      typed and lowered, optimised with its helpers     copied into its launcher
    launcher    typed and lowered, turned into machine code       called by Python

Numba has no setting for it, but takes a compiler of one's own (``pipeline_class``), and that names the library in
which code is gathered, optimised and finished. LeNet's first step takes 12 s so, and 21 s as numba has it. Should that
inside of numba change, `jit` does without.
"""

# mypy: disable-error-code="misc, no-untyped-call, attr-defined"
from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _Launcher(JITCodeLibrary):
    """Code that Python calls, made of code that is optimised already."""

    def _optimize_final_module(self) -> None:
        pass


class _Kernel(JITCodeLibrary):
    """Code that goes on into other code: no machine code of its own."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True

    @property
    def codegen(self) -> Any:
        """Numba asks for it to tell machine code of its environment, which there is not."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        pass


class _Helper(_Kernel, _Launcher):
    """Code that is optimised where it goes, too."""


class _Compiler(Compiler):
    library: type

    def compile_extra(self, function: Any) -> Any:
        self.state.library = self.library(self.state.targetctx.codegen(), function.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(function)


def _gathering_in(library: type) -> type:
    return type(f"Compiler{library.__name__}", (_Compiler,), {"library": library})


COMPILERS = {"launcher": _gathering_in(_Launcher), "kernel": _gathering_in(_Kernel), "helper": _gathering_in(_Helper)}
