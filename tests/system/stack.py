"""``Stack``: the services of compose.yaml on a container engine, under a name of their own."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, TypeVar

from tests import ROOT
from tests.running_server import free_port

T = TypeVar("T")

DOCKER = os.environ.get("DOCKER", "docker")
PROJECT = "linear_regressor_system"
PATIENCE = 60.0


def until(what: str, look: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """Look until there is something; connections may fail meanwhile."""
    deadline = time.monotonic() + patience
    while True:
        try:
            if found := look():
                return found
        except OSError:
            pass
        assert time.monotonic() < deadline, f"{what}: not within {patience:g} s"
        time.sleep(0.2)


def run(command: list[str], environment: dict[str, str], codes: tuple[int, ...] = (0,)) -> str:
    """Run a command in the repository, and return its standard output."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode in codes, f"{shlex.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def free_ports() -> dict[str, str]:
    """Choose a port of this machine for each service that has one."""
    return {name: str(free_port()) for name in ("PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT")}


@dataclass
class Stack:
    """Compose with the images of a test; a new password and free ports."""

    images: dict[str, str]
    ports: dict[str, str] = field(default_factory=free_ports)
    password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of compose.yaml."""
        return {**os.environ, **self.images, **self.ports, "COMPOSE_PROJECT_NAME": PROJECT,
                "STORE_PASSWORD": self.password}

    def compose(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run a command of Compose."""
        found = run([str(ROOT / "scripts" / "find_compose.sh")], self.environment)
        return run([*found.split(), *arguments], self.environment, codes)

    def docker(self, *arguments: str) -> str:
        """Run a command of the client."""
        return run([DOCKER, *arguments], self.environment).strip()

    def make(self, target: str, **variables: str) -> str:
        """Run a target of the Makefile."""
        given = {"DOCKER": DOCKER, **variables}
        return run(["make", target, *(f"{name}={value}" for name, value in given.items())], self.environment)

    def job(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run a command of the package in the jobs image."""
        return self.compose("run", "--rm", "-T", "jobs", "linear-regressor", *arguments, codes=codes)

    def containers(self, service: str) -> list[str]:
        """List the ids of the containers of a service."""
        return self.compose("ps", "-q", service).split()

    def state(self, container: str, template: str) -> str:
        """Ask the engine about a container."""
        return self.docker("inspect", "--format", template, container)

    def instance_url(self) -> str:
        """Return the address of an instance behind the gateway."""
        return "http://" + self.docker("port", self.containers("server")[0], "5000/tcp").splitlines()[0]

    def ask(self, path: str, port: str = "PORT") -> Any:
        """Get JSON from a service, or nothing unless its status is 200."""
        connection = HTTPConnection("127.0.0.1", int(self.ports[port]), timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        return json.loads(content) if response.status == 200 else None

    def up(self) -> None:
        """Start everything, and wait until the gateway has a ready instance."""
        self.make("up", **self.ports, **self.images)
        until("the service", lambda: self.ask("/v1/model"))

    def replace(self, image: str) -> None:
        """Replace the instance by one of another image, as an operator does."""
        self.make("replace", SERVICE_IMAGE=image)

    def champion(self) -> str:
        """Return the version that answers."""
        return str(until("the service", lambda: self.ask("/v1/model"))["version"])

    def stored(self) -> list[float]:
        """Read the actual values in the store."""
        lines = self.docker("exec", self.containers("postgresql")[0], "psql", "--username", "linear_regressor",
                            "--dbname", "feedback", "--tuples-only", "--no-align", "--command",
                            "SELECT y FROM feedback_row")
        return [float(line) for line in lines.split()]
