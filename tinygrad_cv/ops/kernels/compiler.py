"""What `jit` leaves out of numba's compiling: machine code and optimisation of code that never runs by itself.

Numba compiles every function as if Python called it: typed, lowered to LLVM's code, optimised, turned into machine
code. A helper runs only inside the kernels that it was copied into, and a kernel only inside its launcher; so

    helper      typed and lowered                                 copied into kernels
    kernel      typed and lowered, optimised with its helpers     copied into its launcher
    launcher    typed and lowered, turned into machine code       called by Python
    outlined    typed and lowered, optimised, machine code        called by kernels

Numba has no setting for it, but takes a compiler of one's own (``pipeline_class``), and that names the library in
which code is gathered, optimised and finished, and the passes over the code. Should that inside of numba change, `jit`
does without. What LeNet's first step takes of a core's time, with an empty cache and 18 kernels (the last three as
their share of the 8 s, measured in turns):

    all as numba has it                                     21 s
    helpers and launchers are not optimised                 16
    helpers and kernels become no machine code              12.5
    the micro-kernel is not copied (`outline`)              10.6
    loops are not unrolled                                   9.4
    fewer passes, and no garbage collection meanwhile        8
    nobody counts who holds an array or how long it lives    6.3
    numba knows what kernels need, and no more (`target`)    5.7
    whole numbers are divided and compared in few words      5.2

Loops are unrolled where a kernel asks for it. `grouped` takes 3 ms at 8x128x56x56 instead of 4.2 without, for its many
sums stay in registers; only depthwise lines, in which pixels move on from one register to the next, took a tenth more.
"""

# mypy: disable-error-code="misc, no-untyped-call, attr-defined"
from __future__ import annotations

import gc
from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary, JITCPUCodegen
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.errors import NumbaError
from numba.core.rewrites import rewrite_registry
from numba.core.transforms import canonicalize_cfg
from numba.core.typed_passes import AnnotateTypes, NativeLowering, NoPythonBackend, NopythonTypeInference
from numba.core.untyped_passes import FixupArgs, TranslateByteCode

from .target import learn_all, serve

if not (hasattr(JITCPUCodegen, "_pass_builder") and hasattr(llvm, "create_new_function_pass_manager")):
    raise ImportError("this numba sets up LLVM's passes in another way")


class _Library(JITCodeLibrary):
    """Numba's, but that functions are brought from memory into registers here, and no more: 0.5 s instead of 1.4."""

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout
        settings, passes = self._codegen._pass_builder(), llvm.create_new_function_pass_manager()
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
        passes.add_instruction_combine_pass()
        passes.add_refprune_pass()
        for function in module.functions:
            if not function.is_declaration:
                passes.run(function, settings)


class _Outlined(_Library):
    """Code that is called by other code."""

    unrolls = False

    def _optimize_final_module(self) -> None:
        # numba's first pass, which puts helpers in their places; then LLVM's, as numba sets them but for unrolling
        first, settings = self._codegen._module_pass_manager(
            loop_vectorize=False, slp_vectorize=False, opt=0, cost="cheap"
        )
        first.run(self._final_module, settings)
        options = llvm.create_pipeline_tuning_options(3)
        options.loop_vectorization = options.loop_interleaving = True
        options.slp_vectorization, options.loop_unrolling = False, self.unrolls
        settings = llvm.create_pass_builder(self._codegen._tm, options)
        passes = settings.getModulePassManager()
        passes.add_refprune_pass()
        passes.run(self._final_module, settings)


class _Launcher(_Library):
    """Code that Python calls, made of code that is optimised already."""

    def _optimize_final_module(self) -> None:
        pass


class _Kernel(_Outlined):
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


class _Unrolled(_Kernel):
    """A kernel whose loops are unrolled."""

    unrolls = True


class _Helper(_Kernel):
    """Code that is optimised where it goes, too."""

    def _optimize_final_module(self) -> None:
        pass


@register_pass(mutates_CFG=True, analysis_only=False)
class _Tidy(FunctionPass):
    """Put blocks in order and mark constant indices (``t[0]``); numba's two passes follow lives of variables too."""

    _name = "tinygrad_cv_tidy"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        code = state.func_ir
        code.blocks, code.generator_info = canonicalize_cfg(code.blocks), None
        for rewrite in (made(state) for made in rewrite_registry.rewrites["before-inference"]):
            for key in list(code.blocks):
                while rewrite.match(code, code.blocks[key], None, None):
                    code.blocks[key] = rewrite.apply()
        return True


class _Compiler(Compiler):
    """Numba's, with the passes that kernels need.

    There is no ``with``, no function in a function, no expression of arrays. A variable has one type, so its values
    need not be told apart; nobody counts who holds an array, so the end of its life is of no interest.
    """

    library: type

    def define_pipelines(self) -> Any:
        passes = PassManager("tinygrad_cv")
        for step in (
            TranslateByteCode, FixupArgs, _Tidy, NopythonTypeInference, AnnotateTypes, NativeLowering, NoPythonBackend,
        ):  # fmt: skip
            passes.add_pass(step, step.__name__)
        passes.finalize()
        return [passes]

    def compile_extra(self, function: Any) -> Any:
        collects, start = gc.isenabled(), dict(self.state)
        gc.disable()  # a tenth of the time went into looking for garbage among all that numba keeps
        try:
            try:
                return self._gather(function)
            except (NumbaError, NotImplementedError):
                if not learn_all():
                    raise
                self.state.clear()
                self.state.update(start)
                self.state.status.fail_reason = None
                return self._gather(function)
        finally:
            if collects:
                if not gc.get_freeze_count():  # what was made counts as old at once: looking through it took 0.3 s
                    gc.freeze()
                    gc.unfreeze()
                gc.enable()

    def _gather(self, function: Any) -> Any:
        self.state.library = self.library(self.state.targetctx.codegen(), function.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(function)


def _gathering_in(library: type) -> type:
    return type(f"Compiler{library.__name__}", (_Compiler,), {"library": library})


COMPILERS = {
    "launcher": _gathering_in(_Launcher),
    "kernel": _gathering_in(_Kernel),
    "unrolled": _gathering_in(_Unrolled),
    "helper": _gathering_in(_Helper),
    "outlined": _gathering_in(_Outlined),
}

serve(COMPILERS["helper"])
