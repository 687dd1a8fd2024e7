"""What telemetry does as gunicorn's workers come and go."""

from __future__ import annotations

from typing import Any


def hooks() -> dict[str, Any]:
    """Give gunicorn's settings by which it tells of its workers.

    Returns
    -------
    dict
        Functions by name of gunicorn's setting.

    Examples
    --------
    >>> sorted(hooks())
    ['child_exit', 'post_worker_init', 'worker_exit']
    """
    return {"post_worker_init": _begun, "worker_exit": _ending, "child_exit": _ended}


def _begun(worker: Any) -> None:
    """Begin, in the worker, what does not survive a fork."""
    spans = worker.app.wsgi().extensions["spans"]
    if spans is not None:
        spans.start()


def _ending(arbiter: Any, worker: Any) -> None:
    """Send, from the worker, what it still holds."""
    spans = worker.app.wsgi().extensions["spans"]
    if spans is not None:
        spans.stop()


def _ended(arbiter: Any, worker: Any) -> None:
    """Take back, in the process that is left, what a worker said of itself while it lived."""
    arbiter.app.wsgi().extensions["metrics"].forget(worker.pid)
