"""Centred cross-products of rows in one pass, block by block."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linear_regressor.errors import DataError, MomentsError

Array = NDArray[np.float64]

# A block of 8,192 rows of 50 columns has 3 MB and stays in the processor's cache while it is multiplied.
BLOCK_ROWS = 8192
BLOCK_VALUES = 1 << 20
# Most values of a block of X's rows: half a megabyte stays in a core's own cache from the subtraction to the product.
CACHED_VALUES = 1 << 16

EPS = float(np.finfo(np.float64).eps)

# Beside the lengths of two columns, because cancellation may leave nothing but rounding of their cross-product.
SYMMETRY = 1e-9

# Subtracting rows s times larger than the remaining ones costs the remainder a relative error of about EPS * s ** 2.
LARGEST_SHRINKAGE = 1e8

# Squares below it have fewer digits.
SMALLEST_SQUARE = float(np.finfo(np.float64).tiny)
TOO_LARGE = "the values of X or y are too large: their squares leave the range of float64; scale the columns"
TOO_SMALL = ("the values of a column vary too little: their squares, times the weights, leave the range of float64; "
             "scale the columns")


def from_rows(X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> tuple[float, Array, Array]:
    """Row count n, mean m and centred cross-products C of ``z = (x, y)``.

    Rows are shifted by about the mean of the first block before they are multiplied, so that a common offset costs no
    digits. Non-finite values show in C, which saves a pass over the data.
    """
    x, target, weight = _as_rows(X, y, sample_weight)
    with np.errstate(all="ignore"):  # a non-finite result is explained below
        shift = _shift(x, target, weight)
        n, m, C = centred(_shifted_gram(x, target, weight, shift), shift)
    if not np.isfinite(C).all():
        raise DataError(_why_not_finite(x, target, weight))
    for column in np.flatnonzero(underflows(C, len(x))):
        values = (target if column == x.shape[1] else x[:, column])[slice(None) if weight is None else weight > 0]
        if values.min() < values.max():
            raise MomentsError(TOO_SMALL)
    return n, m, C


def centred(gram: Array, shift: Array) -> tuple[float, Array, Array]:
    """Convert the Gram matrix of shifted rows into row count n, mean m and centred cross-products C."""
    n, sums = float(gram[-1, -1]), gram[:-1, -1]
    C = gram[:-1, :-1] - np.outer(sums, sums / n)  # in this order huge and tiny weights stay in range
    C = np.minimum(C, C.T)  # the product rounds C_ij and C_ji differently; either will do
    np.fill_diagonal(C, np.maximum(C.diagonal(), 0.0))  # rounding must not make a variance negative
    return n, shift + sums / n, C


def underflows(C: Array, rows: int) -> NDArray[np.bool_]:
    """Whether the sum of squares of each column is too small to have all its digits, or 0."""
    small: NDArray[np.bool_] = C.diagonal() < rows * SMALLEST_SQUARE
    return small


def merged(n1: float, m1: Array, C1: Array, n2: float, m2: Array, C2: Array) -> tuple[float, Array, Array]:
    """Row count, mean and centred cross-products of two sets of rows together."""
    n = n1 + n2
    with np.errstate(all="ignore"):  # a non-finite result is explained below
        d = m2 - m1
        m, C = m1 + d * (n2 / n), C1 + C2 + np.outer(d, d) * (n1 / n * n2)
    if not (np.isfinite(m).all() and np.isfinite(C).all()):
        raise MomentsError(TOO_LARGE)
    if (underflows(C, 1) & (d != 0)).any():
        raise MomentsError(TOO_SMALL)
    return n, m, C


def _as_rows(X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Array, Array, Array | None]:
    """Convert to numeric arrays, without a copy where possible, and reject shapes that do not match."""
    x, target = _numeric(X, "X"), _numeric(y, "y")
    if x.ndim != 2 or x.shape[1] == 0:
        raise DataError(f"X must have rows and at least one column, not shape {x.shape}")
    if target.ndim != 1 or len(target) != len(x):
        raise DataError(f"y must have one value for each of the {len(x)} rows of X, not shape {target.shape}")
    if len(x) == 0:
        raise DataError("X has no rows")
    return x, target, None if sample_weight is None else _weights(sample_weight, len(x))


def _numeric(values: ArrayLike, name: str) -> Array:
    """Return numeric arrays as they are; convert other objects to float64."""
    try:
        array = np.asarray(values)
        if array.dtype.kind in "cmM":  # NumPy would drop imaginary parts and convert dates to days
            raise TypeError(f"they are {array.dtype}")
        return array if array.dtype.kind in "fiub" else array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be real numbers: {error}") from None


def _weights(sample_weight: ArrayLike, rows: int) -> Array:
    """Validate sample weights."""
    weight = _numeric(sample_weight, "sample_weight").astype(np.float64)
    if weight.shape != (rows,):
        raise DataError(f"sample_weight must have one value for each of the {rows} rows, not shape {weight.shape}")
    with np.errstate(over="ignore"):  # an overflowing sum is rejected as non-finite
        usable = (weight >= 0).all() and 0 < weight.sum() < np.inf
    if not usable:
        raise DataError("sample_weight must be finite and non-negative, with a positive and finite sum")
    return weight


def _shift(x: Array, target: Array, weight: Array | None) -> Array:
    """Rounded mean of the first block of rows, or of the heaviest: light ones may be far from the mean of all."""
    rows: slice | NDArray[np.intp] = slice(BLOCK_ROWS)
    if weight is not None:
        rows = np.flatnonzero(weight)
        if len(rows) > BLOCK_ROWS:
            rows = np.sort(rows[np.argpartition(weight[rows], -BLOCK_ROWS)[-BLOCK_ROWS:]])
    first = np.column_stack([x[rows], target[rows]]).astype(np.float64)
    return round_mean(first, None if weight is None else weight[rows])


def round_mean(first: Array, weight: Array | None = None) -> Array:
    """Mean of the first rows, rounded to about an eighth of their standard deviation.

    Close enough to the mean of all rows to preserve digits, and round enough that arithmetic on columns of integers
    stays exact. For a constant column it is the constant, which leaves exactly 0.
    """
    mean = _mean(first, weight)
    spread = np.sqrt(_mean((first - mean) ** 2, weight))
    unit = np.ldexp(1.0, np.frexp(np.where(spread > 0, spread, 1.0))[1] - 4)
    shift = np.where(first.min(axis=0) == first.max(axis=0), first[0], np.round(mean / unit) * unit)
    return np.where(np.isfinite(shift), shift, 0.0)


def _mean(rows: Array, weight: Array | None) -> Array:
    """Mean of the rows; ``np.average`` takes longer without weights."""
    mean: Array = rows.mean(axis=0) if weight is None else np.average(rows, axis=0, weights=weight)
    return mean


def _shifted_gram(x: Array, target: Array, weight: Array | None, shift: Array) -> Array:
    """``sum w q q'`` over the rows ``q = (z - shift, 1)``, shape (p + 2, p + 2)."""
    n, p = x.shape
    size = max(256, min(BLOCK_ROWS, BLOCK_VALUES // (p + 2)))
    # A block in the memory order of X takes half the time to fill.
    by_column = x.flags.f_contiguous and not x.flags.c_contiguous
    if n > size and not by_column:
        return _gram_of_rows(x, target, weight, shift)
    block = np.empty((min(size, n), p + 2), order="F" if by_column else "C")
    gram = np.zeros((p + 2, p + 2))
    for start in range(0, n, size):
        stop = min(start + size, n)
        q = block[:stop - start]
        np.subtract(x[start:stop], shift[:-1], out=q[:, :p])
        np.subtract(target[start:stop], shift[-1], out=q[:, p])
        q[:, p + 1] = 1.0
        if weight is not None:
            q *= np.sqrt(weight[start:stop])[:, None]
        gram += q.T @ q
    return gram


def _gram_of_rows(x: Array, target: Array, weight: Array | None, shift: Array) -> Array:
    """``sum w q q'`` of many rows: blocks of X alone, which NumPy shifts in one loop, or leaves where they are."""
    n, p = x.shape
    size = max(256, min(BLOCK_ROWS, CACHED_VALUES // (p + 2)))
    block, offset = np.empty((size, p)), np.tile(shift[:-1], (size, 1))
    is_copied = weight is not None or x.dtype != np.float64 or bool(shift[:-1].any())
    last = np.ones((2, size))  # the shifted target, and ones
    gram = np.zeros((p + 2, p + 2))
    for start in range(0, n, size):
        z, count = x[start:start + size], min(size, n - start)
        if is_copied:
            z = np.subtract(z, offset[:count], out=block[:count])
        rest = last[:, :count]
        np.subtract(target[start:start + size], shift[-1], out=rest[0])
        if weight is not None:
            rest[1] = np.sqrt(weight[start:start + size])
            rest[0] *= rest[1]
            z *= rest[1][:, None]
        gram[:p, :p] += z.T @ z
        gram[p:, :p] += rest @ z
        gram[p:, p:] += rest @ rest.T
    gram[:p, p:] = gram[p:, :p].T
    return gram


def _why_not_finite(x: Array, target: Array, weight: Array | None) -> str:
    """Explain non-finite cross-products by the first invalid value."""
    for name, values in (("X", x), ("y", target[:, None])):
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            row, column = bad[0]
            kind = "NaN" if np.isnan(values[row, column]) else "infinity (inf)"
            where = f"row {row}, column {column}" if name == "X" else f"row {row}"
            return f"Input {name} contains {kind} at {where} (counted from 0)"
    return TOO_LARGE


def is_symmetric(C: Array) -> bool:
    """Whether both triangles are equal up to rounding of the rows."""
    length = np.sqrt(C.diagonal())
    return bool((np.abs(C - C.T) <= SYMMETRY * np.outer(length, length)).all())


def checked_remainder(left: Array, n: float, m: Array, C: Array) -> Array:
    """Return what a subtraction from moments left of C, or reject it where it is invalid or lost too many digits."""
    total = C.diagonal()
    # Differences of means are rounded at the size of the means.
    size = total + np.sqrt(total) * np.sqrt(n) * np.abs(m)
    rounding = 16 * EPS * size
    diagonal = left.diagonal()
    if (diagonal < -rounding).any():
        raise MomentsError("these rows are not part of those moments: the remainder would have a negative variance")
    constant = diagonal <= rounding
    if (constant & (total > 0)).any() or (total > LARGEST_SHRINKAGE * diagonal).any():
        raise MomentsError("the subtracted rows are so much larger than the others that the digits of the rest are "
                           "lost; fit again on the rows that stay")
    scale = 1.0 / np.sqrt(np.where(constant, 1.0, diagonal))
    shrinkage = np.max(size * scale ** 2)
    lowest = np.linalg.eigvalsh(left * np.outer(scale, scale))[0]
    if lowest < -64 * EPS * len(left) * max(shrinkage, 1.0):
        raise MomentsError("these rows are not part of those moments: the remainder would not be positive semidefinite")
    cleaned = left.copy()
    np.fill_diagonal(cleaned, np.maximum(diagonal, 0.0))
    return cleaned
