"""Images and containers, by the client of a container engine."""

from __future__ import annotations

import os
import subprocess  # nosec B404  # starts only the client of the engine
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.servers import ROOT, free_port
from linear_regressor.errors import ServerError

DOCKER = os.environ.get("DOCKER") or "docker"
# The group of a container as it sees it: of version 2, else of version 1.
READ_MEMORY = ("cd /sys/fs/cgroup; cat memory.current memory.stat 2>/dev/null || "
               "cat memory/memory.usage_in_bytes memory/memory.stat")


@dataclass(frozen=True)
class Container:
    """A container whose server gets a port of this machine."""

    name: str
    port: int

    def start(self) -> None:
        """Run its command; returns before the server is ready."""
        docker("start", self.name)

    def memory(self) -> float:
        """MB that count against a limit and cannot be dropped."""
        return needed_bytes(docker("exec", self.name, "sh", "-c", READ_MEMORY)) / 1e6

    def last_line(self) -> str:
        """Last line of its log."""
        done = subprocess.run(  # nosec B603  # fixed program, no shell
            [DOCKER, "logs", "--tail", "1", self.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.strip()


def require_engine() -> None:
    """Raise ServerError, with the remedy, unless an engine answers."""
    done = subprocess.run(  # nosec B603  # our script, no shell
        [ROOT / "scripts" / "find_engine.sh"], capture_output=True, text=True)
    if done.returncode:
        raise ServerError(done.stderr.strip())


def docker(*arguments: str) -> str:
    """Run the client; return its output, or raise ServerError with the last line of its error output."""
    done = subprocess.run([DOCKER, *arguments], cwd=ROOT, capture_output=True, text=True)  # nosec B603  # no shell
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise ServerError(f"'{DOCKER} {arguments[0]}' failed: {lines[-1]}")
    return done.stdout.strip()


def megabytes(image: str) -> float:
    """Size of a local image."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def base_megabytes(base: str) -> float:
    """Size of a base image, which some builders do not store among the local images."""
    try:
        return megabytes(base)
    except ServerError:
        docker("pull", "--quiet", base)
        return megabytes(base)


@contextmanager
def container(image: str, command: Sequence[str], port: int, environ: Mapping[str, str], cores: Sequence[int]
              ) -> Iterator[Container]:
    """Create one for a server that listens on ``port`` inside; the end of the ``with`` block removes it."""
    created = Container(f"linear_regressor_images_{uuid.uuid4().hex[:12]}", free_port())
    pinned = ["--cpuset-cpus", ",".join(map(str, cores))] if cores else []
    variables = [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
    try:
        docker("create", "--name", created.name, "--publish", f"127.0.0.1:{created.port}:{port}", *pinned, *variables,
               image, *command)
        yield created
    finally:
        # goes on in a session of its own if a second signal ends the wait; fails for one that was never created
        removal = subprocess.Popen([DOCKER, "rm", "--force", "--volumes", created.name],  # nosec B603  # no shell
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        removal.wait()


def needed_bytes(text: str) -> int:
    """Bytes of a control group without its page cache, from its usage and its ``memory.stat``.

    Pages of files count for the container that read them first, and are dropped when memory is short.
    """
    usage, *lines = text.splitlines()
    values = {name: int(value) for name, value in map(str.split, lines)}
    # the names of version 1, else of version 2; shared memory is in the cache, but cannot be dropped
    cache, shared = ("total_cache", "total_shmem") if "total_cache" in values else ("file", "shmem")
    return int(usage) - values[cache] + values[shared]
