"""One worker of our server compared with bare applications under the same gunicorn.

Ours runs as in production: with an API key, Prometheus metrics, and audit and access logs (to /dev/null here). The bare
applications do none of that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import feedback
from benchmarks.load import command, requests_per_second
from benchmarks.ratio import Ratio, measured_in_turn, seconds
from benchmarks.row_statistics import statistics_ratio
from benchmarks.servers import bare, free_port, on_cores, ours, running, unrecorded, usable_cores, wait_until_up
from linear_regressor.data.dataset import read_diabetes
from linear_regressor.serving.auth.api_keys import StoredKey, generate_key, key_digest, write_keys
from linear_regressor.training.config import TrainingConfig
from linear_regressor.training.train import train


def ratios(length: float = 2.0, rounds: int = 5) -> Iterator[Ratio]:
    """Yield the ratios that serving has a budget for, each as soon as it is measured.

    Servers run on the first usable core, the load on the last.
    """
    cores = usable_cores()
    with TemporaryDirectory() as folder, on_cores(cores[-1:]):
        model = Path(folder, "model.joblib")
        train(read_diabetes(["bmi"]), TrainingConfig(), model, datetime.now(UTC))
        yield from _throughput(model, cores[:1], length, rounds)
        yield from _recording(model, cores[:1], length, rounds)
        yield _start(model, cores[:1], rounds)
        yield statistics_ratio(rounds)
    yield from feedback.ratios(length, rounds)


def _throughput(model: Path, cores: list[int], length: float, rounds: int) -> Iterator[Ratio]:
    """Load our server and the bare one alternately, with one request body after the other."""
    port, bare_port = free_port(), free_port()
    key, secured = _secured(model.parent)
    with running(ours(port, model), cores, **secured), running(bare(bare_port, "benchmarks.bare_wsgi:app"), cores):
        for each in (port, bare_port):
            wait_until_up(each)
        for name, path, body, connections, floor in _bodies(model.parent):
            one, other = (partial(requests_per_second, command(each, path, body, connections, length, key))
                          for each in (port, bare_port))
            yield Ratio.of(f"ours / bare WSGI, {name}", measured_in_turn(one, other, rounds), "1/s", floor=floor)


def _recording(model: Path, cores: list[int], length: float, rounds: int) -> Iterator[Ratio]:
    """Load our server with and without the recording of traffic alternately, and then with all rows as events."""
    bodies = {path: (name, body, connections) for name, path, body, connections, _ in _bodies(model.parent)
              if body.stem in ("one", "1000")}
    key, secured = _secured(model.parent)
    for what, paths, environ in (("recording", {"/stream": 0.97, "/batch": 0.95}, {}),
                                 ("recording with all row events", {"/stream": 0.94}, {"EVENTS_SAMPLE": "1"})):
        port, plain_port = free_port(), free_port()
        recorded = {**secured, "TRAFFIC_FOLDER": str(model.parent / "traffic"), **environ}
        with running(ours(port, model), cores, **recorded), running(unrecorded(plain_port, model), cores, **secured):
            for each in (port, plain_port):
                wait_until_up(each)
            for path, floor in paths.items():
                name, body, connections = bodies[path]
                # Many short rounds: the difference is as small as the noise of a round.
                one, other = (partial(requests_per_second, command(each, path, body, connections, length / 2, key))
                              for each in (port, plain_port))
                yield Ratio.of(f"{what} / none, {name}", measured_in_turn(one, other, 4 * rounds), "1/s", floor=floor)


def _secured(folder: Path) -> tuple[str, dict[str, str]]:
    """Generate an API key; return it and the environment variables of our server."""
    key, path = generate_key(), folder / "keys.json"
    write_keys(path, [StoredKey("benchmark", key_digest(key).hex(), ("predict",))])
    return key, {"AUTH": "api-key", "API_KEYS_FILE": str(path), "ACCESS_LOG": "on"}


def _bodies(folder: Path) -> Iterator[tuple[str, str, Path, int, float]]:
    """Write the request bodies; yield name, path, file, connections and budget of each."""
    x = np.random.default_rng(0).normal(0.0, 0.05, 100_000).tolist()
    one = folder / "one.json"
    one.write_text(json.dumps({"instance": x[0]}))
    yield "one record to /stream", "/stream", one, 8, 0.55
    for rows, connections, floor in ((1, 8, 0.55), (1_000, 8, 1.3), (100_000, 2, 8.0)):
        body = folder / f"{rows}.json"
        body.write_text(json.dumps({"instances": [[value] for value in x[:rows]]}))
        yield f"{rows:,} row{'s' * (rows > 1)} to /batch", "/batch", body, connections, floor


def _start(model: Path, cores: list[int], rounds: int) -> Ratio:
    """Start our server and a bare Flask and NumPy one alternately, until each first responds."""
    port = free_port()

    def start(command: list[str]) -> float:
        with running(command, cores):
            return seconds(lambda: wait_until_up(port))

    pairs = [(start(ours(port, model)), start(bare(port, "benchmarks.bare_flask:app")))
             for _ in range(rounds + 1)]
    return Ratio.of("ours / bare Flask and NumPy, start to first response", pairs[1:], "s", ceiling=1.3)
