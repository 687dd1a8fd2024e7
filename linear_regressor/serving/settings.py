"""``Settings``: what an operator can change about the service, read from the environment once, at start."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from linear_regressor.errors import SettingError

RangePolicy = Literal["allow", "flag", "refuse"]
Switch = Literal["on", "off"]
AuthMode = Literal["none", "api-key", "oidc"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT_MODEL_PATH = "models/simple_linear_regressor.joblib"
DEFAULT_MODEL_NAME = "linear-regressor"

# What stands between two slashes of a URL, and is no converter to Flask.
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_ROUTE = re.compile(r"(?=.{1,128}$)/[A-Za-z0-9._~:@/-]*")


@dataclass(frozen=True)
class SecuritySettings:
    """Who may ask, and how much; a part of ``Settings``."""

    # ``AUTH``: how a caller shows who it is
    auth: AuthMode
    # ``API_KEYS_FILE``: the file that ``keys generate`` writes; needed by ``api-key``
    api_keys_file: str
    # ``OIDC_ISSUER``: the ``iss`` of the tokens, an https URL; needed by ``oidc``
    oidc_issuer: str
    # ``OIDC_AUDIENCE``: the ``aud`` of the tokens; needed by ``oidc``
    oidc_audience: str
    # ``OIDC_JWKS_URL``: where the issuer's keys are; empty lets the issuer tell
    oidc_jwks_url: str
    # ``RATE_LIMIT``: requests of one caller to one worker, such as ``600/minute``; empty for no limit
    rate_limit: str
    # ``MAX_CONCURRENCY``: requests that one worker has in hand, waiting ones included, at least 1
    max_concurrency: int
    # ``RECEIVE_TIMEOUT``: seconds in which a request must have come whole, 1 to 3600
    receive_timeout: int
    # ``TRUSTED_HOSTS``: names this service has, separated by commas, a leading dot for its subdomains too; empty for
    # any
    trusted_hosts: tuple[str, ...]
    # ``TRUSTED_PROXIES``: how many proxies in front add to ``X-Forwarded-For``, 0 to 10
    trusted_proxies: int

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> SecuritySettings:
        """Take each setting from the environment, else its default."""
        auth = cast(AuthMode, _one_of(environ, "AUTH", get_args(AuthMode)))
        hosts = environ.get("TRUSTED_HOSTS", "").lower().split(",")
        return cls(
            auth=auth,
            api_keys_file=_needed(environ, "API_KEYS_FILE", auth == "api-key", "AUTH=api-key"),
            oidc_issuer=_web_address(environ, "OIDC_ISSUER", auth == "oidc"),
            oidc_audience=_needed(environ, "OIDC_AUDIENCE", auth == "oidc", "AUTH=oidc"),
            oidc_jwks_url=_web_address(environ, "OIDC_JWKS_URL", False),
            rate_limit=_rate(environ, "RATE_LIMIT"),
            max_concurrency=_whole_number(environ, "MAX_CONCURRENCY", None, 500),
            receive_timeout=_whole_number(environ, "RECEIVE_TIMEOUT", None, 30, 3600),
            trusted_hosts=tuple(host.strip() for host in hosts if host.strip()),
            trusted_proxies=_whole_number(environ, "TRUSTED_PROXIES", None, 0, 10, least=0),
        )


@dataclass(frozen=True)
class TelemetrySettings:
    """What the service tells about itself, and to whom; a part of ``Settings``."""

    # ``ACCESS_LOG``: whether each request has a line in the log
    access_log: Switch
    # ``GOOGLE_CLOUD_PROJECT``: the project whose traces log lines name; empty where there is none
    project: str
    # ``OTEL_EXPORTER_OTLP_ENDPOINT``: the collector that spans are sent to; empty for none
    trace_endpoint: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> TelemetrySettings:
        """Take each setting from the environment, else its default."""
        return cls(access_log=cast(Switch, _one_of(environ, "ACCESS_LOG", get_args(Switch))),
                   project=environ.get("GOOGLE_CLOUD_PROJECT") or "",
                   trace_endpoint=environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "")


@dataclass(frozen=True)
class Settings:
    """Settings of the service; each can be set by an environment variable."""

    # ``PORT``: TCP port to listen on, 1 to 65535
    port: int
    # ``WEB_CONCURRENCY``: worker processes, 1 to 512; by default the CPUs this process may use
    workers: int
    # ``THREADS``: threads of each worker, 1 to 512
    threads: int
    # ``KEEP_ALIVE``: seconds for which an idle connection stays open, 0 to 3600; 0 closes it after each response
    keep_alive: int
    # ``MODEL_PATH``: the model file to serve
    model_path: str
    # ``MAX_CONTENT_LENGTH``: largest request body, in bytes, at least 1
    max_content_length: int
    # ``MAX_ROWS``: most rows in one request, 1 to 1000000
    max_rows: int
    # ``OUT_OF_RANGE``: what to do about rows out of the range of training
    out_of_range: RangePolicy
    # ``MODEL_NAME``: what callers of other contracts name the model by
    model_name: str
    # ``AIP_HEALTH_ROUTE`` and ``AIP_PREDICT_ROUTE``, and the two made of ``AIP_ENDPOINT_ID`` and
    # ``AIP_DEPLOYED_MODEL_ID``: the routes that Vertex AI calls; none elsewhere
    vertex_health_routes: tuple[str, ...]
    # ``AIP_HEALTH_ROUTE`` and ``AIP_PREDICT_ROUTE``, and the two made of ``AIP_ENDPOINT_ID`` and
    # ``AIP_DEPLOYED_MODEL_ID``: the routes that Vertex AI calls; none elsewhere
    vertex_predict_routes: tuple[str, ...]
    # who may ask, and how much
    security: SecuritySettings
    # what the service tells about itself
    telemetry: TelemetrySettings

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **given: int | str | None) -> Settings:
        """Take each setting from what is given, else from the environment, else its default."""
        path = given.get("model_path")
        endpoint = _vertex_endpoint(environ)
        return cls(
            port=_whole_number(environ, _port_key(environ), given.get("port"), 5000, 65535),
            workers=_whole_number(environ, "WEB_CONCURRENCY", given.get("workers"), usable_cpus(), 512),
            threads=_whole_number(environ, "THREADS", given.get("threads"), 4, 512),
            keep_alive=_whole_number(environ, "KEEP_ALIVE", None, 65, 3600, least=0),
            model_path=str(path) if path is not None else environ.get("MODEL_PATH") or _vertex_model(environ),
            max_content_length=_whole_number(environ, "MAX_CONTENT_LENGTH", given.get("max_content_length"),
                                             16 * 1024 * 1024),
            max_rows=_whole_number(environ, "MAX_ROWS", given.get("max_rows"), 1_000_000, 1_000_000),
            out_of_range=cast(RangePolicy, _one_of(environ, "OUT_OF_RANGE", get_args(RangePolicy))),
            security=SecuritySettings.from_env(environ),
            model_name=_matching(environ, "MODEL_NAME", DEFAULT_MODEL_NAME, _NAME,
                                 "1 to 100 letters, digits, dots, dashes and underscores"),
            vertex_health_routes=_routes(environ, "AIP_HEALTH_ROUTE", endpoint),
            vertex_predict_routes=_routes(environ, "AIP_PREDICT_ROUTE", f"{endpoint}:predict" if endpoint else ""),
            telemetry=TelemetrySettings.from_env(environ),
        )


# The options of the command line that set what an environment variable sets too.
OPTIONS = {"PORT": "--port", "AIP_HTTP_PORT": "--port", "WEB_CONCURRENCY": "--workers", "THREADS": "--threads"}


def _whole_number(environ: Mapping[str, str], key: str, given: int | str | None, default: int,
                  most: int | None = None, least: int = 1) -> int:
    """Read one setting; a variable that is wrong is told even where an option goes before it."""
    number = _checked(key, environ.get(key) or default, most, least)
    return number if given is None else _checked(OPTIONS.get(key, key), given, most, least)


def _one_of(environ: Mapping[str, str], key: str, choices: tuple[str, ...]) -> str:
    """Read one setting that is one of a few words, the first by default."""
    value = environ.get(key) or choices[0]
    if value not in choices:
        raise SettingError(f"{key} has the value {value!r}; one of {', '.join(choices)} is wanted")
    return value


def _matching(environ: Mapping[str, str], key: str, default: str, pattern: re.Pattern[str], options: str) -> str:
    """Read one setting of a fixed form; an empty default may stand for nothing."""
    value = environ.get(key) or default
    if value and not pattern.fullmatch(value):
        raise SettingError(f"{key} has the value {value!r}; {options} is wanted")
    return value


def _port_key(environ: Mapping[str, str]) -> str:
    """Name the variable that holds the port: on Vertex AI its own."""
    on_vertex = environ.get("AIP_MODE") == "PREDICTION" and environ.get("AIP_HTTP_PORT")
    return "AIP_HTTP_PORT" if on_vertex else "PORT"


def _vertex_endpoint(environ: Mapping[str, str]) -> str:
    """Give the route that Vertex AI asks for health where none was chosen; empty elsewhere."""
    endpoint, model = (_matching(environ, key, "", _NAME, "an identifier")
                       for key in ("AIP_ENDPOINT_ID", "AIP_DEPLOYED_MODEL_ID"))
    return f"/v1/endpoints/{endpoint}/deployedModels/{model}" if endpoint and model else ""


def _vertex_model(environ: Mapping[str, str]) -> str:
    """Give the model file in the folder that Vertex AI names, else the default one."""
    folder = environ.get("AIP_STORAGE_URI") or ""
    if "://" in folder:
        raise SettingError(f"AIP_STORAGE_URI has the value {folder!r}; this server downloads nothing: put the model "
                           "file into the image or mount it, and set MODEL_PATH to it, or register the model without "
                           "artefacts")
    return os.path.join(folder, os.path.basename(DEFAULT_MODEL_PATH)) if folder else DEFAULT_MODEL_PATH


def _routes(environ: Mapping[str, str], key: str, default: str) -> tuple[str, ...]:
    """Read a route that Vertex AI was told to call, and add the one it calls by default."""
    options = "a path of at most 128 characters that begins with / and has only letters, digits and ._~:@- between its /"
    chosen = _matching(environ, key, "", _ROUTE, options)
    return tuple(dict.fromkeys(route for route in (chosen, default) if route))


def _needed(environ: Mapping[str, str], key: str, needed: bool, by: str) -> str:
    """Read one setting that another one may need."""
    value = environ.get(key, "")
    if needed and not value:
        raise SettingError(f"{key} has the value {value!r}; {by} needs one")
    return value


def _web_address(environ: Mapping[str, str], key: str, needed: bool) -> str:
    """Read a URL over which nobody on the way can change what is trusted."""
    value = _needed(environ, key, needed, "AUTH=oidc")
    if value and not is_safe_url(value):
        raise SettingError(f"{key} has the value {value!r}; a URL with https is wanted, "
                           "http only for a loopback address")
    return value


def is_safe_url(url: str) -> bool:
    """Tell whether what is read from a URL can be trusted as much as its host."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def _rate(environ: Mapping[str, str], key: str) -> str:
    """Read a rate."""
    value = environ.get(key, "")
    if value and not re.fullmatch(r"[1-9][0-9]{0,8}/(second|minute|hour|day)", value):
        raise SettingError(f"{key} has the value {value!r}; a whole number and second, minute, hour or day is wanted, "
                           "such as 600/minute")
    return value


def _checked(name: str, value: int | str, most: int | None, least: int = 1) -> int:
    """Give a whole number from ``least`` to ``most``."""
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if number < least or (most is not None and number > most):
        options = f"from {least} to {most}" if most else f"of at least {least}"
        raise SettingError(f"{name} has the value {value!r}; a whole number {options} is wanted")
    return number


def usable_cpus() -> int:
    """Count the CPUs this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
