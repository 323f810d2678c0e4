"""See inside a network: what a unit looks at, what a decision rests on, and how the reverse pass finds its way.

Everything is read from one recorded forward pass, so it holds for modules, for functional calls, for modules that run
twice and for operations that write in place.
"""

from __future__ import annotations
