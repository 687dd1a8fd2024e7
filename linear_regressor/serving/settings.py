"""``Settings``: one table of everything an operator can configure, read from the environment once, at start.

A new setting is one row below and the code that uses it: the row is read by ``Settings.from_env``, listed by
``linear-regressor serve --help`` and printed for docs/api.md by ``python -m linear_regressor.serving.settings``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, NamedTuple, TypeVar, get_args
from urllib.parse import urlsplit

from linear_regressor.errors import SettingError
from linear_regressor.monitoring.store.location import StoreLocation

T = TypeVar("T")
RangePolicy = Literal["allow", "flag", "refuse"]
Switch = Literal["on", "off"]
AuthMode = Literal["none", "api-key", "oidc"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT_MODEL_PATH = "models/simple_linear_regressor.joblib"


def usable_cpus() -> int:
    """Count the CPUs this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Setting(NamedTuple):
    """One row of the table: where a value comes from, what it may be and what it is for."""

    variable: str
    # converts the text; raises ValueError with the words that follow "must be"
    parse: Callable[[str], Any]
    default: Any
    help: str
    # of ``linear-regressor serve``; empty for none
    option: str = ""
    # the default in words, if it differs between machines
    default_text: str = ""
    # whether the value may have a password, which no message repeats
    is_secret: bool = False

    def read(self, environ: Mapping[str, str], option: object = None) -> Any:
        """Return the option, else the variable, else the default; an empty variable counts as not set.

        An invalid variable is an error even when an option overrides it.
        """
        text = environ.get(self.variable)
        value = self._parsed(self.variable, text) if text else self.default
        return value if option is None else self._parsed(self.option, str(option))

    def describe_default(self) -> str:
        """Return the default as text for people."""
        return self.default_text or ("" if self.default in ((), None) else str(self.default))

    def _parsed(self, name: str, text: str) -> Any:
        try:
            return self.parse(text)
        except ValueError as error:
            shown = "not valid" if self.is_secret else repr(text)
            raise SettingError(f"{name} is {shown}: must be {error}") from None


def setting(variable: str, parse: Callable[[str], T], default: T, help: str, option: str = "",
            default_text: str = "", is_secret: bool = False) -> T:
    """Declare a field of a settings class as a row of the table."""
    return field(default=default,
                 metadata={"setting": Setting(variable, parse, default, help, option, default_text, is_secret)})


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Make a parser for a whole number in a range."""
    expected = f"a whole number from {least} to {most}" if most is not None else f"a whole number, at least {least}"

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError(expected) from None
        if number < least or (most is not None and number > most):
            raise ValueError(expected)
        return number

    return parse


def share(text: str) -> float:
    """Parse a share."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:  # neither is NaN
        raise ValueError("a number from 0 to 1")
    return number


def one_of(choices: tuple[T, ...]) -> Callable[[str], T]:
    """Make a parser for one of a few words."""
    def parse(text: str) -> T:
        for choice in choices:
            if choice == text:
                return choice
        raise ValueError(f"one of {', '.join(map(str, choices))}")

    return parse


def matching(pattern: str, expected: str) -> Callable[[str], str]:
    """Make a parser for text of a fixed form."""
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(expected)
        return text

    return parse


def host_names(text: str) -> tuple[str, ...]:
    """Parse host names separated by commas."""
    hosts = tuple(host.strip() for host in text.lower().split(",") if host.strip())
    if not all(map(_is_host_name, hosts)):
        raise ValueError("host names or IPv4 addresses separated by commas, with a leading dot for subdomains too, "
                         "such as api.example,.internal.example; URLs, IPv6 addresses and names with an underscore "
                         "match no request")
    return hosts


def _is_host_name(text: str) -> bool:
    """Whether this is a name that a Host header can match; a port is ignored."""
    try:
        encoded = text.removeprefix(".").encode("idna").decode()
    except UnicodeError:  # an empty or too long label
        return False
    return re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.?(:[0-9]{1,5})?", encoded) is not None


def safe_url(text: str) -> str:
    """Parse a URL whose content nobody on the way can change."""
    if not is_safe_url(text):
        raise ValueError("a URL with https, or with http for a loopback address")
    return text


def local_path(text: str) -> str:
    """Parse a path on this machine."""
    if "://" in text:
        raise ValueError("a path on this machine: 'linear-regressor models fetch URL PATH' copies a model to it")
    return text


def is_safe_url(url: str) -> bool:
    """Whether what is read from a URL can be trusted as much as its host."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


# No dot segment, no converter of Flask and nothing that a URL would escape.
name = matching(r"[A-Za-z0-9._-]{1,100}", "1 to 100 letters, digits, dots, dashes and underscores")
route = matching(r"(?=.{1,128}$)/[A-Za-z0-9._~:@/-]*",
                 "a path of at most 128 characters that starts with / and has only letters, digits and ._~:@- between "
                 "its slashes")
rate = matching(r"[1-9][0-9]{0,8}/(second|minute|hour|day)",
                "a whole number, a slash and second, minute, hour or day, such as 600/minute")


@dataclass(frozen=True)
class SecuritySettings:
    """Who may send requests, and how many."""

    auth: AuthMode = setting("AUTH", one_of(get_args(AuthMode)), "none",
                             "How clients authenticate: none, api-key or oidc.")
    api_keys_file: str = setting("API_KEYS_FILE", str, "",
                                 "File written by 'linear-regressor keys'; required by AUTH=api-key.")
    oidc_issuer: str = setting("OIDC_ISSUER", safe_url, "",
                               "Issuer of the tokens (iss), a URL with https; required by AUTH=oidc.")
    oidc_audience: str = setting("OIDC_AUDIENCE", str, "",
                                 "Audience of the tokens (aud); required by AUTH=oidc.")
    oidc_jwks_url: str = setting("OIDC_JWKS_URL", safe_url, "",
                                 "URL of the issuer's signing keys; by default discovered from the issuer.")
    rate_limit: str = setting("RATE_LIMIT", rate, "",
                              "Requests of one client to one worker, such as 600/minute, those of open routes "
                              "excepted; no limit by default.")
    max_concurrency: int = setting("MAX_CONCURRENCY", whole_number(1), 500,
                                   "Most requests that one worker holds at a time, small predictions and probes "
                                   "excepted, at least 1.")
    receive_timeout: int = setting("RECEIVE_TIMEOUT", whole_number(1, 3600), 30,
                                   "Seconds to receive a whole request and to send its response, 1 to 3600.")
    trusted_hosts: tuple[str, ...] = setting("TRUSTED_HOSTS", host_names, (),
                                             "Accepted Host headers, separated by commas, with a leading dot for "
                                             "subdomains too; any by default.")
    trusted_proxies: int = setting("TRUSTED_PROXIES", whole_number(0, 10), 0,
                                   "Proxies in front that append to X-Forwarded-For, 0 to 10.")

    def __post_init__(self) -> None:
        required = {"api-key": {"API_KEYS_FILE": self.api_keys_file},
                    "oidc": {"OIDC_ISSUER": self.oidc_issuer, "OIDC_AUDIENCE": self.oidc_audience}}
        for variable, value in required.get(self.auth, {}).items():
            if not value:
                raise SettingError(f"{variable} is not set: AUTH={self.auth} requires it")


@dataclass(frozen=True)
class TelemetrySettings:
    """What the service logs and exports."""

    access_log: Switch = setting("ACCESS_LOG", one_of(get_args(Switch)), "on", "One log line per request: on or off.")
    project: str = setting("GOOGLE_CLOUD_PROJECT", str, "", "Project of the traces that log lines refer to.")
    trace_endpoint: str = setting("OTEL_EXPORTER_OTLP_ENDPOINT", str, "",
                                  "Collector to export spans to; requires the extra 'tracing'.")


@dataclass(frozen=True)
class TrafficSettings:
    """What is recorded of the answered rows."""

    folder: str = setting("TRAFFIC_FOLDER", str, "",
                          "Folder in which workers record traffic, kept when the server ends; by default a private one "
                          "that is removed then.")
    events_sample: float = setting("EVENTS_SAMPLE", share, 0.0,
                                   "Share of the recorded rows that are written one by one to TRAFFIC_FOLDER, 0 to 1.")
    events_features: Switch = setting("EVENTS_FEATURES", one_of(get_args(Switch)), "off",
                                      "Whether these rows are written with their feature values: on or off.")

    def __post_init__(self) -> None:
        if self.events_sample and not self.folder:
            raise SettingError("TRAFFIC_FOLDER is not set: EVENTS_SAMPLE requires it, since row events are read after "
                               "the server has ended, too")


@dataclass(frozen=True)
class FeedbackSettings:
    """Where feedback is stored."""

    store: StoreLocation | None = setting("STORE", StoreLocation.parse, None,
                                          "Feedback store: sqlite:///relative.db, sqlite:////absolute.db or "
                                          "postgresql://user@host/database; none by default.", is_secret=True)
    cloud_run: str = setting("K_SERVICE", str, "", "Set by Cloud Run, where STORE must be PostgreSQL.")

    def __post_init__(self) -> None:
        if self.store is not None and self.store.kind == "sqlite" and self.cloud_run:
            raise SettingError(f"STORE is {self.store}: must be postgresql:// on Cloud Run (K_SERVICE is set), where "
                               "the local disk is memory of one instance that ends with it")


@dataclass(frozen=True)
class VertexSettings:
    """What Vertex AI sets in the containers that it starts."""

    mode: str = setting("AIP_MODE", str, "", "PREDICTION on Vertex AI, where AIP_HTTP_PORT then overrides PORT.")
    # unparsed: read as PORT is, and on Vertex AI only
    http_port: str = setting("AIP_HTTP_PORT", str, "", "TCP port on Vertex AI; --port overrides it.")
    health_route: str = setting("AIP_HEALTH_ROUTE", route, "", "Additional path for health checks.")
    predict_route: str = setting("AIP_PREDICT_ROUTE", route, "", "Additional path for /batch.")
    endpoint_id: str = setting("AIP_ENDPOINT_ID", name, "", "Endpoint, for Vertex AI's default paths.")
    deployed_model_id: str = setting("AIP_DEPLOYED_MODEL_ID", name, "", "Deployed model, for the same paths.")
    storage_uri: str = setting("AIP_STORAGE_URI", str, "", "Local folder with the model file; MODEL_PATH overrides it.")

    @property
    def default_route(self) -> str:
        """The path that Vertex AI uses by default; empty elsewhere."""
        if self.endpoint_id and self.deployed_model_id:
            return f"/v1/endpoints/{self.endpoint_id}/deployedModels/{self.deployed_model_id}"
        return ""

    def model_path(self) -> str:
        """Return the model file in the storage folder, else the default one."""
        if not self.storage_uri:
            return DEFAULT_MODEL_PATH
        if "://" in self.storage_uri:
            raise SettingError(f"AIP_STORAGE_URI is {self.storage_uri!r}: must be a local folder, because this server "
                               "downloads nothing; put the model file into the image or mount it and set MODEL_PATH, "
                               "or register the model without artefacts")
        return os.path.join(self.storage_uri, os.path.basename(DEFAULT_MODEL_PATH))


@dataclass(frozen=True)
class Settings:
    """Everything an operator can configure."""

    port: int = setting("PORT", whole_number(1, 65535), 5000, "TCP port, 1 to 65535.", "--port")
    workers: int = setting("WEB_CONCURRENCY", whole_number(1, 512), usable_cpus(),
                           "Worker processes of gunicorn, 1 to 512.", "--workers", "the CPUs this process may use")
    threads: int = setting("THREADS", whole_number(1, 512), 4, "Threads of each gunicorn worker, 1 to 512.",
                           "--threads")
    keep_alive: int = setting("KEEP_ALIVE", whole_number(0, 3600), 65,
                              "Seconds that an idle connection stays open, 0 to 3600; 0 closes each connection after "
                              "its response.")
    model_path: str = setting("MODEL_PATH", local_path, DEFAULT_MODEL_PATH,
                              "Model file to serve, or a folder of models, whose champion is served.", "--model-path")
    model_name: str = setting("MODEL_NAME", name, "linear-regressor",
                              "Name of the model in URLs and descriptions: 1 to 100 letters, digits, dots, dashes and "
                              "underscores.")
    max_content_length: int = setting("MAX_CONTENT_LENGTH", whole_number(1), 16 * 1024 * 1024,
                                      "Largest request body in bytes, at least 1.")
    max_rows: int = setting("MAX_ROWS", whole_number(1, 1_000_000), 1_000_000,
                            "Most rows in one request, 1 to 1000000.")
    out_of_range: RangePolicy = setting("OUT_OF_RANGE", one_of(get_args(RangePolicy)), "allow",
                                        "Rows outside the range of the training data: allow, flag or refuse.")
    security: SecuritySettings = SecuritySettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    traffic: TrafficSettings = TrafficSettings()
    feedback: FeedbackSettings = FeedbackSettings()
    vertex: VertexSettings = VertexSettings()

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **options: int | str | None) -> Settings:
        """Read all settings; options are those of ``serve``, None for one that is not given."""
        vertex = _read(VertexSettings, environ)
        rows = setting_rows(cls)
        if vertex.mode == "PREDICTION" and vertex.http_port:
            rows["port"] = rows["port"]._replace(variable="AIP_HTTP_PORT")
        values = {attribute: row.read(environ, options.get(attribute)) for attribute, row in rows.items()}
        if options.get("model_path") is None and not environ.get("MODEL_PATH"):
            values["model_path"] = vertex.model_path()
        return cls(**values, security=_read(SecuritySettings, environ), telemetry=_read(TelemetrySettings, environ),
                   traffic=_read(TrafficSettings, environ), feedback=_read(FeedbackSettings, environ), vertex=vertex)

    @property
    def vertex_health_routes(self) -> tuple[str, ...]:
        """Paths of Vertex AI's health checks, the chosen one first; none elsewhere."""
        return _distinct(self.vertex.health_route, self.vertex.default_route)

    @property
    def vertex_predict_routes(self) -> tuple[str, ...]:
        """Paths of Vertex AI's predictions, the chosen one first; none elsewhere."""
        default = self.vertex.default_route
        return _distinct(self.vertex.predict_route, default and f"{default}:predict")


def setting_rows(group: type) -> dict[str, Setting]:
    """Return the rows of a settings class by attribute."""
    return {one.name: one.metadata["setting"] for one in fields(group) if "setting" in one.metadata}


def all_settings() -> list[Setting]:
    """Return the whole table, in the order of the documentation."""
    groups = (Settings, SecuritySettings, TelemetrySettings, TrafficSettings, FeedbackSettings, VertexSettings)
    return [row for group in groups for row in setting_rows(group).values()]


def markdown_table() -> str:
    """Return the table as docs/api.md shows it."""
    rows = [f"| `{row.variable}` | {f'`{row.option}`' if row.option else ''} | {row.describe_default()} | {row.help} |"
            for row in all_settings()]
    return "\n".join(["| variable | option | default | meaning |", "|---|---|---|---|",
                      *(re.sub(r"\|  (?=\|)", "| ", row) for row in rows)])


def _read(group: type[T], environ: Mapping[str, str]) -> T:
    return group(**{attribute: row.read(environ) for attribute, row in setting_rows(group).items()})


def _distinct(*routes: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(route for route in routes if route))


if __name__ == "__main__":
    print(markdown_table())
