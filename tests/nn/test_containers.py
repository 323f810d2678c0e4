"""Containers hold modules in order and under the names that PyTorch's state dicts use."""

from __future__ import annotations

import pytest

import tinygrad_cv as tg
from tinygrad_cv import nn
from tinygrad_cv.ops.errors import ArgumentError, DimError


def test_sequential_passes_its_value_along_and_slices_into_sequentials() -> None:
    row = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    x = tg.ones(5, 3)
    assert row(x).shape == (5, 2)
    assert row[:2](x).shape == (5, 4) and isinstance(row[:2], nn.Sequential)
    assert row[-1] is row[2] and len(row) == 3


def test_sequential_takes_names() -> None:
    row = nn.Sequential({"fc": nn.Linear(3, 2), "act": nn.ReLU()})
    assert list(row.state_dict()) == ["fc.weight", "fc.bias"] and row.fc is row[0]


def test_sequential_says_which_item_is_no_module() -> None:
    with pytest.raises(ArgumentError, match="item 1 is a list"):
        nn.Sequential(nn.ReLU(), [nn.ReLU()])


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_lists_grow_shrink_and_number_anew(kind: type) -> None:
    row = kind()
    row.append(nn.ReLU()).append(nn.Tanh()).extend([nn.Sigmoid()])
    row.insert(1, nn.Identity())
    assert [type(m).__name__ for m in row] == ["ReLU", "Identity", "Tanh", "Sigmoid"]
    assert list(row._modules) == ["0", "1", "2", "3"]
    assert type(row.pop(0)).__name__ == "ReLU"
    del row[-1]
    row[0] = nn.GELU()
    assert [(n, type(m).__name__) for n, m in row.named_children()] == [("0", "GELU"), ("1", "Tanh")]
    assert len(row + [nn.ReLU()]) == 3 and len(row) == 2
    with pytest.raises(DimError, match="index 2 for 2 modules"):
        row[2]


def test_a_module_list_prints_equal_neighbours_once() -> None:
    row = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])
    assert repr(row) == "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"


def test_a_module_dict_keeps_its_order() -> None:
    rooms = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})
    rooms.update({"c": nn.Linear(1, 1)})
    assert list(rooms) == ["b", "a", "c"] and "a" in rooms and len(rooms) == 3
    assert type(rooms.pop("b")).__name__ == "ReLU" and list(rooms.keys()) == ["a", "c"]
    del rooms["a"]
    assert [name for name, _ in rooms.named_parameters()] == ["c.weight", "c.bias"]
    rooms.clear()
    assert not len(rooms)


def test_parameter_lists_and_dicts_are_listed() -> None:
    owner = nn.Module()
    owner.rows = nn.ParameterList([tg.zeros(2), nn.Parameter(tg.ones(3))])
    owner.named = nn.ParameterDict({"w": tg.zeros(1)})
    owner.rows.append(tg.zeros(1))
    assert [n for n, _ in owner.named_parameters()] == ["rows.0", "rows.1", "rows.2", "named.w"]
    assert owner.rows[1].shape == (3,) and len(owner.rows[:2]) == 2 and "w" in owner.named
    owner.rows += [tg.zeros(2)]
    owner.rows[0] = tg.zeros(7)
    assert len(owner.rows) == 4 and list(owner.rows.state_dict()) == ["0", "1", "2", "3"]
    with pytest.raises(ArgumentError, match="give Parameters or Tensors"):
        owner.rows.append(3)


def test_a_parameter_dict_is_a_dict() -> None:
    rooms = nn.ParameterDict({"a": tg.zeros(1), "b": tg.zeros(2)})
    rooms.update([("c", tg.zeros(3))])
    assert rooms.get("z", 5) == 5 and rooms.get("a").shape == (1,) and rooms.setdefault("d", tg.zeros(4)).shape == (4,)
    assert list(reversed(rooms)) == ["d", "c", "b", "a"] and rooms.popitem()[0] == "d" and rooms.pop("b").shape == (2,)
    both = rooms | {"e": tg.zeros(5)}
    both |= {"a": tg.zeros(6)}
    assert list(both) == ["a", "c", "e"] and both["c"] is rooms["c"] and rooms["a"].shape == (1,)
    rooms.clear()
    assert not len(rooms) and not list(rooms.parameters())


def test_a_row_times_a_number_shares_its_modules() -> None:
    row = nn.Sequential(nn.Linear(2, 2), nn.ReLU()) * 2
    assert len(row) == 4 and row[0] is row[2] and len(list(row.parameters())) == 2 and len(2 * row) == 8
    with pytest.raises(ArgumentError, match="0 times"):
        row * 0
