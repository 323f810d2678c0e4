"""Where tensors live: there is one device, the CPU; the class lets listings written for several run unchanged."""

from __future__ import annotations


class device(str):
    """The name of a device, 'cpu' or 'cuda:0'; a tensor can only go to the CPU, and says so.

    >>> device("cuda", 0), device("cpu") == "cpu", device("cuda:1").index
    (device('cuda:0'), True, 1)
    """

    def __new__(cls, type: str, index: int | None = None) -> device:
        return super().__new__(cls, type if index is None else f"{type}:{index}")

    @property
    def type(self) -> str:
        """The kind of device, without its number."""
        return self.partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """Its number, or None."""
        number = self.partition(":")[2]
        return int(number) if number else None

    def __repr__(self) -> str:
        return f"device({str(self)!r})"
