"""Shares of rows in bins or categories as bars, beside those of earlier rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from linear_regressor.page.chart import Chart, Tick

# Labels of an axis, and characters that fit below it.
MOST_LABELS = 5
MOST_CHARACTERS = 48
# Characters of a category in the table.
LONGEST = 100


class Bins(NamedTuple):
    """What the bars stand for."""

    # of each bar, for the table
    texts: tuple[str, ...]
    # place on the axis, where each bar is 1 wide, and label
    ticks: tuple[tuple[float, str], ...]

    @classmethod
    def between(cls, edges: Sequence[float]) -> Bins:
        """Bins of numbers; all are drawn equally wide."""
        step = -(-len(edges) // MOST_LABELS) or 1
        texts = ["all values"] if not edges else [
            f"below {edges[0]:.4g}", *(f"{low:.4g} to {high:.4g}" for low, high in zip(edges, edges[1:], strict=False)),
            f"{edges[-1]:.4g} or more"]
        return cls(tuple(texts), tuple((place + 1.0, f"{edge:.3g}") for place, edge in enumerate(edges)
                                       if place % step == step // 2))

    @classmethod
    def of(cls, categories: Sequence[str]) -> Bins:
        """Categories, with labels as long as there is room for."""
        most = MOST_CHARACTERS // max(len(categories), 1)
        return cls(tuple(_shortened(text, LONGEST) for text in categories),
                   tuple((place + 0.5, _shortened(text, most)) for place, text in enumerate(categories)))


def _shortened(text: str, most: int) -> str:
    """Leave out the end of a long text."""
    return text if len(text) <= most else f"{text[:most - 1]}…"


def share_chart(chart: tuple[str, str, str, str], bins: Bins, before: Sequence[float] | None, now: Sequence[float],
                earlier: str) -> Chart:
    """Draw shares; a chart's name, title, description and the name of its values come first."""
    name, title, description, values = chart
    highest = max(*now, *(before or ()), 0.0)
    drawn = Chart(name, title, description, (0.0, float(len(now))), (0.0, highest), (values, "share of rows"))
    drawn.x_ticks = [Tick(drawn.x.pixel(place), text) for place, text in bins.ticks]
    for place, share in enumerate(now):
        if before is not None:
            drawn.bar(place + 0.06, place + 0.94, 0.0, before[place], "then")
        drawn.bar(place + 0.28, place + 0.72, 0.0, share, "now")
    drawn.legend += [*([("key-then", earlier)] if before is not None else []), ("key-now", "now")]
    drawn.table(("values", earlier, "now"), (
        (text, "–" if before is None else f"{before[place]:.2%}", f"{now[place]:.2%}")
        for place, text in enumerate(bins.texts)))
    return drawn
