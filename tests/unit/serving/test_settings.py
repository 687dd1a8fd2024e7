"""Settings: each row of the table is read from its variable, validated, and listed in the docs and in --help."""

from __future__ import annotations

import os
import re
from dataclasses import fields

import pytest

from linear_regressor.errors import SettingError
from linear_regressor.serving.settings import (
    FeedbackSettings,
    SecuritySettings,
    Settings,
    TelemetrySettings,
    TrafficSettings,
    VertexSettings,
    all_settings,
    markdown_table,
    setting_rows,
    usable_cpus,
)
from tests import ROOT
from tests.command_line import run


def test_defaults() -> None:
    """An empty environment gives the documented defaults."""
    settings = Settings.from_env({})

    assert Settings() == settings
    assert (5000, usable_cpus(), 4, 65) == (settings.port, settings.workers, settings.threads, settings.keep_alive)
    assert ("models/simple_linear_regressor.joblib", "linear-regressor") == (settings.model_path, settings.model_name)
    assert (16 * 1024 ** 2, 1_000_000) == (settings.max_content_length, settings.max_rows)
    assert ("allow", (), ()) == (
        settings.out_of_range, settings.vertex_health_routes, settings.vertex_predict_routes)


def test_the_environment_overrides_the_defaults() -> None:
    """Every variable is read."""
    environ = {"PORT": "8080", "WEB_CONCURRENCY": "3", "THREADS": "7", "KEEP_ALIVE": "0", "MODEL_PATH": "a.joblib",
               "MAX_CONTENT_LENGTH": "1000", "MAX_ROWS": "10", "OUT_OF_RANGE": "flag", "MODEL_NAME": "a-model"}

    assert Settings(port=8080, workers=3, threads=7, keep_alive=0, model_path="a.joblib", max_content_length=1000,
                    max_rows=10, out_of_range="flag", model_name="a-model") == Settings.from_env(environ)


def test_options_override_the_environment() -> None:
    """None stands for an option that is not given."""
    settings = Settings.from_env({"PORT": "8080", "THREADS": "7"}, port=9090, threads=None, model_path="b.joblib")

    assert (9090, 7, "b.joblib") == (settings.port, settings.threads, settings.model_path)


def test_an_empty_variable_counts_as_not_set() -> None:
    """Some platforms set ``PORT=`` instead of leaving it out."""
    assert Settings() == Settings.from_env({row.variable: "" for row in all_settings()})


@pytest.mark.parametrize(("key", "value"), [
    (key, value) for key in ("PORT", "WEB_CONCURRENCY", "THREADS", "KEEP_ALIVE", "MAX_CONTENT_LENGTH", "MAX_ROWS")
    for value in ("zero", "0", "-1", "1.5", "99999999999x") if (key, value) != ("KEEP_ALIVE", "0")])
def test_an_invalid_number_is_reported_with_its_variable(key: str, value: str) -> None:
    """The message has the variable, the value and what it must be."""
    with pytest.raises(SettingError, match=f"^{key} is '{re.escape(value)}': must be a whole number"):
        Settings.from_env({key: value})


@pytest.mark.parametrize(("key", "most"), [("PORT", 65535), ("WEB_CONCURRENCY", 512), ("THREADS", 512),
                                           ("KEEP_ALIVE", 3600), ("MAX_ROWS", 1_000_000)])
def test_the_upper_bound_is_the_last_valid_number(key: str, most: int) -> None:
    """One more is an error that names the range."""
    Settings.from_env({key: str(most)})

    with pytest.raises(SettingError, match=f"^{key} is '{most + 1}': must be a whole number from [01] to {most}$"):
        Settings.from_env({key: str(most + 1)})


def test_an_invalid_option_is_reported_by_the_name_of_the_option() -> None:
    """The message repeats what was typed."""
    with pytest.raises(SettingError, match="^--port is '65536': must be a whole number from 1 to 65535$"):
        Settings.from_env({}, port=65536)


def test_an_invalid_variable_is_an_error_even_when_an_option_overrides_it() -> None:
    """gunicorn reads WEB_CONCURRENCY by itself and would fail with a traceback."""
    with pytest.raises(SettingError, match="^WEB_CONCURRENCY is 'many'"):
        Settings.from_env({"WEB_CONCURRENCY": "many"}, workers=1)


def test_vertex_sets_port_and_routes() -> None:
    """AIP_HTTP_PORT overrides PORT; the chosen routes come before the default ones."""
    environ = {"AIP_MODE": "PREDICTION", "AIP_HTTP_PORT": "8080", "PORT": "9090", "AIP_HEALTH_ROUTE": "/up",
               "AIP_PREDICT_ROUTE": "/answer", "AIP_ENDPOINT_ID": "12", "AIP_DEPLOYED_MODEL_ID": "34"}
    settings = Settings.from_env(environ)

    assert (8080, 7070) == (settings.port, Settings.from_env(environ, port=7070).port)
    assert ("/up", "/v1/endpoints/12/deployedModels/34") == settings.vertex_health_routes
    assert ("/answer", "/v1/endpoints/12/deployedModels/34:predict") == settings.vertex_predict_routes
    with pytest.raises(SettingError, match="^AIP_HTTP_PORT is '0': must be a whole number from 1 to 65535$"):
        Settings.from_env({**environ, "AIP_HTTP_PORT": "0"})


def test_the_port_of_vertex_is_ignored_elsewhere() -> None:
    """AIP_MODE identifies the platform, not AIP_HTTP_PORT."""
    assert 9090 == Settings.from_env({"AIP_HTTP_PORT": "8080", "PORT": "9090"}).port
    assert 9090 == Settings.from_env({"AIP_MODE": "PREDICTION", "PORT": "9090"}).port
    assert 5000 == Settings.from_env({"AIP_HTTP_PORT": "x"}).port


def test_the_storage_folder_of_vertex_holds_the_model() -> None:
    """MODEL_PATH overrides it."""
    environ = {"AIP_STORAGE_URI": "/mnt/models"}

    assert "/mnt/models/simple_linear_regressor.joblib" == Settings.from_env(environ).model_path
    assert "a.joblib" == Settings.from_env({**environ, "MODEL_PATH": "a.joblib"}).model_path


@pytest.mark.parametrize(("key", "value", "words"), [
    ("AIP_STORAGE_URI", "gs://bucket/model", "this server downloads nothing.*MODEL_PATH"),
    ("AIP_HEALTH_ROUTE", "health", "starts with /"), ("AIP_PREDICT_ROUTE", "/<path:all>", "starts with /"),
    ("AIP_PREDICT_ROUTE", "/" + "a" * 128, "at most 128"), ("AIP_ENDPOINT_ID", "a/b", "1 to 100 letters"),
    ("MODEL_NAME", "a b", "1 to 100 letters"), ("MODEL_NAME", "a/b", "1 to 100 letters"),
    ("OUT_OF_RANGE", "ignore", "one of allow, flag, refuse")])
def test_an_invalid_text_is_reported_with_its_variable(key: str, value: str, words: str) -> None:
    """Names, routes and choices are validated too."""
    with pytest.raises(SettingError, match=f"^{key} is '{re.escape(value)}': must be .*{words}"):
        Settings.from_env({key: value})


def test_a_bucket_is_no_error_when_a_model_file_is_given() -> None:
    """The option or MODEL_PATH says where the artefact is mounted."""
    environ = {"AIP_STORAGE_URI": "gs://bucket"}

    assert "a.joblib" == Settings.from_env(environ, model_path="a.joblib").model_path
    default = str(Settings().model_path)
    assert default == Settings.from_env({**environ, "MODEL_PATH": default}).model_path


def test_telemetry_settings() -> None:
    """The access log is on and nothing is exported by default."""
    environ = {"ACCESS_LOG": "off", "GOOGLE_CLOUD_PROJECT": "p", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}

    assert TelemetrySettings("off", "p", "http://127.0.0.1:4318") == Settings.from_env(environ).telemetry
    assert TelemetrySettings("on", "", "") == Settings.from_env({}).telemetry
    with pytest.raises(SettingError, match="^ACCESS_LOG is 'yes': must be one of on, off$"):
        Settings.from_env({"ACCESS_LOG": "yes"})


def test_traffic_settings() -> None:
    """No events by default; a share of rows needs a folder that is kept."""
    environ = {"TRAFFIC_FOLDER": "traffic", "EVENTS_SAMPLE": "0.25", "EVENTS_FEATURES": "on"}

    assert TrafficSettings("traffic", 0.25, "on") == Settings.from_env(environ).traffic
    assert TrafficSettings("", 0.0, "off") == Settings.from_env({"EVENTS_SAMPLE": "0"}).traffic
    for value in ("1.5", "-0.1", "nan", "some"):
        with pytest.raises(SettingError, match=f"^EVENTS_SAMPLE is '{value}': must be a number from 0 to 1$"):
            Settings.from_env({**environ, "EVENTS_SAMPLE": value})
    with pytest.raises(SettingError, match="^TRAFFIC_FOLDER is not set: EVENTS_SAMPLE requires it"):
        Settings.from_env({"EVENTS_SAMPLE": "0.25"})


class RecordingEnvironment(dict[str, str]):
    """An environment that records which variables are read."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]  # fewer overloads
        """Record the name."""
        self.names.add(key)
        return None

    def __getitem__(self, key: str) -> str:
        self.names.add(key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        self.names.add(str(key))
        return False


def test_the_table_is_complete() -> None:
    """Every variable that is read and every attribute has exactly one row."""
    environ = RecordingEnvironment()
    Settings.from_env(environ)
    variables = [row.variable for row in all_settings()]
    groups = {"security": SecuritySettings, "telemetry": TelemetrySettings, "traffic": TrafficSettings,
              "feedback": FeedbackSettings, "vertex": VertexSettings}

    assert environ.names == set(variables)
    assert len(set(variables)) == len(variables) > 25
    assert set(groups) == {field.name for field in fields(Settings)} - set(setting_rows(Settings))
    for group in groups.values():
        assert {field.name for field in fields(group)} == set(setting_rows(group))


def test_every_setting_is_documented() -> None:
    """docs/api.md has the table as it is printed: each variable with option, default and meaning."""
    _, _, section = (ROOT / "docs" / "api.md").read_text().partition("\n## Settings\n")
    table = "\n".join(re.findall(r"^\|.*", section.partition("\n## ")[0], re.MULTILINE))

    assert markdown_table() == table
    assert {row.variable for row in all_settings()} == set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))


def test_every_setting_is_in_the_help_of_serve() -> None:
    """Options with their variable, the others as environment variables, all with their help."""
    shown = " ".join(run("serve", "--help").stdout.split())
    for row in all_settings():
        assert f"{row.option or row.variable} " in shown
        assert row.variable in shown
        assert row.help.replace("-", "") in shown.replace("- ", "").replace("-", "")
        assert row.describe_default() in shown


def test_nothing_else_reads_the_environment() -> None:
    """Only the command line passes ``os.environ`` to the settings; MLflow is configured by variables of its own."""
    package = ROOT / "linear_regressor"
    readers = {path.relative_to(package).parts[0] for path in package.rglob("*.py")
               if re.search(r"os\.environ|getenv", path.read_text())}

    assert {"cli", "tracking"} == readers
    assert usable_cpus() <= (os.cpu_count() or 1)
