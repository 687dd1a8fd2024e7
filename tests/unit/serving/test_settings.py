"""Settings cannot lie: each is read where it should be, and a wrong value is named."""

from __future__ import annotations

import os
import re
from dataclasses import astuple
from pathlib import Path

import pytest

from linear_regressor.errors import SettingError
from linear_regressor.serving.settings import Settings, usable_cpus


def test_defaults_hold_where_nothing_is_set() -> None:
    """An empty environment gives the documented defaults."""
    assert (5000, usable_cpus(), 4, "models/simple_linear_regressor.joblib", 16 * 1024 ** 2, 1_000_000, "allow",
            "linear-regressor", (), ()) == astuple(Settings.from_env({}))[:10]


def test_the_environment_goes_before_the_defaults() -> None:
    """Every variable is read."""
    environ = {"PORT": "8080", "WEB_CONCURRENCY": "3", "THREADS": "7", "MODEL_PATH": "a.joblib",
               "MAX_CONTENT_LENGTH": "1000", "MAX_ROWS": "10", "OUT_OF_RANGE": "flag"}

    assert (8080, 3, 7, "a.joblib", 1000, 10, "flag") == astuple(Settings.from_env(environ))[:7]


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


def test_vertex_tells_port_and_routes() -> None:
    """Its port counts where it says that it predicts; both its routes are taken, the chosen ones first."""
    environ = {"AIP_MODE": "PREDICTION", "AIP_HTTP_PORT": "8080", "PORT": "9090", "AIP_HEALTH_ROUTE": "/up",
               "AIP_PREDICT_ROUTE": "/answer", "AIP_ENDPOINT_ID": "12", "AIP_DEPLOYED_MODEL_ID": "34"}
    settings = Settings.from_env(environ)

    assert (8080, 7070) == (settings.port, Settings.from_env(environ, port=7070).port)
    assert ("/up", "/v1/endpoints/12/deployedModels/34") == settings.vertex_health_routes
    assert ("/answer", "/v1/endpoints/12/deployedModels/34:predict") == settings.vertex_predict_routes


def test_the_port_of_vertex_counts_nowhere_else() -> None:
    """The platform is known by AIP_MODE, not by its port."""
    assert 9090 == Settings.from_env({"AIP_HTTP_PORT": "8080", "PORT": "9090"}).port
    assert 9090 == Settings.from_env({"AIP_MODE": "PREDICTION", "PORT": "9090"}).port


def test_a_folder_that_vertex_names_holds_the_model() -> None:
    """Unless somebody said which file to serve."""
    environ = {"AIP_STORAGE_URI": "/mnt/models"}

    assert "/mnt/models/simple_linear_regressor.joblib" == Settings.from_env(environ).model_path
    assert "a.joblib" == Settings.from_env({**environ, "MODEL_PATH": "a.joblib"}).model_path


@pytest.mark.parametrize(("key", "value", "words"), [
    ("AIP_STORAGE_URI", "gs://bucket/model", "this server downloads nothing.*MODEL_PATH"),
    ("AIP_HEALTH_ROUTE", "health", "begins with /"), ("AIP_PREDICT_ROUTE", "/<path:all>", "begins with /"),
    ("AIP_PREDICT_ROUTE", "/" + "a" * 128, "at most 128"), ("AIP_ENDPOINT_ID", "a/b", "an identifier"),
    ("MODEL_NAME", "a b", "1 to 100 letters"), ("MODEL_NAME", "a/b", "1 to 100 letters")])
def test_a_wrong_word_is_named_with_its_key(key: str, value: str, words: str) -> None:
    """Names and routes have a form; nothing is served by chance."""
    with pytest.raises(SettingError, match=f"{key} has the value '{re.escape(value)}'.*{words}"):
        Settings.from_env({key: value})


def test_a_model_in_a_bucket_is_no_fault_where_a_file_is_named() -> None:
    """Who mounts the artefact says where."""
    assert "a.joblib" == Settings.from_env({"AIP_STORAGE_URI": "gs://bucket"}, model_path="a.joblib").model_path


def test_telemetry_is_set_by_names_that_platforms_know() -> None:
    """The access log is on, and nothing is exported, unless said otherwise."""
    environ = {"ACCESS_LOG": "off", "GOOGLE_CLOUD_PROJECT": "p", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}

    assert ("off", "p", "http://127.0.0.1:4318") == astuple(Settings.from_env(environ).telemetry)
    assert ("on", "", "") == astuple(Settings.from_env({}).telemetry)
    with pytest.raises(SettingError, match="ACCESS_LOG has the value 'yes'; one of on, off is wanted"):
        Settings.from_env({"ACCESS_LOG": "yes"})


def test_nothing_else_reads_the_environment() -> None:
    """``os.environ`` is handed over in one place and read in one place."""
    package = Path(__file__).resolve().parents[3] / "linear_regressor"
    readers = [str(path.relative_to(package)) for path in package.rglob("*.py")
               if re.search(r"os\.environ|getenv", path.read_text()) and "cli" not in path.parts]

    assert ["settings.py"] == readers
    assert usable_cpus() <= (os.cpu_count() or 1)
