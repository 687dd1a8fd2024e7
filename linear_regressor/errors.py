"""Every error that this package raises on purpose, in one tree.

::

    LinearRegressorError            exit code 1; catch this one to catch them all
    ├── SettingError                2  an invalid setting, option or argument
    │   └── RateError               2  a learning rate at which descent cannot converge
    ├── DataError (ValueError)      1  unusable rows: where and why
    │   ├── MomentsError            1  moments that cannot be merged, subtracted or compared
    │   ├── StatisticsError         1  statistics that these moments do not determine
    │   ├── UnusableDataError       5  data that fail their verification
    │   └── InvalidPayload             a request body that breaks the contract (serving/schema/faults.py)
    ├── DivergenceError             1  descent that left the range of float64
    ├── UnavailableError            2  a method that the estimator's parameters rule out
    │     (AttributeError, ValueError)
    ├── ArtefactError               1  a missing or damaged file of a model or of moments, or one of another format
    ├── ConflictError               1  somebody else promoted a model first
    ├── QualityError                1  a model that is worse than required
    ├── StoreError                  1  a feedback store that cannot be used
    │   └── StoreUnavailable        1  a feedback store that is down or has no space: later it may work
    ├── TrackingError               1  MLflow cannot be used, or does not have what was asked for
    ├── ClusterError                1  an unreachable cluster, or workers that cannot do the work
    └── ServerError                 1  a server that cannot start

The command line prints the message on one line and exits with ``exit_code``.
"""


class LinearRegressorError(Exception):
    """Base class of the errors that this package raises on purpose."""

    exit_code = 1


class SettingError(LinearRegressorError):
    """A setting, option or argument is invalid; the message has its name, its value and what is valid."""

    exit_code = 2


class RateError(SettingError):
    """The learning rate is at or over the limit at which gradient descent stops converging."""


class DataError(LinearRegressorError, ValueError):
    """Rows cannot be used; the message says which and why."""


class MomentsError(DataError):
    """Two sets of moments do not match, or the result would determine no model."""


class StatisticsError(DataError):
    """The moments do not determine the requested statistics: too few rows, or dependent columns."""


class UnusableDataError(DataError):
    """The verification of a data set found an error; nothing was written."""

    exit_code = 5


class DivergenceError(LinearRegressorError):
    """Descent left the range of float64."""


class UnavailableError(LinearRegressorError, AttributeError, ValueError):
    """The parameters rule this method out. Also an AttributeError, so that hasattr() is False."""

    exit_code = 2


class ArtefactError(LinearRegressorError):
    """A file is missing, damaged or of another format; the message has its name and the remedy."""


class ConflictError(LinearRegressorError):
    """Somebody else promoted a model or rolled back first; nothing was changed."""


class QualityError(LinearRegressorError):
    """The trained model is worse than required; nothing was saved."""


class StoreError(LinearRegressorError):
    """The feedback store cannot be used; the message never contains its password."""


class StoreUnavailable(StoreError):
    """The feedback store is down, has no space or does not respond in time; the same request may succeed later."""


class TrackingError(LinearRegressorError):
    """MLflow cannot be used, or does not have what was asked for; the message never contains credentials."""


class ClusterError(LinearRegressorError):
    """The cluster is unreachable, or its workers cannot do the work; finished results are kept."""


class ServerError(LinearRegressorError):
    """The server cannot start; the message names the setting to change."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as messages show it."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
