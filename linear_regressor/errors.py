"""Every error this package raises on purpose, in one tree.

::

    LinearRegressorError            exit code 1; catch this one to catch them all
    ├── SettingError                2  a setting, option or argument that cannot be used
    │   └── RateError               2  a learning rate at which descent cannot converge
    ├── DataError (ValueError)      1  rows that cannot be used: where and why
    │   ├── MomentsError            1  moments that cannot be merged, subtracted or compared
    │   ├── StatisticsError         1  statistics of the fit that these moments cannot give
    │   └── InvalidPayload             a request body that breaks the contract (serving/payload/faults.py)
    ├── DivergenceError             1  descent that left the range of float64
    ├── UnavailableError            2  a method that the parameters of the estimator rule out
    │     (AttributeError, ValueError)
    ├── ArtefactError               1  a model file that is missing, damaged, or of another format
    ├── QualityError                1  a model that is worse than the least that was asked for
    ├── ClusterError                1  a cluster that cannot be reached, or workers that cannot do the work
    └── ServerError                 1  a server that cannot start

The command line prints the message as one line and ends with ``exit_code``.
"""


class LinearRegressorError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 1


class SettingError(LinearRegressorError):
    """A setting, option or argument cannot be used; the message gives name, value and what is wanted."""

    exit_code = 2


class RateError(SettingError):
    """The learning rate is at or over the limit at which gradient descent stops converging."""


class DataError(LinearRegressorError, ValueError):
    """Rows cannot be used; the message says which and why."""


class MomentsError(DataError):
    """Two sets of moments do not go together, or what would be left of them carries no model."""


class StatisticsError(DataError):
    """The moments cannot give the statistics that were asked for (too few rows or dependent columns)."""


class DivergenceError(LinearRegressorError):
    """Descent left the range of float64."""


class UnavailableError(LinearRegressorError, AttributeError, ValueError):
    """The parameters rule this method out: a ValueError to who calls it, and not there for who asks ``hasattr``."""

    exit_code = 2


class ArtefactError(LinearRegressorError):
    """A model file is missing, damaged or of another format; the message names the file and the remedy."""


class QualityError(LinearRegressorError):
    """The trained model is worse than the least that was asked for; nothing was saved."""


class ClusterError(LinearRegressorError):
    """A cluster cannot be reached, or its workers cannot do the work; what was finished before is kept."""


class ServerError(LinearRegressorError):
    """The server cannot start; the message says which setting changes that."""
