"""How sure a share is."""

from __future__ import annotations

from math import sqrt

SURE = 1.959963984540054  # standard deviations that hold 95 % of a normal distribution


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share by Wilson's score (1927): honest for small numbers, never below 0 or above 1."""
    if total == 0:
        return 0.0, 1.0
    share, square = right / total, SURE * SURE
    middle = (share + square / (2 * total)) / (1 + square / total)
    reach = SURE / (1 + square / total) * sqrt(share * (1 - share) / total + square / (4 * total * total))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def byar(count: float) -> tuple[float, float]:
    """The 95 % interval of what a count of rare things expects, by Byar's approximation to the exact Poisson one."""
    more = count + 1
    high = more * (1 - 1 / (9 * more) + SURE / (3 * sqrt(more))) ** 3
    low = count * (1 - 1 / (9 * count) - SURE / (3 * sqrt(count))) ** 3 if count > 0 else 0.0
    return max(0.0, low), high
