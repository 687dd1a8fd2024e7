"""``Chart``: a figure with axes, a legend and a table of its numbers, for the pages and for report files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

# Of more features than this a page shows no figure, or some only.
MAX_PANELS = 12
# Size of a panel in its own pixels, which the page scales, and the margins around its axes.
WIDTH, HEIGHT = 440, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 24, 44
TICKS = 5
# Readable distances between ticks, in powers of ten.
TICK_STEPS = (1.0, 2.0, 5.0, 10.0)


class Axis(NamedTuple):
    """A linear scale."""

    # ends in the unit of the data, ``low < high``
    low: float
    high: float
    # the same ends in pixels
    start: float
    end: float

    def pixel(self, value: float) -> float:
        """Convert a value to pixels, rounded to a hundredth."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 2)

    def ticks(self, max_ticks: int) -> list[float]:
        """Choose round values between the ends."""
        rough = (self.high - self.low) / max_ticks
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(step * power for step in TICK_STEPS if step * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


class Shape(NamedTuple):
    """An SVG element without content; its looks are in the stylesheet."""

    tag: str
    css: str
    # rounded to a hundredth of a pixel
    attributes: dict[str, str]


class Tick(NamedTuple):
    """A value on an axis."""

    pixel: float
    text: str


class Chart:
    """Shapes are drawn in the order in which they are added."""

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM

    def __init__(self, name: str, title: str, description: str, x: tuple[float, float], y: tuple[float, float],
                 names: tuple[str, str]) -> None:
        # id of the element, unique in the page
        self.name, self.title, self.description = name, title, description
        self.x = _axis(x, LEFT, WIDTH - RIGHT)
        self.y = _axis(y, HEIGHT - BOTTOM, TOP)
        self.x_name, self.y_name = names
        self.x_ticks = [Tick(self.x.pixel(value), f"{value:.6g}") for value in self.x.ticks(TICKS)]
        self.y_ticks = [Tick(self.y.pixel(value), f"{value:.4g}") for value in self.y.ticks(TICKS)]
        self.shapes: list[Shape] = []
        # class and text of each entry
        self.legend: list[tuple[str, str]] = []
        self.columns: tuple[str, ...] = ()
        self.rows: list[tuple[str, ...]] = []

    def bar(self, start: float, end: float, low: float, high: float, css: str) -> None:
        """Add a rectangle."""
        left, right = sorted((self.x.pixel(start), self.x.pixel(end)))
        upper, lower = sorted((self.y.pixel(low), self.y.pixel(high)))
        self._add("rect", css, x=left, y=upper, width=right - left, height=lower - upper)

    def line(self, points: Iterable[tuple[float, float]], css: str) -> None:
        """Add a line through points, and a dot if there is only one."""
        pixels = [(self.x.pixel(x), self.y.pixel(y)) for x, y in points]
        if len(pixels) == 1:
            self._add("circle", f"{css} dot", cx=pixels[0][0], cy=pixels[0][1], r=3)
        self.shapes.append(Shape("polyline", css, {"points": " ".join(f"{x},{y}" for x, y in pixels)}))

    def dot(self, x: float, y: float, css: str, radius: float) -> None:
        """Add a dot."""
        self._add("circle", css, cx=self.x.pixel(x), cy=self.y.pixel(y), r=radius)

    def level(self, y: float, css: str) -> None:
        """Add a horizontal line across the figure."""
        self._add("line", css, x1=LEFT, x2=WIDTH - RIGHT, y1=self.y.pixel(y), y2=self.y.pixel(y))

    def mark(self, x: float, css: str) -> None:
        """Add a vertical line across the figure."""
        self._add("line", css, x1=self.x.pixel(x), x2=self.x.pixel(x), y1=TOP, y2=HEIGHT - BOTTOM)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Set the same numbers as text."""
        self.columns, self.rows = tuple(columns), [tuple(row) for row in rows]

    def _add(self, tag: str, css: str, **attributes: float) -> None:
        self.shapes.append(Shape(tag, css, {name: f"{value:.6g}" for name, value in attributes.items()}))


def _axis(ends: tuple[float, float], start: float, end: float) -> Axis:
    """Make an axis of finite length, also for a single value."""
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = 0.0, 1.0
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        margin = abs(low) / 10.0 or 1.0
        low, high = low - margin, high + margin
    return Axis(low, high, start, end)
