"""The laws that every op obeys, each a function of a case and a sample that raises `LawError` where it is broken.

A law says nothing about where its sample comes from: `check.law_tests` lets hypothesis draw it, the mutation report
takes it from a seeded generator.
"""

from __future__ import annotations

from . import calculus, memory
from .case import Case
from .law import Law


def _always(case: Case) -> bool:
    return True


LAWS = (
    Law("value_equals_the_slow_truth", "value", _always, calculus.value_equals_the_slow_truth),
    Law("nothing_given_is_changed_or_kept", "purity", _always, memory.nothing_given_is_changed_or_kept),
    Law("gradient_equals_differences", "differences", _always, calculus.gradient_equals_differences),
    Law(
        "recorded_gradient_equals_plain_gradient", "recorded", _always, calculus.recorded_gradient_equals_plain_gradient
    ),
    Law("adjoint_law_holds", "adjoint", lambda case: bool(case.linear), calculus.adjoint_law_holds),
    Law("fused_equals_composite", "composite", lambda case: case.op.fused, calculus.fused_equals_composite),
    Law(
        "second_derivative_equals_differences",
        "order 2",
        lambda case: case.order >= 2,
        calculus.second_derivative_equals_differences,
    ),
    Law(
        "third_derivative_equals_differences",
        "order 3",
        lambda case: case.order >= 3,
        calculus.third_derivative_equals_differences,
    ),
    Law(
        "gradient_at_a_kink_is_a_sub_gradient",
        "kinks",
        lambda case: case.kinks is not None,
        calculus.gradient_at_a_kink_is_a_sub_gradient,
        at_kinks=True,
    ),
    Law("operands_broadcast", "broadcast", lambda case: case.broadcast is not None, memory.operands_broadcast),
    Law("memory_order_does_not_matter", "memory order", _always, memory.memory_order_does_not_matter),
    Law("empty_arguments_work", "empty", lambda case: case.empty, memory.empty_and_single_elements_work, sizes="empty"),
    Law("single_elements_work", "single", _always, memory.empty_and_single_elements_work, sizes="one"),
    Law("float32_agrees_with_float64", "dtype", _always, memory.float32_agrees_with_float64),
    Law("a_node_keeps_what_its_rules_name", "saved", _always, memory.a_node_keeps_what_its_rules_name),
    Law("a_promised_value_is_the_value", "fusion", lambda case: case.op.lazy, memory.a_promised_value_is_the_value),
    Law("kernel_readings_agree", "readings", lambda case: case.kernel, memory.kernel_readings_agree),
    Law("thread_counts_give_equal_bits", "threads", lambda case: case.kernel, memory.thread_counts_give_equal_bits),
)
"""In the order in which the mutation report asks them."""
