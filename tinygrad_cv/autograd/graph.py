"""What the graph keeps: hooks on the values that are saved for the backward pass, and their nodes.

A hook sees every value on its way into the graph and may put something else there (a file name, a compressed copy,
the number of a value that can be computed again); its partner restores the value when a derivative needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from .mode import MODE
from .node import Node

__all__ = ["Node", "saved_tensors_hooks"]


class _Packed:
    """A value that a hook has taken into custody, and the place of the original in its graph."""

    __slots__ = ("kept", "node", "leaf", "needs")

    def __init__(self, kept: Any, tensor: Any, is_argument: bool) -> None:
        self.kept = kept
        self.node = tensor._node if is_argument else None
        self.needs = tensor._needs if is_argument else False
        self.leaf = tensor if self.needs and self.node is None else None


class saved_tensors_hooks:
    """Inside the block, ``pack_hook`` replaces each saved tensor by whatever it returns; ``unpack_hook`` restores it.

    Examples
    --------
    >>> import tinygrad_cv as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> with saved_tensors_hooks(lambda t: t.numpy().astype("float16"), lambda a: tg.tensor(a, dtype="float32")):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad.tolist()
    [2.0, 4.0]
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._before: list[Any] = []

    def __enter__(self) -> None:
        self._before.append(MODE.pack)
        MODE.pack = self._pack

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        MODE.pack = self._before.pop()

    def _pack(self, guest: Any, node: Node) -> None:
        """Hand what a new node keeps to the hook."""
        pack, MODE.pack = MODE.pack, None  # what the hook computes is not packed again
        try:
            saved = [self._custody(guest, v, True) for v in node.saved]
            y = None if node.y is None else self._custody(guest, guest(node.y), False)
            extras = [self._custody(guest, guest(e), False) for e in node.extras]
        finally:
            MODE.pack = pack
        node.saved, node.y, node.extras, node.versions = [], None, (), None

        def unpack(recording: bool) -> tuple[list[Any], Any, list[Any]]:
            ys = None if y is None else self._restored(guest, y, False)
            return (
                [self._restored(guest, v, recording) for v in saved],
                None if ys is None else ys._data,
                [self._restored(guest, e, False)._data for e in extras],
            )

        node.unpack = unpack

    def _custody(self, guest: Any, value: Any, is_argument: bool) -> Any:
        if not isinstance(value, guest):
            return value
        return _Packed(self.pack_hook(guest(value._data)), value, is_argument)

    def _restored(self, guest: Any, value: Any, recording: bool) -> Any:
        if not isinstance(value, _Packed):
            return value
        if recording and value.leaf is not None:
            return value.leaf
        tensor = self.unpack_hook(value.kept)
        if recording and value.node is not None:
            return guest._from_node(tensor._data, value.node)
        return tensor
