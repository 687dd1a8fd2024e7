"""``serve``: gunicorn for production, Flask's own server for development."""

from __future__ import annotations

import gc
import importlib.util
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from gunicorn.app.base import BaseApplication
from werkzeug.serving import is_running_from_reloader, run_simple

from linear_regressor.errors import ServerError, SettingError
from linear_regressor.json_logs import log_libraries
from linear_regressor.serving.app import Application, create_app
from linear_regressor.serving.observability.tracing import check_settings
from linear_regressor.serving.schema import fast_numbers
from linear_regressor.serving.service import Service
from linear_regressor.serving.settings import LOOPBACK, Settings
from linear_regressor.serving.worker import limits
from linear_regressor.serving.worker.arbiter import DrainingArbiter
from linear_regressor.serving.worker.log import ServerLog
from linear_regressor.serving.worker.worker import BufferedThreadWorker

# Cloud Run sends SIGKILL ten seconds after SIGTERM. Workers answer until SECONDS_TO_SAVE before the arbiter kills them.
GRACEFUL_SECONDS = 8 + limits.SECONDS_TO_SAVE
# The Prometheus client reads the folder for shared counts from this variable only.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
IN_MEMORY = "/dev/shm"  # nosec B108  # the files created in it are private
BYTES_NEEDED = 1 << 20

logger = logging.getLogger(__name__)


def serve(settings: Settings, environ: MutableMapping[str, str], host: str = "127.0.0.1", server: str = "gunicorn",
          debug: bool = False) -> None:
    """Serve the model until told to stop."""
    _require_no_foreign_settings(environ)
    if settings.telemetry.trace_endpoint:
        check_settings(environ)
    log_libraries()
    if not is_running_from_reloader():  # the reloader's first process already listens on the port
        _require_free(host, settings.port)
    with shared_counts(environ, settings.workers if server == "gunicorn" else 1) as counts_folder:
        app = create_app(settings, counts_folder)
        logging.getLogger("linear_regressor.serving").setLevel(logging.DEBUG if debug else logging.INFO)
        logger.info("serving %s (model %s) on http://%s:%d with %s", settings.model_path,
                    app.service.reloader.current().version, host, settings.port, server)
        # Freeze start-up objects: the GC skips them and forks share their pages.
        gc.freeze()
        gc.enable()
        _warn_of_missing_parsers()
        _warn_of_open_port(settings, host)
        if server == "gunicorn":
            GunicornServer(app, gunicorn_options(settings, host, debug)).run()
            return  # each worker has written its traffic
        if app.service.spans is not None:
            app.service.spans.start()
        app.debug = debug
        # Not app.run, which prints. Never Werkzeug's interactive debugger: it runs code for every client.
        try:
            run_simple(host, settings.port, app, use_reloader=debug, use_debugger=False, threaded=True)
        finally:
            app.service.traffic.save()


class GunicornServer(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    """gunicorn for one application, without gunicorn's command line, configuration file and variables."""

    def __init__(self, app: Application, options: dict[str, Any]) -> None:
        self._app, self._options = app, options
        super().__init__()

    def load_config(self) -> None:
        """Pass the options to gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        """Return the application."""
        return self._app

    def run(self) -> None:
        """Run the arbiter in this process until told to stop."""
        DrainingArbiter(self).run()


def gunicorn_options(settings: Settings, host: str, debug: bool = False) -> dict[str, Any]:
    """Map the settings of the service to gunicorn's."""
    return {
        "bind": f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}",
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": BufferedThreadWorker,
        "graceful_timeout": GRACEFUL_SECONDS,
        "keepalive": settings.keep_alive,
        "control_socket_disable": True,
        "limit_request_line": limits.MAX_REQUEST_LINE,
        "limit_request_fields": limits.MAX_HEADERS,
        "limit_request_field_size": limits.MAX_HEADER_SIZE,
        # No header may change the path or the scheme, so both lists are empty. Trusting all addresses is then safe, and
        # saves gunicorn from parsing each client's.
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "forwarded_allow_ips": "*",
        "loglevel": "debug" if debug else "info",
        "logger_class": ServerLog,
        "post_worker_init": _start_spans,
        "worker_exit": _end_worker,
        "child_exit": _forget_worker,
    }


def _start_spans(worker: Any) -> None:
    """Start the export of spans in the worker: its thread does not survive a fork."""
    spans = worker.app.wsgi().service.spans
    if spans is not None:
        spans.start()


def _end_worker(arbiter: Any, worker: Any) -> None:
    """Write the worker's traffic, send its remaining spans, and close its connection to the feedback store."""
    service: Service = worker.app.wsgi().service
    service.traffic.save()
    if service.spans is not None:
        service.spans.stop()
    if service.store is not None:
        service.store.close()


def _forget_worker(arbiter: Any, worker: Any) -> None:
    """Remove, in the arbiter, the gauges of a worker that has ended."""
    arbiter.app.wsgi().service.metrics.forget(worker.pid)


@contextmanager
def shared_counts(environ: MutableMapping[str, str], workers: int) -> Iterator[str | None]:
    """Create a private folder in which several workers share their counts, in memory if possible."""
    environ.pop(VARIABLE, None)
    if workers == 1:
        yield None
        return
    owner, folder = os.getpid(), _private_folder()
    environ[VARIABLE] = folder
    try:
        yield folder
    finally:
        if os.getpid() == owner:  # forked workers exit through here, too
            environ.pop(VARIABLE, None)
            shutil.rmtree(folder, ignore_errors=True)


def _private_folder() -> str:
    """Create a folder that only this user can read."""
    for parent in (IN_MEMORY, None):
        try:
            if parent is None or shutil.disk_usage(parent).free > BYTES_NEEDED:
                return tempfile.mkdtemp(prefix="linear_regressor_", dir=parent)
        except OSError:
            continue
    raise ServerError("several workers need a writable folder for shared metrics: give the server a writable TMPDIR "
                      "(such as --tmpfs /tmp), or --workers 1 (WEB_CONCURRENCY)")


def _require_no_foreign_settings(environ: MutableMapping[str, str]) -> None:
    """Reject what gunicorn would read from the environment."""
    if environ.get("GUNICORN_CMD_ARGS"):
        raise SettingError(f"GUNICORN_CMD_ARGS is {environ['GUNICORN_CMD_ARGS']!r}: must not be set, because it has no "
                           "effect; use the settings of this server, such as KEEP_ALIVE and THREADS")
    listening = environ.pop("LISTEN_FDS", None)
    if environ.pop("LISTEN_PID", None) == str(os.getpid()) and listening not in (None, "", "0"):
        raise ServerError("systemd passes a listening socket (LISTEN_FDS), which this server does not use: remove the "
                          "socket unit, and let the server listen itself with --host and --port (PORT)")
    for name in ("GUNICORN_PID", "GUNICORN_FD"):  # of a gunicorn that started this process
        environ.pop(name, None)


def _require_free(host: str, port: int) -> None:
    """Check the port before gunicorn does, which would retry for five seconds and fill the log."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise ServerError(f"cannot listen on {host} port {port}: {error.strerror}; "
                          "choose another with --port (or PORT) and --host") from None


def _warn_of_open_port(settings: Settings, host: str) -> None:
    """Warn if every client that reaches the address gets predictions."""
    if settings.security.auth == "none" and host not in LOOPBACK and not host.startswith("127."):
        logger.warning("OPEN TO EVERYBODY: listening on %s with AUTH=none, so every client that reaches port %d gets "
                       "predictions. Set AUTH=api-key or AUTH=oidc, unless a proxy authenticates clients", host,
                       settings.port)


def _warn_of_missing_parsers() -> None:
    """Warn if a faster parser is not installed."""
    missing = [] if fast_numbers.FAST_PARSER_AVAILABLE else ["pysimdjson"]
    if importlib.util.find_spec("gunicorn_h1c") is None:
        missing.append("gunicorn_h1c")
    if missing:
        logger.warning("%s not installed: requests are served more slowly; install the extra 'fast'",
                       " and ".join(missing))
