"""Linear regression on mergeable moments, and the service around it.

Public names are imported on first use, so that importing the package loads neither NumPy nor scikit-learn.

Examples
--------
>>> import linear_regressor
>>> sorted(linear_regressor.__all__)
['Moments', 'SimpleLinearRegression']
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linear_regressor.model.linear_regression import SimpleLinearRegression
    from linear_regressor.model.moments import Moments

__all__ = ["Moments", "SimpleLinearRegression"]

_MODULES = {
    "Moments": "linear_regressor.model.moments",
    "SimpleLinearRegression": "linear_regressor.model.linear_regression",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its module."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(_MODULES[name]), name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{name} needs {error.name}, which comes with the extra 'training': "
                                  "pip install '.[training]' in a checkout", name=error.name) from None
