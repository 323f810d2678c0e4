"""Products of matrices."""

from __future__ import annotations

from typing import Any

from tests.oracle.draws import Draw, sample


def n(d: Draw) -> int:
    return d.pick(0, 1, 2, 3, 3, 4) if d.chance(50) else d.int(1, 4)


def clash(d: Draw, k: int) -> int:
    return k + 1 if d.chance(4) else k


@sample("matmul", "Tensor.matmul", "Tensor.__matmul__")
def matmul(d: Draw) -> Any:
    lead = d.shape(0, 2)
    i, j, k = n(d), n(d), n(d)
    a = (*d.broadcast(lead), i, k) if d.chance(75) else (k,)
    b = (*d.broadcast(lead), clash(d, k), j) if d.chance(75) else (k,)
    y = d.any_dtype(b) if d.chance(4) else d.tensor(b)
    return (d.tensor(a) if d.chance(96) else d.tensor(()), y), {}


@sample("mm", "Tensor.mm")
def mm(d: Draw) -> Any:
    k = n(d)
    return (d.tensor((n(d), k)), d.tensor((clash(d, k), n(d)) if d.chance(95) else (k,))), {}


@sample("bmm", "Tensor.bmm")
def bmm(d: Draw) -> Any:
    b, k = n(d), n(d)
    return (d.tensor((b, n(d), k)), d.tensor((clash(d, b), clash(d, k), n(d)))), {}


@sample("mv", "Tensor.mv")
def mv(d: Draw) -> Any:
    k = n(d)
    return (d.tensor((n(d), k)), d.tensor((clash(d, k),))), {}


@sample("dot", "Tensor.dot", "inner")
def dot(d: Draw) -> Any:
    k = n(d)
    return (d.tensor((k,)), d.tensor((clash(d, k),))), {}


@sample("outer", "Tensor.outer")
def outer(d: Draw) -> Any:
    return (d.tensor((n(d),)), d.tensor((n(d),) if d.chance(95) else (2, 2))), {}


@sample("addmm", "Tensor.addmm")
def addmm(d: Draw) -> Any:
    i, j, k = n(d), n(d), n(d)
    add = d.tensor(d.pick((i, j), (j,), (1, j), (i, 1), ()))
    return (add, d.tensor((i, k)), d.tensor((clash(d, k), j))), {
        "beta": d.pick(1, 0.5, 0),
        "alpha": d.pick(1, 2, -0.5),
    } if d.chance(60) else {}


@sample("addmv", "baddbmm")
def addmv(d: Draw, path: str) -> Any:
    i, j, k, b = n(d), n(d), n(d), n(d)
    if path == "addmv":
        return (d.tensor((i,)), d.tensor((i, k)), d.tensor((k,))), {"beta": d.pick(1, 0.5), "alpha": d.pick(1, 2)}
    return (d.tensor((b, i, j)), d.tensor((b, i, k)), d.tensor((b, k, j))), {
        "beta": d.pick(1, 0.5),
        "alpha": d.pick(1, 2),
    }


@sample("F.linear")
def linear(d: Draw) -> Any:
    i, o = n(d), n(d)
    lead = d.shape(0, 3)
    weight = d.tensor((o, clash(d, i)) if d.chance(95) else (i,))
    if d.chance(50) or weight.array.ndim == 1:
        return (d.tensor((*lead, i)), weight), {}
    return (d.tensor((*lead, i)), weight, d.tensor((clash(d, o),) if weight.array.ndim == 2 else ())), {}


@sample("F.bilinear")
def bilinear(d: Draw) -> Any:
    lead, i, j, o = d.shape(0, 2), d.int(1, 3), d.int(1, 3), d.int(1, 3)
    return (d.tensor((*lead, i)), d.tensor((*lead, j)), d.tensor((o, i, j)), d.pick(None, d.tensor((o,)))), {}


@sample("einsum")
def einsum(d: Draw) -> Any:
    sizes = {c: n(d) for c in "abcdef"}
    terms, operands = [], []
    dots = d.shape(0, 2) if d.chance(30) else ()
    for _ in range(d.pick(1, 2, 2, 2, 3)):
        letters = "".join(d.pick(*"abcdef") for _ in range(d.int(0, 3)))
        if d.chance(85):
            letters = "".join(dict.fromkeys(letters))
        shape = [1 if d.chance(6) else sizes[c] for c in letters]
        if dots and d.chance(70):
            at = d.int(0, len(letters))
            own = d.broadcast(dots) if d.chance(50) else dots
            terms.append(letters[:at] + "..." + letters[at:])
            shape[at:at] = own
        else:
            terms.append(letters)
        operands.append(d.tensor(shape))
    equation = ",".join(terms)
    used = sorted({c for c in equation if c.isalpha()})
    if d.chance(80):
        d.source.shuffle(used)
        result = "".join(used[: d.int(0, len(used))])
        if "..." in equation and d.chance(85):
            result = "..." + result if d.chance(60) else result + "..."
        equation += "->" + result
    return ((equation, *operands) if d.chance(70) else (equation, operands)), {}


@sample("tensordot")
def tensordot(d: Draw) -> Any:
    shared = d.shape(0, 2)
    if d.chance(60):
        return (d.tensor((*d.shape(0, 2), *shared)), d.tensor((*shared, *d.shape(0, 2)))), {
            "dims": len(shared) + (1 if d.chance(5) else 0)
        }
    free_a, free_b = d.shape(0, 2), d.shape(0, 2)
    a, b = d.tensor((*shared, *free_a)), d.tensor((*free_b, *shared[::-1]))
    k = len(shared)
    return (a, b), {"dims": (list(range(k)), [b.array.ndim - 1 - i for i in range(k)])}
