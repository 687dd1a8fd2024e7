"""``Settings``: what an operator can change about the service, read from the environment once, at start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from linear_regressor.errors import SettingError

DEFAULT_MODEL_PATH = "models/simple_linear_regressor.joblib"


@dataclass(frozen=True)
class Settings:
    """Settings of the service; each can be set by an environment variable.

    Parameters
    ----------
    port : int
        ``PORT``: TCP port to listen on, 1 to 65535.
    workers : int
        ``WEB_CONCURRENCY``: worker processes, 1 to 512; by default the CPUs this process may use.
    threads : int
        ``THREADS``: threads of each worker, 1 to 512.
    model_path : str
        ``MODEL_PATH``: the model file to serve.
    max_content_length : int
        ``MAX_CONTENT_LENGTH``: largest request body, in bytes, at least 1.
    max_rows : int
        ``MAX_ROWS``: most rows in one request, at least 1.

    Examples
    --------
    >>> settings = Settings.from_env({"PORT": "8080", "WEB_CONCURRENCY": "1"}, threads=2)
    >>> settings.port, settings.workers, settings.threads, settings.max_rows
    (8080, 1, 2, 1000000)
    """

    port: int
    workers: int
    threads: int
    model_path: str
    max_content_length: int
    max_rows: int

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **given: int | str | None) -> Settings:
        """Take each setting from what is given, else from the environment, else its default.

        Parameters
        ----------
        environ : mapping of str to str
            The environment, such as ``os.environ``.
        **given : int, str or None
            Settings that go before the environment; None means not given.

        Returns
        -------
        Settings

        Raises
        ------
        SettingError
            If a value cannot be used; the message names the key, the value and what is wanted.
        """
        path = given.get("model_path")
        return cls(
            port=_whole_number(environ, "PORT", given.get("port"), 5000, 65535),
            workers=_whole_number(environ, "WEB_CONCURRENCY", given.get("workers"), usable_cpus(), 512),
            threads=_whole_number(environ, "THREADS", given.get("threads"), 4, 512),
            model_path=str(path) if path is not None else environ.get("MODEL_PATH") or DEFAULT_MODEL_PATH,
            max_content_length=_whole_number(environ, "MAX_CONTENT_LENGTH", given.get("max_content_length"),
                                             16 * 1024 * 1024),
            max_rows=_whole_number(environ, "MAX_ROWS", given.get("max_rows"), 1_000_000),
        )


# The options of the command line that set what an environment variable sets too.
OPTIONS = {"PORT": "--port", "WEB_CONCURRENCY": "--workers", "THREADS": "--threads"}


def _whole_number(environ: Mapping[str, str], key: str, given: int | str | None, default: int,
                  most: int | None = None) -> int:
    """Read one setting; a variable that is wrong is told even where an option goes before it."""
    number = _checked(key, environ.get(key) or default, most)
    return number if given is None else _checked(OPTIONS.get(key, key), given, most)


def _checked(name: str, value: int | str, most: int | None) -> int:
    """Give a whole number from 1 to ``most``."""
    try:
        number = int(value)
    except ValueError:
        number = 0
    if number < 1 or (most is not None and number > most):
        wanted = f"from 1 to {most}" if most else "of at least 1"
        raise SettingError(f"{name} has the value {value!r}; a whole number {wanted} is wanted")
    return number


def usable_cpus() -> int:
    """Count the CPUs this process may use, which may be fewer than the machine has.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> usable_cpus() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
