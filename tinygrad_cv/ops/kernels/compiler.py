"""What `jit` leaves out of numba's compiling: machine code and optimisation of code that never runs by itself.

Numba compiles every function as if Python called it: typed, lowered to LLVM's code, optimised, turned into machine
code. A helper runs only inside the kernels that it was copied into, and a kernel only inside its launcher; so

    helper      typed and lowered                                 copied into kernels
    kernel      typed and lowered, optimised with its helpers     copied into its launcher
    launcher    typed and lowered, turned into machine code       called by Python
    outlined    as numba has it                                   called by kernels

Numba has no setting for it, but takes a compiler of one's own (``pipeline_class``), and that names the library in
which code is gathered, optimised and finished, and the passes over the code. Should that inside of numba change, `jit`
does without. What LeNet's first step takes of a core's time, with an empty cache and 18 kernels:

    all as numba has it                                     21 s
    helpers and launchers are not optimised                 16
    helpers and kernels become no machine code              12.5
    the micro-kernel is not copied (`outline`)              10.6
    loops are not unrolled                                   9.4
    fewer passes, and no garbage collection meanwhile        8

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


SPARED = {
    "WithLifting", "InlineClosureLikes", "RewriteSemanticConstants", "DeadBranchPrune", "RewriteDynamicRaises",
    "MakeFunctionToJitFunction", "InlineInlinables", "FindLiterallyCalls", "LiteralUnroll",
    "LiteralPropagationSubPipelinePass", "InlineOverloads", "NopythonRewrites", "NoPythonSupportedFeatureValidation",
    "DumpParforDiagnostics",
}  # fmt: skip
"""Numba's passes for what kernels do not contain: ``with``, functions in functions, expressions of arrays, ..."""


class _Compiler(Compiler):
    library: type

    def define_pipelines(self) -> Any:
        pipelines = super().define_pipelines()
        for pipeline in pipelines:
            pipeline.passes = [step for step in pipeline.passes if step[0].__name__ not in SPARED]
        return pipelines

    def compile_extra(self, function: Any) -> Any:
        self.state.library = self.library(self.state.targetctx.codegen(), function.__qualname__)
        self.state.library.enable_object_caching()
        collects = gc.isenabled()
        gc.disable()  # a tenth of the time went into looking for garbage among all that numba keeps
        try:
            return super().compile_extra(function)
        finally:
            if collects:
                gc.enable()


def _gathering_in(library: type) -> type:
    return type(f"Compiler{library.__name__}", (_Compiler,), {"library": library})


COMPILERS = {
    "launcher": _gathering_in(_Launcher),
    "kernel": _gathering_in(_Kernel),
    "unrolled": _gathering_in(_Unrolled),
    "helper": _gathering_in(_Helper),
    "outlined": _gathering_in(_Outlined),
}
