"""Testing the tests: plant an error in an op, and see whether a law notices.

A mutant replaces one derivative rule (or the value, or the composite) of an op class by a wrong one while its laws are
asked. It is *caught* when a law breaks. If none does, its results are compared with those of the right op: where values
and derivatives to order 2 are equal to the last bit on every sample, the mutant is *equivalent*, that is, no error at
all (the negative of a zero gradient); otherwise it has *escaped*, and the laws are too weak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .. import ops
from ..autograd import enable_grad
from ..ops.elementwise import detach
from ..ops.op import Op, Rule
from ..typing import Array
from .case import Case, Draw, Sample
from .gradients import derivative
from .law import Law, cotangent, function_of, gradients
from .laws import LAWS

SEEDS = range(5)
"""Samples on which a law has the chance to catch a mutant."""

MORE_SEEDS = range(16)
"""Samples for a mutant that none of the first ones betrayed; if it equals the right op on all, it is equivalent."""

SLOW_LAWS = {"kernel_readings_agree", "thread_counts_give_equal_bits", "third_derivative_equals_differences"}

Change = Callable[[Any], Any]


@dataclass(frozen=True)
class Mutant:
    """A wrong version of an op class: attributes to be replaced while it lives."""

    op: type[Op]
    name: str
    attributes: dict[str, Any]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Replace the op's attributes inside the block."""
        own = {k: self.op.__dict__[k] for k in self.attributes if k in self.op.__dict__}
        self.op._plans.clear()
        try:
            for k, v in self.attributes.items():
                setattr(self.op, k, v)
            yield
        finally:
            for k in self.attributes:
                if k in own:
                    setattr(self.op, k, own[k])
                else:
                    delattr(self.op, k)
            self.op._plans.clear()


def _reversed(x: Any) -> Any:
    return ops.reshape(ops.flip(ops.reshape(x, (-1,)), 0), x.shape)


def _rolled(x: Any) -> Any:
    return ops.reshape(ops.roll(ops.reshape(x, (-1,)), 1, 0), x.shape)


def _last_missing(x: Any) -> Any:
    keep = np.ones(x.shape, x.dtype)
    keep.reshape(-1)[-1:] = 0
    return x * keep


def _averaged(x: Any) -> Any:
    return x * 0 + ops.mean(x) if 0 not in x.shape else x


GRADIENTS: dict[str, Change] = {
    "zero": lambda x: x * 0,
    "negative": lambda x: -x,
    "doubled": lambda x: x * 2,
    "a thousandth too large": lambda x: x * 1.001,
    "one added": lambda x: x + 1,
    "not a number": lambda x: x * np.nan,
    "shifted by one element": _rolled,
    "reversed": _reversed,
    "last element missing": _last_missing,
    "averaged over all elements": _averaged,
    "in float64": lambda x: ops.cast(x, np.dtype(np.float64)),
}
"""Wrong gradients, as changes of the right one."""

SHAPED: dict[str, tuple[int, Change]] = {
    "the neighbour's in the batch": (1, lambda x: ops.roll(x, 1, 0)),
    "transposed": (2, lambda x: ops.reshape(ops.transpose(x, -2, -1), x.shape)),
    "first channel missing": (
        3,
        lambda x: x * np.reshape(np.arange(x.shape[1]) > 0, (-1,) + (1,) * (x.ndim - 2)).astype(x.dtype),
    ),
}
"""Wrong gradients of arguments that have at least so many dimensions."""

COTANGENTS: dict[str, Change] = {
    "forgets g": lambda g: g * 0 + 1,
    "reads g backwards": _reversed,
    "averages g": _averaged,
}
"""Wrong incoming gradients."""


def mutants_of(op: type[Op]) -> list[Mutant]:
    """Return all the wrong versions of an op."""
    found = []
    for k, rule in enumerate(op.rules):
        for name, wrong in _wrong_rules(op, rule):
            rules = (*op.rules[:k], wrong, *op.rules[k + 1 :])
            served = ", ".join(op.argument_names[t] for t in rule.targets)
            found.append(Mutant(op, f"gradient of {served}: {name}", {"rules": rules}))
    changes: dict[str, Change] = {
        n: GRADIENTS[n] for n in ("a thousandth too large", "reversed", "not a number", "in float64")
    }
    for name, change in changes.items():
        found.append(Mutant(op, f"value: {name}", {"forward": _changed_value(op.forward, change)}))
    found.append(Mutant(op, "value: written into the argument", {"forward": _writing(op.forward)}))
    if op.fused:
        composite = op.composite  # type: ignore[attr-defined]
        for name in ("a thousandth too large", "reversed"):
            wrong_composite = _changed_value(composite, GRADIENTS[name])
            found.append(Mutant(op, f"composite: {name}", {"composite": wrong_composite}))
    return found


def _wrong_rules(op: type[Op], rule: Rule) -> Iterator[tuple[str, Rule]]:
    for name, change in GRADIENTS.items():
        yield name, replace(rule, function=_with_results(rule, change))
    for name, (rank, change) in SHAPED.items():
        yield name, replace(rule, function=_with_results(rule, change, rank))
    for name, change in COTANGENTS.items():
        if "g" in rule.needs:
            yield name, replace(rule, function=_with_values(rule, change, {"g"}))
    known = {"y", *(op.argument_names[t] for r in op.rules for t in r.targets)} & set(rule.needs)
    for needed in sorted(known):
        yield f"reads {needed} backwards", replace(rule, function=_with_values(rule, _reversed, {needed}))
    if known and not op.fused:
        yield "takes what it keeps for constants", replace(rule, function=_with_values(rule, detach, known))
    yield "writes into g", replace(rule, function=_writing_into_g(rule))
    for other in op.rules:
        if other is not rule:
            name = op.argument_names[other.targets[0]]
            yield (
                f"that of {name}",
                replace(rule, function=other.function, needs=other.needs, places=other.places, joint=rule.joint),
            )
    if rule.joint and not op.variadic:
        yield "exchanged among the arguments", replace(rule, function=_exchanged(rule))
    if op.variadic:
        yield "exchanged among the arguments", replace(rule, function=_exchanged(rule))


def _with_results(rule: Rule, change: Change, rank: int = 0) -> Callable[..., Any]:
    def one(x: Any) -> Any:
        return x if x is None or x.ndim < rank else change(x)

    def wrong(*values: Any) -> Any:
        result = rule.function(*values)
        return [one(x) for x in result] if rule.joint else one(result)

    return wrong


def _with_values(rule: Rule, change: Change, which: set[str]) -> Callable[..., Any]:
    def one(x: Any) -> Any:
        if isinstance(x, list):
            return [one(v) for v in x]
        return x if x is None or x.dtype.kind != "f" else change(x)

    def wrong(op: Op, *values: Any) -> Any:
        return rule.function(op, *(one(v) if name in which else v for name, v in zip(rule.needs, values)))

    return wrong


def _writing_into_g(rule: Rule) -> Callable[..., Any]:
    def wrong(op: Op, *values: Any) -> Any:
        result = rule.function(op, *values)
        g = values[rule.needs.index("g")] if "g" in rule.needs else None
        if isinstance(g, np.ndarray):
            g *= 2
        return result

    return wrong


def _exchanged(rule: Rule) -> Callable[..., Any]:
    def wrong(*values: Any) -> Any:
        result = list(rule.function(*values))
        return result[1:] + result[:1]

    return wrong


def _changed_value(forward: Callable[..., Any], change: Change) -> Callable[..., Any]:
    def wrong(self: Op, *xs: Any) -> Any:
        result = forward(self, *xs)
        return (change(result[0]), *result[1:]) if isinstance(result, tuple) else change(result)

    return wrong


def _writing(forward: Callable[..., Any]) -> Callable[..., Any]:
    def wrong(self: Op, *xs: Any) -> Any:
        result = forward(self, *xs)
        for x in xs:
            if isinstance(x, np.ndarray) and x.dtype.kind == "f":
                x += 1
                break
        return result

    return wrong


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: 'caught' (by which law), 'equivalent' or 'escaped'."""

    case: str
    mutant: str
    verdict: str
    law: str = ""


@dataclass
class Report:
    """The outcomes of all mutants of some cases; ``str`` gives the table."""

    outcomes: list[Outcome] = field(default_factory=list)

    def having(self, verdict: str) -> list[Outcome]:
        """Return the outcomes with a verdict."""
        return [o for o in self.outcomes if o.verdict == verdict]

    @property
    def escaped(self) -> list[Outcome]:
        """The mutants that no law caught."""
        return self.having("escaped")

    def summary(self) -> str:
        """Return 'N of N planted errors caught', and how many mutants were none."""
        caught, escaped, equal = (len(self.having(v)) for v in ("caught", "escaped", "equivalent"))
        rest = f"{equal} more mutants gave the same numbers as the right op"
        return f"{caught} of {caught + escaped} planted errors caught; {rest}"

    def __str__(self) -> str:
        lines = [f"{'op':<28} {'caught':>8} {'equal':>6}  caught by"]
        for case in dict.fromkeys(o.case for o in self.outcomes):
            mine = [o for o in self.outcomes if o.case == case]
            caught = [o for o in mine if o.verdict == "caught"]
            wrong = [o for o in mine if o.verdict != "equivalent"]
            counts = {law: sum(o.law == law for o in caught) for law in dict.fromkeys(o.law for o in caught)}
            by = ", ".join(f"{law} {n}" for law, n in counts.items())
            lines.append(f"{case:<28} {f'{len(caught)}/{len(wrong)}':>8} {len(mine) - len(wrong):>6}  {by}")
        lines += [f"ESCAPED  {o.case}: {o.mutant}" for o in self.escaped]
        return "\n".join([*lines, self.summary()])


def mutation_report(cases: Sequence[Case], seeds: Sequence[int] = SEEDS) -> Report:
    """Plant every error in the op of every case and return what became of it.

    ``cases`` are `Case` objects, ``seeds`` those of the samples that each law is asked about.

    Raises
    ------
    LawError
        An op breaks a law without any error planted: then "caught" would mean nothing.
    """
    report = Report()
    for case in cases:
        _demand_sound(case, seeds)
        right: list[list[Array]] = []
        for mutant in mutants_of(case.op):
            law = catch(case, mutant, seeds)
            if not law:
                if not right:
                    _demand_sound(case, MORE_SEEDS)
                    right = [_results(case, s) for s in MORE_SEEDS]
                law = catch(case, mutant, MORE_SEEDS)
            if law:
                report.outcomes.append(Outcome(case.name, mutant.name, "caught", law))
                continue
            with mutant.planted():
                same = all(_equal(_results(case, s), r) for s, r in zip(MORE_SEEDS, right))
            report.outcomes.append(Outcome(case.name, mutant.name, "equivalent" if same else "escaped"))
    return report


def _demand_sound(case: Case, seeds: Sequence[int]) -> None:
    for law, sample in _checks(case, seeds):
        law.check(case, sample)


def catch(case: Case, mutant: Mutant, seeds: Sequence[int] = SEEDS) -> str:
    """Return the word for the first law that the mutant breaks, '' if it breaks none."""
    for law, sample in _checks(case, seeds):
        with mutant.planted():
            try:
                with np.errstate(all="ignore"):
                    law.check(case, sample)
            except Exception:  # a wrong rule may also end in any error of NumPy's: that, too, is noticed
                return law.word
    return ""


def _checks(case: Case, seeds: Sequence[int]) -> Iterator[tuple[Law, Sample]]:
    for seed in seeds:
        for law in LAWS:
            if law.name not in SLOW_LAWS and law.concerns(case):
                yield law, law.sample(case, Draw.seeded(seed, law.sizes))


def _results(case: Case, seed: int) -> list[Array]:
    """Return value, gradients and second derivatives for one sample, plain and recorded, float64 and float32."""
    out: list[Array] = []
    draws = [case.draw(Draw.seeded(seed))] + ([case.kinks(Draw.seeded(seed))] if case.kinks else [])
    for sample in draws:
        fn, xs = function_of(sample)
        try:
            y, gs = gradients(fn, xs)
            c = cotangent(y.shape, seed=3)
            with enable_grad():
                second = derivative(fn, len(xs))
                outs = [gradients(lambda *v, f=second, i=i: f(*v)[i], [*xs, c]) for i in range(len(xs))]
            out += [y, *gs, *(a for first, rest in outs for a in (first, *rest))]
            single = [x.astype(np.float32) for x in xs]
            out += gradients(fn, single)[1]
        except Exception as error:
            out.append(np.asarray(str(error)))
    return out


def _equal(a: list[Array], b: list[Array]) -> bool:
    def same(x: Array, y: Array) -> bool:
        return x.dtype == y.dtype and np.array_equal(x, y, equal_nan=x.dtype.kind == "f")

    return len(a) == len(b) and all(map(same, a, b))
