"""A real PostgreSQL server on this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess  # nosec B404  # starts only PostgreSQL's own programs
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.servers import free_port
from linear_regressor.errors import ServerError

SECONDS_TO_START = 30
SETPRIV = "/usr/bin/setpriv"


class PostgresqlServer:
    """A server with one database, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        found = programs()
        if found is None:
            raise ServerError("PostgreSQL is not installed (Debian: apt-get install postgresql)")
        self._programs = found
        # PostgreSQL refuses to run as root
        self._user = ([SETPRIV, "--reuid=postgres", "--regid=postgres", "--init-groups", "--reset-env"]
                      if os.geteuid() == 0 else [])
        if self._user:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8",
                  "--locale=C.UTF-8")

    @property
    def url(self) -> str:
        """URL of the database; the server does not check the password."""
        address = f"127.0.0.1:{self.port}/postgres"
        return f"postgresql://postgres:pass%2Fword@{address}"  # pragma: allowlist secret  # any password does

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        return int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    def start(self) -> None:
        """Start, also while processes of a killed server are still ending."""
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.folder}"
        arguments = ("-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), "-o", options)
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            try:
                self._run("pg_ctl", *arguments, "start")
                return
            except subprocess.CalledProcessError as error:
                if time.monotonic() > deadline:
                    raise ServerError(f"PostgreSQL does not start: {error.stderr}") from None
                time.sleep(0.2)

    def stop(self) -> None:
        """End every connection and stop."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "fast", "-w", "stop")

    def kill(self) -> None:
        """Kill the server, as a crash of the machine does to it."""
        os.kill(self.pid, signal.SIGKILL)

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile() as output:  # a pipe would stay open as long as the server runs
            done = subprocess.run(  # nosec B603  # fixed programs and arguments, no shell
                [*self._user, str(self._programs / program), *arguments], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, cwd="/")
            output.seek(0)
            if done.returncode:
                raise subprocess.CalledProcessError(done.returncode, program, stderr=output.read().decode())


def programs() -> Path | None:
    """Find the folder of the newest server's programs, if it is installed."""
    installed = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "postgres").exists()]
    if installed:  # Debian, whose own commands on PATH are for servers that it manages
        return max(installed, key=lambda folder: float(re.sub(r"[^0-9.]", "", folder.parent.name) or 0))
    found = shutil.which("postgres")
    return None if found is None else Path(found).resolve().parent


@contextmanager
def postgresql_server() -> Iterator[PostgresqlServer]:
    """Start a server in a folder that every user can reach; it is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="postgresql_"))
    try:
        server = PostgresqlServer(folder)
        server.start()
        try:
            yield server
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
