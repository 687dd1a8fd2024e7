"""``Axis``: one direction of a figure, from data to pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Tick distances that people read at a glance, in powers of ten.
STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Axis:
    """A straight scale.

    Parameters
    ----------
    low, high : float
        Ends in the unit of the data, ``low < high``.
    start, end : float
        Ends in pixels.

    Examples
    --------
    >>> axis = Axis(0.0, 10.0, 100.0, 300.0)
    >>> axis.pixel(5.0), axis.ticks(4)
    (200.0, [0.0, 5.0, 10.0])
    """

    low: float
    high: float
    start: float
    end: float

    def pixel(self, value: float) -> float:
        """Place a value, to a hundredth of a pixel.

        Parameters
        ----------
        value : float
            In the unit of the data.

        Returns
        -------
        float
        """
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 2)

    def ticks(self, most: int) -> list[float]:
        """Choose round values between the ends.

        Parameters
        ----------
        most : int
            Most of them, at least 2.

        Returns
        -------
        list of float
        """
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(step * power for step in STEPS if step * power >= rough * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{number * step:.12g}") for number in range(first, last + 1)]
