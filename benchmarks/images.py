"""Our server image compared with one image per peer on the same base: size, start and memory.

Every container has the first usable core, the client the last. All images stay for the next run, which builds only
what has changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple

import click

from benchmarks.container import Container, base_megabytes, container, docker, megabytes, require_engine
from benchmarks.image_servers import OURS, PEERS, PORT, ImageServer
from benchmarks.ratio import Ratio
from benchmarks.servers import on_cores, usable_cores
from linear_regressor.errors import ServerError

BASE = "python:3.11-slim-bookworm"
REQUESTS, CONNECTIONS = 1_000, 8
# the slowest peer starts in 12 s, and takes a minute on a busy machine
PATIENCE_SECONDS = 180
LABELS = ("container start to the first right answer", "memory after it", f"memory after {REQUESTS:,} requests")
UNITS = ("s", "MB", "MB")


class Use(NamedTuple):
    """What one container took: seconds to its first right answer, and MB then and after the requests."""

    seconds: float
    first: float
    loaded: float


def ratios(rounds: int, base: str = BASE) -> Iterator[Ratio]:
    """Build what is not built yet, measure, and yield four ratios for each peer."""
    require_engine()
    cores = usable_cores()
    servers = _built(base)
    with on_cores(cores[-1:]):
        found = measured(servers, rounds, cores[:1])
    under = base_megabytes(base)
    yield from compared({name: megabytes(_image(name)) - under for name in found}, found)


def _image(name: str) -> str:
    """Name of the image of a server."""
    return f"linear_regressor_images_{name}:latest"


def _built(base: str) -> list[ImageServer]:
    """Build all images; a peer that cannot be built is named and left out."""
    folder = "benchmarks/peer_images"
    servers = []
    for server in (OURS, *PEERS):
        click.echo(f"Building {_image(server.name)} on {base}", err=True)
        source = (["--file", "server.Dockerfile", "."] if server is OURS else
                  ["--build-arg", f"PEER={server.name}", "--file", f"{folder}/peer.Dockerfile", folder])
        try:
            docker("build", "--build-arg", f"BASE={base}", "--tag", _image(server.name), *source)
            servers.append(server)
        except ServerError as error:
            if server is OURS:
                raise
            click.echo(f"Without {server.name}: {error}", err=True)
    return servers


def measured(servers: Sequence[ImageServer], rounds: int, cores: Sequence[int]) -> dict[str, list[Use]]:
    """Measure all in turn, after one round that reads their files and shows which of them work."""
    working = []
    click.echo("Starting each once, uncounted", err=True)
    for server in servers:
        try:
            measure(server, _image(server.name), cores)
            working.append(server)
        except ServerError as error:
            if server is OURS:
                raise
            click.echo(f"Without {server.name}: {error}", err=True)
    if working == [OURS]:
        raise ServerError("no peer gave a right answer: there is nothing to compare with")
    found: dict[str, list[Use]] = {server.name: [] for server in working}
    for number in range(rounds):
        click.echo(f"Measuring, round {number + 1} of {rounds}", err=True)
        # a machine that slows down favours nobody
        for server in working if number % 2 else working[::-1]:
            found[server.name].append(measure(server, _image(server.name), cores))
    return found


def measure(server: ImageServer, image: str, cores: Sequence[int]) -> Use:
    """Start one container, send the requests, and remove it."""
    with container(image, server.command, PORT, server.environ, cores) as started:
        start = time.perf_counter()
        started.start()
        _wait_for_answer(server, started)
        seconds, first = time.perf_counter() - start, started.memory()
        load(server, started.port)
        return Use(seconds, first, started.memory())


def _wait_for_answer(server: ImageServer, started: Container) -> None:
    """Ask until the server gives the right answer; a wrong one is an error at once."""
    end, reason = time.monotonic() + PATIENCE_SECONDS, ""
    while time.monotonic() < end:
        try:
            with closing(HTTPConnection("127.0.0.1", started.port, timeout=PATIENCE_SECONDS)) as connection:
                server.ask(connection)
            return
        except (OSError, HTTPException) as error:
            reason = str(error)
            time.sleep(0.005)
    raise ServerError(f"{server.name} gave no answer within {PATIENCE_SECONDS} s: {started.last_line() or reason}")


def load(server: ImageServer, port: int) -> None:
    """Send the requests over some connections at once, and check every answer."""
    def some(_: int) -> None:
        with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)) as connection:
            for _ in range(REQUESTS // CONNECTIONS):
                server.ask(connection)

    try:
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(some, range(CONNECTIONS)))
    except (OSError, HTTPException) as error:
        raise ServerError(f"{server.name} failed under load: {error}") from None


def compared(sizes: Mapping[str, float], found: Mapping[str, Sequence[Use]]) -> Iterator[Ratio]:
    """Divide our sizes and uses by those of each peer, round by round."""
    for peer in found:
        if peer == OURS.name:
            continue
        yield Ratio.of(f"ours / {peer}, size over the base", [(sizes[OURS.name], sizes[peer])], "MB", ceiling=1)
        for place, (label, unit) in enumerate(zip(LABELS, UNITS, strict=True)):
            pairs = [(ours[place], theirs[place]) for ours, theirs in zip(found[OURS.name], found[peer], strict=True)]
            yield Ratio.of(f"ours / {peer}, {label}", pairs, unit, ceiling=1)
