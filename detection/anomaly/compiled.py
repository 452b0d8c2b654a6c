"""Loops as machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def compiled(function: Callable[..., Any], signature: str) -> Callable[..., Any]:
    """A plain loop over arrays, compiled and free of the interpreter's lock. Kept on disk beside its module where that
    can be written."""
    import numba  # compiles once, a second the first time

    try:
        return numba.njit(signature, cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # nowhere to keep it
        return numba.njit(signature, nogil=True)(function)  # type: ignore[no-any-return]
