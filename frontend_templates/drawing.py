"""Small drawings as numbers for SVG: columns over days, and where a share lies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def columns(values: Sequence[int], *, width: int = 112, height: int = 24, most: int = 0) -> dict[str, Any]:
    """Columns side by side as one path, the last apart; the highest, or ``most``, fills the height."""
    most, step = most or max(values, default=0), width / max(len(values), 1)
    bars = []
    for place, value in enumerate(values):
        tall = max(height * value / most, 1.5) if value and most else 0.75
        bars.append(f"M{place * step + 0.5:.1f} {height - tall:.1f}h{step - 1:.1f}v{tall:.1f}h-{step - 1:.1f}z")
    return {"width": width, "height": height, "path": "".join(bars[:-1]), "last": "".join(bars[-1:]), "most": most}


def share(low: float, high: float, at: float) -> dict[str, Any]:
    """A share between 0 and 1 with its interval, on a line of 100."""
    return {"low": round(100 * low, 1), "width": round(100 * max(high - low, 0.01), 1), "at": round(100 * at, 1)}


def pairs(rows: Sequence[tuple[str, float, float]], *, width: int = 720, height: int = 160) -> dict[str, Any]:
    """For each label two columns that share a scale: what was well, and what was not."""
    most = max((max(good, bad) for _, good, bad in rows), default=0.0)
    step = width / max(len(rows), 1)
    drawn = []
    for place, (label, good, bad) in enumerate(rows):
        tall = [height * value / most if most else 0.0 for value in (good, bad)]
        wide = min(step * 0.4, 26)
        first = place * step + step / 2 - wide
        drawn.append(
            {
                "label": label,
                "x": round(place * step, 1),
                "width": round(step, 1),
                "good": _bar(first, wide, tall[0], height),
                "bad": _bar(first + wide, wide, tall[1], height),
            }
        )
    return {"width": width, "height": height, "most": most, "rows": drawn}


def _bar(x: float, wide: float, tall: float, height: int) -> dict[str, float]:
    tall = max(tall, 1.5) if tall else 0.0
    return {
        "x": round(x, 1),
        "y": round(height - tall, 1),
        "width": round(max(wide - 1, 1), 1),
        "height": round(tall, 1),
    }
