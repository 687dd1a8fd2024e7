"""Running the command line, in this process or in a new one."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import AnyStr

import click
from click.testing import CliRunner, Result

from linear_regressor.cli import main

ROOT = Path(__file__).resolve().parent.parent


def run(*arguments: object, command: click.Command = main) -> Result:
    """Run a command in this process."""
    with usual_logging():
        return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


@contextmanager
def killed_on_failure(process: subprocess.Popen[AnyStr]) -> Iterator[subprocess.Popen[AnyStr]]:
    """Use a process and wait for its end; if the block fails, end it first, as it may wait for what never comes."""
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def run_process(*arguments: object, environ: Mapping[str, str] | None = None,
                file_size_limit: int | None = None, program: str = "main.py") -> subprocess.CompletedProcess[str]:
    """Run a program of the repository in a new process."""
    command, environ = [sys.executable, str(ROOT / program), *map(str, arguments)], clean_environ(environ or {})
    if file_size_limit is not None:
        # coverage could not write its data file either
        environ = {name: value for name, value in environ.items() if not name.startswith("COVERAGE_")}
        # Python ignores SIGXFSZ: a write past the limit raises an OSError.
        limit = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({file_size_limit},) * 2); "
        command = [sys.executable, "-c", limit + "os.execv(sys.argv[1], sys.argv[1:])", *command]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)


def run_with_peak(*arguments: object, exit_code: int = 0) -> tuple[str, float]:
    """Run a command in a new process; return its output and the most memory in MB that it had, from /proc."""
    # not ru_maxrss, which starts with the memory of the process that starts it
    script = ("import atexit, sys; from linear_regressor.cli import main\n"
              "atexit.register(lambda: sys.stderr.write(open('/proc/self/status').read())); main()")
    done = subprocess.run([sys.executable, "-c", script, *map(str, arguments)], cwd=ROOT, env=clean_environ({}),
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == exit_code, done.stderr
    return done.stdout, int(done.stderr.partition("VmHWM:")[2].split()[0]) / 1024


def clean_environ(added: Mapping[str, str]) -> dict[str, str]:
    """Copy the environment without the service's variables, which a developer may have set."""
    # Unbuffered, Python would hide what a buffer that cannot be written does at the end of a process.
    ours = ("PORT", "WEB_CONCURRENCY", "THREADS", "MODEL_PATH", "MAX_CONTENT_LENGTH", "MAX_ROWS", "PYTHONUNBUFFERED")
    return {**{name: value for name, value in os.environ.items() if name not in ours}, **added}


def shadow(folder: Path, *packages: str) -> dict[str, str]:
    """An environment in which packages seem not to be installed: modules that raise come before them."""
    for package in packages:
        (folder / f"{package}.py").write_text(f"raise ModuleNotFoundError('not installed', name='{package}')\n")
    return {"PYTHONPATH": str(folder)}


@contextmanager
def usual_logging() -> Iterator[None]:
    """Restore the loggers that the command line configures."""
    names = ("root", "linear_regressor", "linear_regressor.serving", "linear_regressor.serving.security.audit",
             "gunicorn.error")
    loggers = [logging.getLogger(None if name == "root" else name) for name in names]
    before = [(logger.level, logger.handlers[:], logger.propagate) for logger in loggers]
    try:
        yield
    finally:
        for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
            logger.setLevel(level)
            logger.handlers[:] = handlers
            logger.propagate = propagate
