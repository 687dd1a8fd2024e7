"""Settings cannot lie: each is read where it should be, and a wrong value is named."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from linear_regressor.errors import SettingError
from linear_regressor.settings import Settings, usable_cpus


def test_defaults_hold_where_nothing_is_set() -> None:
    """An empty environment gives the documented defaults."""
    assert Settings(5000, usable_cpus(), 4, "models/simple_linear_regressor.joblib", 16 * 1024 ** 2, 1_000_000
                    ) == Settings.from_env({})


def test_the_environment_goes_before_the_defaults() -> None:
    """Every variable is read."""
    environ = {"PORT": "8080", "WEB_CONCURRENCY": "3", "THREADS": "7", "MODEL_PATH": "a.joblib",
               "MAX_CONTENT_LENGTH": "1000", "MAX_ROWS": "10"}

    assert Settings(8080, 3, 7, "a.joblib", 1000, 10) == Settings.from_env(environ)


def test_what_is_given_goes_before_the_environment() -> None:
    """Options of the command line win; None means not given."""
    settings = Settings.from_env({"PORT": "8080", "THREADS": "7"}, port=9090, threads=None, model_path="b.joblib")

    assert (9090, 7, "b.joblib") == (settings.port, settings.threads, settings.model_path)


def test_an_empty_variable_counts_as_not_set() -> None:
    """``PORT=`` is how many platforms say nothing."""
    assert 5000 == Settings.from_env({"PORT": "", "MODEL_PATH": ""}).port


@pytest.mark.parametrize("key", ["PORT", "WEB_CONCURRENCY", "THREADS", "MAX_CONTENT_LENGTH", "MAX_ROWS"])
@pytest.mark.parametrize("value", ["zero", "0", "-1", "1.5", "99999999999x"])
def test_a_wrong_value_is_named_with_its_key(key: str, value: str) -> None:
    """Key, value and what is wanted stand in the message."""
    with pytest.raises(SettingError, match=f"{key} has the value '{re.escape(value)}'.*whole number"):
        Settings.from_env({key: value})


def test_a_port_beyond_the_last_is_refused_by_the_option_s_name() -> None:
    """What came from the command line is named as it is typed there."""
    with pytest.raises(SettingError, match="--port has the value 65536.*from 1 to 65535"):
        Settings.from_env({}, port=65536)


def test_a_wrong_variable_is_named_even_where_an_option_goes_before_it() -> None:
    """gunicorn reads WEB_CONCURRENCY by itself and would end in its own words."""
    with pytest.raises(SettingError, match="WEB_CONCURRENCY has the value 'many'"):
        Settings.from_env({"WEB_CONCURRENCY": "many"}, workers=1)


def test_nothing_else_reads_the_environment() -> None:
    """``os.environ`` is handed over in one place and read in one place."""
    package = Path(__file__).resolve().parents[1] / "linear_regressor"
    readers = [str(path.relative_to(package)) for path in package.rglob("*.py")
               if re.search(r"os\.environ|getenv", path.read_text()) and "cli" not in path.parts]

    assert ["settings.py"] == readers
    assert usable_cpus() <= (os.cpu_count() or 1)
