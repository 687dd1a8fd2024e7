"""Play the loop with real processes: serve, feedback, the world changes, the alarm, retraining, promotion, recovery.

Prints its figures and draws the error over time. The exit code is 1 if the loop does not close.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess  # nosec B404  # starts only our commands
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from math import nan, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray

from linear_regressor.output_file import write_file
from tests.running_server import ROOT, RunningServer, start

Array = NDArray[np.float64]

FOLDER = ROOT / "build" / "demo-drift"
SCHEMA = "rents.yaml"
# seconds of traffic before the change and after the promotion, and the longest wait for each step
BEFORE, AFTER, PATIENCE = 5.0, 5.0, 20.0
# rows of a request, and seconds between two requests: 200 rows a second
ROWS, PAUSE = 10, 0.05
BLOCK_ROWS = 50
DRIFT = 3  # exit code of monitor


class Answer(NamedTuple):
    """The errors of one request's predictions."""

    at: float
    squared_error: float
    # the version that answered
    model: str


@dataclass
class World:
    """Rent by size and age, until the market changes: sizes count for more, and everything costs more."""

    random: np.random.Generator
    changed: bool = False

    def rows(self, count: int) -> tuple[Array, Array]:
        """Draw rows with their actual values."""
        X = np.column_stack([self.random.uniform(30.0, 120.0, count), self.random.uniform(0.0, 80.0, count)])
        per_size, fixed = (13.0, 260.0) if self.changed else (11.0, 200.0)
        return X, fixed + per_size * X[:, 0] - 2.0 * X[:, 1] + self.random.normal(0.0, 90.0, count)


@dataclass(eq=False)
class Traffic(threading.Thread):
    """Asks for predictions, and reports the actual values a moment later."""

    server: RunningServer
    world: World
    answers: list[Answer] = field(default_factory=list)
    stopped: bool = False

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def run(self) -> None:
        """Send requests until told to stop."""
        with closing(self.server.connection()) as connection:
            while not self.stopped:
                X, y = self.world.rows(ROWS)
                headers = {"Content-Type": "application/json"}
                connection.request("POST", "/batch", json.dumps({"instances": X.tolist()}), headers)
                response = connection.getresponse()
                error = np.array(json.loads(response.read())["predictions"]) - y
                version = str(response.headers["X-Model-Version"])
                self.answers.append(Answer(time.monotonic(), float((error ** 2).mean()), version))
                connection.request("POST", "/feedback", json.dumps({"instances": X.tolist(), "actuals": y.tolist()}),
                                   headers)
                response = connection.getresponse()
                if response.status != 202:
                    raise RuntimeError(response.read())
                response.read()
                time.sleep(PAUSE)

    def error(self, start: float, end: float) -> float:
        """Root mean squared error of a period."""
        squared = [answer.squared_error for answer in self.answers if start <= answer.at < end]
        return sqrt(sum(squared) / len(squared)) if squared else nan


def command(*arguments: object, expected: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """Run a command of the package."""
    done = subprocess.run(  # nosec B603  # fixed program, no shell
        [sys.executable, str(ROOT / "main.py"), *map(str, arguments)], capture_output=True, text=True)
    if done.returncode not in expected:
        sys.exit(f"linear-regressor {arguments[0]}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def until(what: str, *arguments: object, wanted: int, other: tuple[int, ...]) -> str:
    """Repeat a command until it has the exit code that is waited for; return its output."""
    deadline = time.monotonic() + PATIENCE
    while (done := command(*arguments, expected=(wanted, *other))).returncode != wanted:
        if time.monotonic() > deadline:
            sys.exit(f"{what} did not come within {PATIENCE:g} s:\n{done.stdout}")
    return done.stdout


def draw(traffic: Traffic, events: dict[str, float], path: Path) -> None:
    """Draw the error of every half second, with the events."""
    start, answers = traffic.answers[0].at, traffic.answers
    edges = np.arange(start, answers[-1].at - 0.5, 0.5)
    errors = [traffic.error(left, left + 0.5) for left in edges]
    with rc_context({"svg.hashsalt": "drift", "svg.fonttype": "none", "font.size": 11.0}):
        figure = Figure(figsize=(8.0, 3.6), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(edges - start + 0.25, errors, color="#1f5fa8", linewidth=2.0)
        for place, (name, at) in enumerate(events.items()):
            axes.axvline(at - start, color="#444444", linestyle=("-", "--", ":")[place % 3], label=name)
        axes.set(xlabel="seconds", ylabel="error of predictions (RMSE)", ylim=(0.0, 1.4 * float(np.nanmax(errors))))
        axes.legend(loc="upper left", frameon=False)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        write_file(path, lambda file: figure.savefig(file, format="svg", metadata={"Date": None}))


def prepare(world: World) -> tuple[Path, str]:
    """Train and promote a first model, and make an empty store."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    models, store, data = FOLDER / "models", f"sqlite:///{FOLDER}/feedback.db", FOLDER / "rents.csv"
    schema = FOLDER / SCHEMA
    X, y = world.rows(1000)
    np.savetxt(data, np.column_stack([X, y]), delimiter=",", header="size,age,rent", comments="")
    command("verify", data, "--schema", schema, "--learn")
    command("train", "--data", data, "--features", "size,age", "--target", "rent", "--schema", schema,
            "--model-save-path", FOLDER / "first.joblib")
    command("models", "promote", FOLDER / "first.joblib", "--models", models)
    command("store", "migrate", "--store", store)
    return models, store


def play(server: RunningServer, world: World, models: Path, store: str, picture: Path) -> None:
    """Change the world, and wait for alarm, promotion and recovery."""
    traffic = Traffic(server, world)
    started = time.monotonic()
    traffic.start()
    time.sleep(BEFORE)
    monitor = ("monitor", "--model-path", models, "--store", store)
    command(*monitor)
    print(f"before    error (RMSE) {traffic.error(started, time.monotonic()):.1f}; monitor finds no drift")
    while len(traffic.answers) * ROWS % BLOCK_ROWS:  # tests know a change to a block of rows: begin with one
        time.sleep(PAUSE / 20)
    world.changed, events = True, {"the world changes": time.monotonic()}
    changed = events["the world changes"]
    report = until("an alarm", *monitor, "--json", "-", wanted=DRIFT, other=(0,))
    events["alarm"] = time.monotonic()
    first = next(finding for finding in json.loads(report)["findings"] if finding["state"] == "alarm")
    print(f"alarm     {events['alarm'] - changed:.1f} s after the change: {first['title']} has changed by "
          f"{first['size']:.3g} {first['unit']} since row {first['since']}")
    retrained = until("a promotion", "retrain", "--models", models, "--store", store, "--schema", FOLDER / SCHEMA,
                      "--when-drifted", wanted=0, other=(4,))
    events["promotion"] = time.monotonic()
    shown = ("verified", "challenger", "new", "recorded")
    print("\n".join(line for line in retrained.splitlines() if line.startswith(shown)))
    version, deadline = retrained.split()[-1], time.monotonic() + PATIENCE
    while traffic.answers[-1].model != version:
        if time.monotonic() > deadline or not traffic.is_alive():
            sys.exit(f"the server did not take {version}")
        time.sleep(0.02)
    taken = next(answer.at for answer in traffic.answers if answer.model == version)
    time.sleep(AFTER)
    traffic.stopped = True
    traffic.join(PATIENCE)
    errors = [traffic.error(*period) for period in ((started, changed), (changed, taken), (taken, time.monotonic()))]
    print(f"promotion {events['promotion'] - changed:.1f} s after the change; the server has {version} "
          f"{max(taken - events['promotion'], 0.0):.1f} s later")
    print(f"error     RMSE before {errors[0]:.1f}, during {errors[1]:.1f}, after {errors[2]:.1f}; "
          f"{len(traffic.answers) * ROWS} rows, all answered")
    draw(traffic, events, picture)
    print(f"picture   {picture}")
    # a model of two hundred rows may be a little worse than one of a thousand
    if not errors[2] < 1.25 * errors[0] < errors[1]:
        sys.exit("the error has not recovered")


def main() -> None:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path, default=FOLDER / "error.svg", help="SVG file to write")
    options = parser.parse_args()
    began, world = time.monotonic(), World(np.random.default_rng(0))
    models, store = prepare(world)
    server = start(models, environment={"WEB_CONCURRENCY": "2", "STORE": store}, output=subprocess.DEVNULL)
    try:
        play(server, world, models, store, options.picture)
    finally:
        server.stop()
    print(f"took      {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
