"""Small drawings as numbers a template turns into SVG: no script, no library, readable in print."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path

WIDTH, HEIGHT = 240, 48
MAP = Path(__file__).parent / "static" / "world.svg"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands, how high it is, and what is said of it."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars in a box of ``width`` by ``height`` with its greatest value and one sentence for who cannot see it."""

    bars: list[Bar]
    most: str
    summary: str
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Column:
    """Bars one upon the other, each by its series' name, and what is said of them together."""

    x: float
    width: float
    label: str
    words: str
    bars: list[tuple[str, Bar]]


@dataclass(frozen=True, slots=True)
class Stack:
    """Columns side by side."""

    columns: list[Column]
    most: str
    summary: str
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True, slots=True)
class Shape:
    """A country of the drawing: how much came from there, and in which of four steps that is."""

    code: str
    name: str
    number: int
    step: int


@dataclass(frozen=True, slots=True)
class World:
    """What is lit on the map."""

    shapes: list[Shape]
    dots: list[Dot]


@dataclass(frozen=True, slots=True)
class Dot:
    """A place on the map: its point on 360 by 180, how large, and how much came from there."""

    x: float
    y: float
    radius: float
    code: str
    name: str
    number: int


def bars(values: Sequence[float], labels: Sequence[str], *, what: str, unit: str = "", height: int = HEIGHT) -> Chart:
    """A bar a value. What is zero has no height, whatever is more can be seen."""
    most = max(values, default=0)
    each = WIDTH / max(len(values), 1)
    drawn = []
    for at, (value, label) in enumerate(zip(values, labels, strict=True)):
        tall = max(round(value / most * (height - 1), 1), 1.5) if most and value else 0
        words = f"{value:,.0f}{unit}"
        drawn.append(Bar(round(at * each, 2), round(height - tall, 1), round(each * 0.82, 2), tall, label, words))
    newest = f"{values[-1]:,.0f}{unit}" if values else "0"
    return Chart(drawn, f"{most:,.0f}{unit}", f"{what}: at most {most:,.0f}{unit}, last {newest}.", height=height)


def stacked(series: Sequence[tuple[str, Sequence[int]]], labels: Sequence[str], *, what: str, height: int) -> Stack:
    """A column a label, a colour for each of the series, the first at the bottom. What is zero is not drawn."""
    sums = [sum(values) for values in zip(*(values for _, values in series), strict=True)]
    most, each = max(sums, default=0), WIDTH / max(len(sums), 1)
    columns = []
    for at, label in enumerate(labels):
        below, bars = 0.0, []
        parts = [(name, values[at]) for name, values in series if values[at]]
        for name, value in parts:
            tall = value / most * (height - 1)
            below += tall
            box = (round(at * each, 2), round(height - below, 2), round(each * 0.82, 2), round(tall, 2))
            bars.append((name, Bar(*box, label, f"{value} {name}")))
        words = ", ".join(f"{value} {name}" for name, value in parts)
        columns.append(Column(round(at * each, 2), round(each, 2), label, words, bars))
    whole = sum(sums)
    return Stack(columns, f"{most:,}", f"{what}: {whole:,} in all, at most {most:,} an hour.", height=height)


def world(numbers: Mapping[str, int], places: Iterable[tuple[str, str, tuple[float, float]]]) -> World:
    """A map of countries: those something came from, in four steps; a point for one too small to have a shape."""
    most = max(numbers.values(), default=1)
    drawn = shapes()
    lit, dots = [], []
    for code, name, (latitude, longitude) in places:
        number = numbers.get(code, 0)
        if number and code in drawn:
            lit.append(Shape(code, name, number, ceil(4 * number / most)))
        elif number:
            radius = round(2 + 5 * (number / most) ** 0.5, 1)
            dots.append(Dot(round(longitude + 180, 1), round(90 - latitude, 1), radius, code, name, number))
    return World(lit, dots)


@lru_cache
def shapes() -> frozenset[str]:
    """The countries the drawing has a shape for."""
    return frozenset(re.findall(r'id="([A-Z]{2})"', MAP.read_text(encoding="utf-8")))
