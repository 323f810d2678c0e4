"""An operation, and the contract between its value and its derivative.

An op is an instance of a class with a ``forward`` and one rule per differentiable argument::

    class Mul(Op):
        def forward(self, a, b): return a * b
        def grad_a(self, g, b): return mul(g, b)
        def grad_b(self, g, a): return mul(g, a)

A rule names what it needs: ``g`` (the gradient of the loss with respect to the output), ``y`` (the output),
any argument of ``forward``, any auxiliary output, or ``wanted`` (in joint rules). **The signature is the memory
contract**: a recorded op keeps exactly what the rules that will run have named, and nothing else.

Called with arrays, an op computes. Called with a value whose type offers ``__record__``, it hands itself to that
type. That is all the ground knows of graphs. Rules speak in ops (or in operators, which mean the same for arrays
and for tensors), so a rule applied to recorded values is itself recorded, and derivatives of any order follow.

Some ops return auxiliary outputs (an argmax, the statistics of a batch): they are named in ``extra``, ``forward``
returns ``(y, *extras)``, and rules may ask for them. They are constants: no gradient flows into them.

An op whose value can wait for what follows (see `autograd.fusion`) is ``lazy`` and has a method ``start`` that takes
what ``forward`` takes and returns ``(promise, extras)``; an op that can join such a promise names its role in ``tail``.

Backward, a ReLU or a max pool need not compute its gradient where the next rule can take it as it is: see `waiting`,
and the attribute ``masked``, which says what an op's rules do with such gradients. An op that ``spreads`` has, beside
its rule, a method ``behind`` that takes a ReLU's value as well.

A *fused* op computes a composite faster. It has a method ``composite`` with the arguments of ``forward`` that
gives the same value in plain ops; differentiation past the first order goes through it, and a law test holds
the two together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from numpy import ndarray

from ..typing import Array, DType

REGISTRY: dict[str, type[Op]] = {}
"""Every op class by name, in order of definition; the law tests walk it."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A derivative rule: which arguments it serves, which values it asks for, and where these stand.

    ``places`` are positions in the list [g, y, wanted, *arguments, *extras] that the engine lays out for a node.
    """

    function: Callable[..., Any]
    targets: tuple[int, ...]
    needs: tuple[str, ...]
    places: tuple[int, ...]
    joint: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recorded op keeps and runs when a given set of its arguments needs a gradient."""

    rules: tuple[Rule, ...]
    saves: tuple[int, ...]
    saves_y: bool
    saves_extra: bool


def joint(*targets: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let one rule serve several arguments that share work; it returns one gradient (or None) for each.

    The rule may ask for ``wanted``, booleans in the order of ``targets``: what nobody wants need not be computed.
    """

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__dict__["targets"] = targets
        return function

    return mark


class Unfinished:
    """A value that an op has promised.

    ``finish(add, relu)`` computes it, with an array to be added and whether negative values become 0; ``fold(scale,
    shift)``, where an op offers it, returns the promise of the value scaled and shifted by channel, or None where that
    would not pay.
    """

    __slots__ = ("finish", "shape", "dtype", "add", "adds", "fold")

    def __init__(
        self,
        finish: Callable[[Array | None, bool], Array],
        shape: tuple[int, ...],
        dtype: DType,
        adds: bool = False,
        fold: Callable[[Array, Array], Unfinished | None] | None = None,
    ) -> None:
        self.finish, self.shape, self.dtype, self.adds, self.fold = finish, shape, dtype, adds, fold
        self.add: Array | None = None

    def value(self, relu: bool = False) -> Array:
        """Compute the promised array."""
        return self.finish(self.add, relu)

    def plus(self, other: Array) -> Unfinished | None:
        """Return the promise of the sum with an array, or None where that cannot be promised."""
        if not self.adds or self.add is not None or other.shape != self.shape or other.dtype != self.dtype:
            return None
        more = Unfinished(self.finish, self.shape, self.dtype, True)
        more.add = other
        return more


class Op:
    """Base of all operations. See the module's docstring for the contract."""

    name: ClassVar[str]
    constant: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[tuple[str, ...]] = ()
    view: ClassVar[bool] = False
    fused: ClassVar[bool] = False
    variadic: ClassVar[bool] = False
    lazy: ClassVar[bool] = False
    tail: ClassVar[str] = ""
    masked: ClassVar[Literal["", "makes", "takes", "passes", "spreads"]] = ""
    fuses: ClassVar[bool] = False
    argument_names: ClassVar[tuple[str, ...]]
    rules: ClassVar[tuple[Rule, ...]]
    _plans: ClassVar[dict[int, Plan]]

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        cls.name = cls.__dict__.get("name", cls.__name__)
        cls.fused = hasattr(cls, "composite")
        cls.fuses = cls.lazy or bool(cls.tail)
        parameters = list(inspect.signature(cls.forward).parameters.values())[1:]
        cls.argument_names = tuple(p.name for p in parameters)
        cls.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        cls.rules = _collect_rules(cls)
        cls._plans = {}
        if cls.name in REGISTRY:
            raise TypeError(
                f"an op named {cls.name} exists already in {REGISTRY[cls.name].__module__}; choose another name"
            )
        REGISTRY[cls.name] = cls

    def forward(self, *xs: Any) -> Any:
        """Compute the value from arrays, changing nothing it was given."""
        raise TypeError(f"{type(self).__name__} defines no forward")

    def __call__(self, *xs: Any) -> Any:
        for x in xs:
            if type(x) is not ndarray:
                record = getattr(type(x), "__record__", None)
                if record is not None:
                    return record(self, xs)
        return self.forward(*xs)

    def __repr__(self) -> str:
        settings = ", ".join(f"{k}={v!r}" for k, v in vars(self).items() if not callable(v))
        return f"{self.name}({settings})"

    def plan(self, wanted: int, count: int) -> Plan:
        """Return which rules run, and what they keep, when the arguments in the bit set ``wanted`` need a gradient."""
        key = wanted << 8 | count if self.variadic else wanted
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._make_plan(wanted, count)
        return plan

    def _make_plan(self, wanted: int, count: int) -> Plan:
        names = self.argument_names
        if self.variadic:
            rules = self.rules if wanted else ()
        else:
            rules = tuple(r for r in self.rules if any(wanted >> t & 1 for t in r.targets))
        needed = {n for r in rules for n in r.needs}
        if self.fused and rules:
            needed |= set(names)
        if self.variadic:
            saves = tuple(range(count)) if names[0] in needed else ()
        else:
            saves = tuple(i for i, n in enumerate(names) if n in needed)
        return Plan(rules, saves, "y" in needed, any(n in needed for n in self.extra))

    def cost(self, y_shape: tuple[int, ...], *shapes: tuple[int, ...] | None) -> int:
        """Multiply-adds of one forward call, from the output's and the arguments' shapes.

        Zero for what only moves or adds.
        """
        return 0


def _collect_rules(cls: type[Op]) -> tuple[Rule, ...]:
    """Find the rules of a class and check, now, that none is missing, misnamed or asks for the unknown."""
    names = cls.argument_names
    layout = ("g", "y", "wanted", *names, *cls.extra)
    known = set(layout)
    rules: list[Rule] = []
    served: set[str] = set()
    for attribute in dir(cls):
        function = getattr(cls, attribute)
        targets = getattr(function, "targets", None) if callable(function) else None
        if targets is None and attribute.startswith("grad_"):
            targets = (attribute.removeprefix("grad_"),)
        if targets is None:
            continue
        strangers = set(targets) - set(names)
        if strangers:
            raise TypeError(
                f"{cls.__name__}.{attribute} serves {sorted(strangers)}, but forward takes {', '.join(names)}"
            )
        needs = tuple(inspect.signature(function).parameters)[1:]
        if set(needs) - known:
            raise TypeError(
                f"{cls.__name__}.{attribute} asks for {sorted(set(needs) - known)}; it may ask for "
                f"{', '.join(sorted(known))}"
            )
        is_joint = cls.variadic or hasattr(function, "targets")
        places = tuple(layout.index(n) for n in needs)
        rules.append(Rule(function, tuple(names.index(t) for t in targets), needs, places, is_joint))
        served |= set(targets)
    missing = set(names) - served - set(cls.constant)
    if missing:
        first = sorted(missing)[0]
        raise TypeError(f"{cls.__name__} has no grad_{first}; write one, or name {first!r} in `constant`")
    rules.sort(key=lambda rule: rule.targets)
    return tuple(rules)


class Plain(Op):
    """A function without a derivative (a comparison, an argmax): its value is a constant of the graph."""

    constant = ("xs",)

    def __init__(self, function: Callable[..., Any], label: str | None = None) -> None:
        self.function = function
        self.label = label or function.__name__

    def forward(self, *xs: Any) -> Any:
        return self.function(*xs)
