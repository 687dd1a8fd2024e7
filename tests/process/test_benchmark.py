"""``benchmark.py``: what it prints. How fast anything is, no test asks."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from benchmark import main
from benchmarks.load import command, requests_a_second
from benchmarks.ratio import Ratio, timed_in_turn
from benchmarks.servers import free_port, ours, running, usable_cores, wait_until_up
from benchmarks.training import loop
from linear_regressor.data.dataset import read_diabetes
from linear_regressor.errors import ServerError
from linear_regressor.training.config import TrainingConfig
from linear_regressor.training.train import train
from tests.command_line import run, run_process
from tests.oracles import challenge_loop


def test_by_default_it_is_the_check_of_the_challenge() -> None:
    """Coefficients, mean squared error and R2 of both, side by side on the same 20 rows."""
    X, y = load_diabetes(return_X_y=True)
    theirs = LinearRegression().fit(X[:-20, [2]], y[:-20])

    done = run_process(program="benchmark.py")

    lines = [line.split() for line in done.stdout.splitlines()]
    assert (0, "") == (done.returncode, done.stderr)
    assert ["LinearRegression", "SimpleLinearRegression"] == lines[0]
    assert ["slope", "intercept", "MSE", "R2"] == [line[0] for line in lines[1:]]
    assert [f"{theirs.coef_[0]:.6f}", f"{theirs.intercept_:.6f}"] == [line[1] for line in lines[1:3]]
    assert f"{r2_score(y[-20:], theirs.predict(X[-20:, [2]])):.4f}" == lines[4][1]
    assert pytest.approx(float(lines[4][1]), abs=0.01) == float(lines[4][2])


@pytest.mark.parametrize("name", ["lines.png", "lines.svg"])
def test_both_lines_are_drawn_into_the_file_that_is_asked_for(tmp_path: Path, name: str) -> None:
    """Its ending tells the format."""
    path = tmp_path / name

    assert 0 == run("--plot", path, command=main).exit_code
    if path.suffix == ".png":
        assert len(np.unique(imread(path).reshape(-1, 4), axis=0)) > 20
    else:
        assert "LinearRegression" in path.read_text() and "<svg" in path.read_text()


def test_a_plot_in_an_unknown_format_is_one_line(tmp_path: Path) -> None:
    """And no file."""
    result = run("--plot", tmp_path / "lines.doc", command=main)

    assert (2, 1) == (result.exit_code, result.stderr.count("\n"))
    assert [] == list(tmp_path.iterdir())


def test_training_ratios_come_as_table_and_as_json() -> None:
    """The last line is for machines and says the same, with the environment."""
    result = run("training", "--rows", "1000", "--rounds", "1", command=main)

    lines = result.stdout.splitlines()
    measured = json.loads(lines[-1])
    assert {"python", "numpy", "scikit-learn", "processor", "cpus"} <= set(measured["environment"])
    assert [50, 300, 2, 0.15, 0.35, 1.5, 1.5, 1.25, 1] == [ratio["budget"] for ratio in measured["ratios"]]
    for ratio, line in zip(measured["ratios"], lines[2:-1], strict=True):
        assert line.startswith(ratio["name"])
        assert min(ratio["above"], ratio["below"], ratio["ratio"]) > 0


def test_serving_ratios_come_without_wrk_too(tmp_path: Path) -> None:
    """A path without programs leaves the load generator in Python."""
    done = run_process("serving", "--seconds", "0.1", "--rounds", "1", program="benchmark.py",
                       environ={"PATH": str(tmp_path)})

    assert (0, "") == (done.returncode, done.stderr)
    ratios = json.loads(done.stdout.splitlines()[-1])["ratios"]
    assert [0.55, 0.55, 1.3, 8.0, 1.3] == [ratio["budget"] for ratio in ratios]
    assert all(min(ratio["above"], ratio["below"]) > 0 for ratio in ratios)


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_is_used_where_it_is_installed(tmp_path: Path) -> None:
    """It gives a rate where requests succeed, and an error where they do not."""
    port, body = free_port(), tmp_path / "body.json"
    body.write_text('{"instance": 0.1}')
    train(read_diabetes(["bmi"]), TrainingConfig(), tmp_path / "model", datetime.now(UTC))

    with running(ours(port, tmp_path / "model"), usable_cores()[:1]):
        wait_until_up(port)
        good, bad = (command(port, path, body, connections=2, seconds=1) for path in ("/stream", "/batch"))
        rate = requests_a_second(good)
        with pytest.raises(ServerError, match="the load failed: Non-2xx"):
            requests_a_second(bad)

    assert "wrk" in good[0]
    assert rate > 0


def test_a_load_on_nobody_is_an_error(tmp_path: Path) -> None:
    """Whichever program makes it."""
    body = tmp_path / "body.json"
    body.write_text("{}")

    with pytest.raises(ServerError, match="the load failed"):
        requests_a_second(command(free_port(), "/", body, connections=1, seconds=0.1))


def test_a_ratio_is_the_median_of_those_of_the_pairs() -> None:
    """What slows one pair as a whole does not count."""
    pairs = [(2.0, 1.0), (30.0, 10.0), (4.0, 1.0)]

    assert (3.0, True) == ((floor := Ratio.of("a / b", pairs, "s", floor=3)).ratio, floor.held)
    assert not Ratio.of("a / b", pairs, "s", ceiling=2.9).held
    with pytest.raises(ValueError, match="a / b: a floor or a ceiling is needed"):
        Ratio.of("a / b", pairs, "s")


def test_work_is_timed_in_turn_after_a_round_that_does_not_count() -> None:
    """Each side is called as often as asked for."""
    calls: list[str] = []

    pairs = timed_in_turn(lambda: calls.append("a"), lambda: calls.append("b"), 2, above_calls=1, below_calls=2)

    assert 2 == len(pairs)
    assert list("abbabbabb") == calls


def test_the_loop_that_is_raced_is_the_loop_of_the_challenge(random: np.random.Generator) -> None:
    """A slow loop that does something else would be an easy race."""
    X, y, start = random.normal(size=(40, 3)), random.normal(size=40), random.normal(size=4)

    theta, losses = loop(X, y, start, 0.1, 51)

    W, b, expected = challenge_loop(X, y, start, 0.1, 50)
    np.testing.assert_allclose([*W, b], theta, rtol=1e-12)
    np.testing.assert_allclose(expected, losses, rtol=1e-12)
