"""The law suite in one call: `check_op` for anybody's op, `law_tests` for pytest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..ops.errors import ArgumentError, TinygradError
from ..ops.op import Op
from .case import Case, Draw, Sample
from .law import Law, LawError
from .laws import LAWS
from .mutations import Report, mutation_report


def check_op(
    op: type[Op] | Case,
    draw: Callable[[Draw], Sample] | None = None,
    *,
    examples: int = 25,
    mutations: bool = True,
    **settings: Any,
) -> Report:
    """Check an op against every law, then check the laws with planted errors.

    Parameters
    ----------
    op : an op class, or a whole `Case`.
    draw : makes a `Sample` (call, arguments, slow truth) from a `Draw`; see `Case`.
    examples : how many samples each law is asked about.
    mutations : whether to plant errors too.
    **settings : the other fields of `Case`: ``linear``, ``kinks``, ``errors``, ``order`` ...

    Returns
    -------
    The mutation report: print it. ``report.escaped`` lists the planted errors that nothing noticed.

    Raises
    ------
    LawError
        A law is broken; with hypothesis installed, by the smallest sample that it could find.

    Examples
    --------
    >>> from tinygrad_cv.ops.elementwise import Abs
    >>> import numpy as np
    >>> report = check_op(Abs, lambda d: Sample(Abs(), (d.array(d.shape(), away=[0.0]),), truth=np.abs), examples=3)
    >>> report.escaped
    []
    """
    if isinstance(op, Case):
        case = op
    elif draw is None:
        raise ArgumentError(
            f"check_op: {op.__name__} comes without arguments to try; give draw, a function from Draw to Sample"
        )
    else:
        case = Case(op, draw, **settings)
    for law in LAWS:
        if law.concerns(case):
            check_law(case, law, examples)
    check_errors(case)
    return mutation_report([case]) if mutations else Report()


def check_law(case: Case, law: Law, examples: int = 25) -> None:
    """Ask one law about several samples: drawn and shrunk by hypothesis, or, without it, of growing size.

    ``case`` draws them, ``examples`` is their number. A broken law raises `LawError`.
    """
    try:
        from hypothesis import HealthCheck, given, settings
        from hypothesis import strategies as st
    except ImportError:
        for seed in range(examples):
            law.check(case, law.sample(case, Draw.seeded(seed, law.sizes)))
        return

    @st.composite
    def samples(draw: Any) -> Sample:
        return law.sample(case, Draw(lambda least, most: draw(st.integers(least, most)), law.sizes))

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(samples())
    def holds(sample: Sample) -> None:
        law.check(case, sample)

    holds()


def check_errors(case: Case) -> None:
    """Demand that every bad call of a case is refused with a message that contains the part it names."""
    for i, (call, part) in enumerate(case.errors):
        try:
            result = call()
        except TinygradError as error:
            if part not in str(error):
                raise LawError(
                    f"{case.name}: bad call {i} is refused with {str(error)!r}, which does not say {part!r}"
                ) from error
            continue
        raise LawError(
            f"{case.name}: bad call {i} is not refused but gives {result!r}; expected a message with {part!r}"
        )


def law_tests(cases: Sequence[Case], examples: int | None = None) -> Callable[..., None]:
    """Return a pytest function that asks every law about every case: ``test_laws = law_tests(CASES)``.

    ``examples`` is the number of samples for each; by default a third of the hypothesis profile's.

    ``cases`` are `Case` objects.
    """
    import pytest

    if examples is None:
        try:
            from hypothesis import settings

            examples = max(settings.default.max_examples // 3, 5)  # type: ignore[union-attr]
        except ImportError:
            examples = 8
    count = examples
    pairs = [(case, law) for case in cases for law in LAWS if law.concerns(case)]

    @pytest.mark.parametrize(("case", "law"), pairs, ids=[f"{law.name}-{case.name}" for case, law in pairs])
    def test_laws(case: Case, law: Law) -> None:
        check_law(case, law, count)

    return test_laws


def error_tests(cases: Sequence[Case]) -> Callable[..., None]:
    """Return a pytest function that makes every bad call of every case.

    ``cases`` without bad calls are left out.
    """
    import pytest

    @pytest.mark.parametrize("case", [c for c in cases if c.errors], ids=lambda case: case.name)
    def test_error_inputs_are_refused(case: Case) -> None:
        check_errors(case)

    return test_error_inputs_are_refused
