"""Start the service: gunicorn for production, Flask's own server for development."""

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
from werkzeug.serving import is_running_from_reloader

from linear_regressor.errors import ServerError
from linear_regressor.serving.app import Application, create_app
from linear_regressor.serving.schema import fast_numbers
from linear_regressor.serving.settings import LOOPBACK, Settings
from linear_regressor.serving.worker.log import ServerLog
from linear_regressor.serving.worker.worker import DrainingWorker

# The Prometheus client reads this name from the environment, and knows no other way.
VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
IN_MEMORY = "/dev/shm"  # nosec B108  # what is made in it, here and by gunicorn, is private
BYTES_NEEDED = 1 << 20


@contextmanager
def shared_counts(environ: MutableMapping[str, str], workers: int) -> Iterator[str | None]:
    """Keep a private folder for the counts of several workers, in memory where that can be had."""
    environ.pop(VARIABLE, None)
    if workers == 1:
        yield None
        return
    owner, folder = os.getpid(), _private_folder()
    environ[VARIABLE] = folder
    try:
        yield folder
    finally:
        if os.getpid() == owner:  # workers leave through here too, when they end
            shutil.rmtree(folder, ignore_errors=True)


def _private_folder() -> str:
    """Make a folder that only this user can look into."""
    for parent in (IN_MEMORY, None):
        try:
            if parent is None or shutil.disk_usage(parent).free > BYTES_NEEDED:
                return tempfile.mkdtemp(prefix="linear_regressor_", dir=parent)
        except OSError:
            continue
    raise ServerError("no folder can be written to in which several workers could count requests together; give the "
                      "server a writable TMPDIR (such as --tmpfs /tmp), or --workers 1 (WEB_CONCURRENCY)")


def worker_hooks() -> dict[str, Any]:
    """Give gunicorn's settings by which it tells of its workers."""
    return {"post_worker_init": _begun, "worker_exit": _ending, "child_exit": _ended}


def _begun(worker: Any) -> None:
    """Begin, in the worker, what does not survive a fork."""
    spans = worker.app.wsgi().service.spans
    if spans is not None:
        spans.start()


def _ending(arbiter: Any, worker: Any) -> None:
    """Send, from the worker, what it still holds."""
    spans = worker.app.wsgi().service.spans
    if spans is not None:
        spans.stop()


def _ended(arbiter: Any, worker: Any) -> None:
    """Take back, in the process that is left, what a worker said of itself while it lived."""
    arbiter.app.wsgi().service.metrics.forget(worker.pid)


logger = logging.getLogger(__name__)

# Cloud Run kills ten seconds after SIGTERM; what was taken must be answered before.
GRACEFUL_SECONDS = 8
KEEP_ALIVE_SECONDS = 65


class GunicornServer(BaseApplication):  # type: ignore[misc]  # gunicorn is not typed
    """gunicorn around one application, without its command line."""

    def __init__(self, app: Application, options: dict[str, Any]) -> None:
        self._app, self._options = app, options
        super().__init__()

    def load_config(self) -> None:
        """Hand the settings to gunicorn."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        """Give gunicorn the application."""
        return self._app


def serve(settings: Settings, environ: MutableMapping[str, str], host: str = "127.0.0.1", server: str = "gunicorn",
          debug: bool = False) -> None:
    """Serve the model of these settings until told to stop."""
    with shared_counts(environ, settings.workers if server == "gunicorn" else 1) as counts_folder:
        _run(create_app(settings, counts_folder), settings, host, server, debug)


def _run(app: Application, settings: Settings, host: str, server: str, debug: bool) -> None:
    """Serve an application until told to stop."""
    if not is_running_from_reloader():  # whose first process holds the port already
        _require_free(host, settings.port)
    logging.getLogger("linear_regressor.serving").setLevel(logging.DEBUG if debug else logging.INFO)
    logger.info("serving %s (model %s) on http://%s:%d with %s", settings.model_path,
                app.service.reloader.current().version, host, settings.port, server)
    # What is there by now stays: nobody needs to look for garbage in it, and workers share its memory.
    gc.freeze()
    gc.enable()
    _tell_missing_parsers()
    _tell_open_door(settings, host)
    if server == "flask":
        if app.service.spans is not None:
            app.service.spans.start()
        # Werkzeug's interactive debugger would run code for whoever reaches the port: never on.
        app.run(host, settings.port, debug=debug, use_debugger=False)
    else:
        GunicornServer(app, gunicorn_options(settings, host, debug)).run()


def gunicorn_options(settings: Settings, host: str, debug: bool = False) -> dict[str, Any]:
    """Settings of gunicorn for these settings of ours."""
    return {
        "bind": f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}",
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": DrainingWorker,
        "graceful_timeout": GRACEFUL_SECONDS,
        "keepalive": KEEP_ALIVE_SECONDS,
        # The heartbeat in memory: a slow disk must not look like a hung worker.
        "worker_tmp_dir": IN_MEMORY if os.path.isdir(IN_MEMORY) else None,
        "control_socket_disable": True,
        # What a request of ours needs is a tenth of these; a token fits into one field.
        "limit_request_line": 4094,
        "limit_request_fields": 64,
        "limit_request_field_size": 8190,
        # No header changes which path was asked for, or whether over TLS: neither list has a name. So nobody has to
        # be trusted, and "*" spares gunicorn reading every caller's address to find out.
        "forwarder_headers": "",
        "secure_scheme_headers": {},
        "forwarded_allow_ips": "*",
        "loglevel": "debug" if debug else "info",
        "logger_class": ServerLog,
        **worker_hooks(),
    }


def _require_free(host: str, port: int) -> None:
    """Find out before gunicorn does, which would try for five seconds and fill the log."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        raise ServerError(f"cannot listen on {host} port {port}: {error.strerror}; "
                          "choose another with --port (or PORT) and --host") from None


def _tell_open_door(settings: Settings, host: str) -> None:
    """Warn once, loudly, where everybody who reaches the address may ask."""
    if settings.security.auth == "none" and host not in LOOPBACK and not host.startswith("127."):
        logger.warning("OPEN TO EVERYBODY: listening on %s with AUTH=none, so whoever reaches port %d gets predictions."
                       " Set AUTH=api-key or AUTH=oidc, unless something in front asks who calls", host, settings.port)


def _tell_missing_parsers() -> None:
    """Say once which of the faster parsers are not installed."""
    missing = [] if fast_numbers.FAST_PARSER_AVAILABLE else ["pysimdjson"]
    if importlib.util.find_spec("gunicorn_h1c") is None:
        missing.append("gunicorn_h1c")
    if missing:
        logger.warning("%s not installed: requests are served more slowly; the extra 'fast' brings what is missing",
                       " and ".join(missing))
