"""``benchmark.py``: what it prints. No test depends on how fast anything is."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from benchmark import main
from benchmarks import process, row_statistics, stops, whole_process
from benchmarks.load import command, requests_per_second
from benchmarks.make_rows import FEATURES, chunks
from benchmarks.postgresql import programs
from benchmarks.ratio import Ratio, timed_in_turn
from benchmarks.servers import ours, running, usable_cores, wait_until_up
from benchmarks.training import loop
from linear_regressor.data.dataset import read_diabetes
from linear_regressor.errors import ServerError
from linear_regressor.training.config import TrainingConfig
from linear_regressor.training.train import train
from tests.command_line import ROOT, clean_environ, run, run_process
from tests.data_sets import saved
from tests.oracles import challenge_loop
from tests.running_server import free_port


def test_the_default_is_the_check_of_the_challenge() -> None:
    """Coefficients, mean squared error and R2 of both estimators, side by side, on the same 20 rows."""
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
def test_plot_draws_both_lines_into_a_file(tmp_path: Path, name: str) -> None:
    """The file name ending selects the format."""
    path = tmp_path / name

    assert 0 == run("--plot", path, command=main).exit_code
    if path.suffix == ".png":
        assert len(np.unique(imread(path).reshape(-1, 4), axis=0)) > 20
    else:
        assert "LinearRegression" in path.read_text() and "<svg" in path.read_text()


def test_a_plot_in_an_unknown_format_is_a_one_line_error(tmp_path: Path) -> None:
    """No file is written."""
    result = run("--plot", tmp_path / "lines.doc", command=main)

    assert (2, 1) == (result.exit_code, result.stderr.count("\n"))
    assert [] == list(tmp_path.iterdir())


def test_training_prints_ratios_as_table_and_as_json() -> None:
    """The last line is JSON with the same ratios and the environment."""
    result = run("training", "--rows", "1000", "--rounds", "1", command=main)

    lines = result.stdout.splitlines()
    measured = json.loads(lines[-1])
    assert {"python", "numpy", "scikit-learn", "processor", "cpus"} <= set(measured["environment"])
    assert [50, 300, 2, 0.15, 0.35, 1.5, 1.5, 1.25, 1, 5] == [ratio["budget"] for ratio in measured["ratios"]][:10]
    assert whole_process.PYTHON.exists() or "run 'make benchmark-peers' first\n" in result.stderr
    for ratio, line in zip(measured["ratios"], lines[2:-1], strict=True):
        assert line.startswith(ratio["name"])
        assert min(ratio["above"], ratio["below"], ratio["ratio"]) > 0


def test_data_prints_time_and_memory_of_verification(tmp_path: Path) -> None:
    """A second run reads the files of the first one."""
    times = []
    for _ in range(2):
        result = run("data", "--rows", "20000", "--rounds", "1", "--folder", tmp_path, command=main)
        measured = json.loads(result.stdout.splitlines()[-1])["ratios"]
        assert [3, 1.1] == [ratio["budget"] for ratio in measured]
        assert all(ratio["above"] > 0 and ratio["below"] > 0 for ratio in measured)
        times.append({path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.parquet")})
    assert {"rows-5000.parquet", "rows-20000.parquet"} == times[0].keys() and times[0] == times[1]


def test_the_whole_command_is_compared_with_each_peer_by_time_and_memory() -> None:
    """With pandas and scikit-learn, which the development environment has."""
    peers = {"pandas": "pandas_scikit_learn.py"}

    measured = list(whole_process.ratios(1000, 1, Path(sys.executable), peers))

    assert [f"{what}: train / pandas, {ending}, 1,000 x 10" for ending in ("Parquet", "CSV")
            for what in ("process", "peak memory")] == [ratio.name for ratio in measured]
    assert all(ratio.above > 0 and ratio.below > 0 for ratio in measured)


def test_without_the_peers_the_message_names_the_target_that_installs_them(tmp_path: Path,
                                                                           capsys: pytest.CaptureFixture[str]) -> None:
    """No other library is needed for the other ratios."""
    assert [] == list(whole_process.ratios(1000, 1, tmp_path / "python"))
    assert capsys.readouterr().err.endswith("run 'make benchmark-peers' first\n")


@pytest.mark.parametrize("program", sorted(whole_process.PEERS.values()))
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_each_peer_fits_the_least_squares_line(tmp_path: Path, program: str, ending: str) -> None:
    """A peer that computes something else would be no reference."""
    python = sys.executable if "pandas" in program else str(whole_process.PYTHON)
    if not Path(python).exists():
        pytest.skip("the peers are not installed: make benchmark-peers")
    path = saved(next(chunks(1000)), tmp_path / f"rows{ending}")
    columns = np.column_stack([next(chunks(1000))[name] for name in (*FEATURES, "y")])

    done = subprocess.run([python, ROOT / "benchmarks" / "peers" / program, path, "y", *FEATURES], check=True,
                          capture_output=True, text=True)

    expected = LinearRegression().fit(columns[:, :-1], columns[:, -1]).coef_
    np.testing.assert_allclose(expected, json.loads(done.stdout), rtol=1e-9)


def test_the_peak_memory_of_a_process_is_its_own() -> None:
    """Not that of the process that started it."""
    large = np.ones(40_000_000)

    used = process.run([sys.executable, "-c", "print('output')"])

    assert 3 < used.memory < 100 < large.nbytes / 1e6
    assert used.seconds > 0


def test_a_failed_process_is_an_error_and_not_a_measurement() -> None:
    """A training that rejects its data would look fast."""
    with pytest.raises(ServerError, match="python.* -c exit.3. failed with exit code 3"):
        process.run([sys.executable, "-c", "exit(3)"])


def test_serving_prints_ratios_without_wrk_too(tmp_path: Path) -> None:
    """With an empty PATH, the load comes from the loop in Python."""
    benchmark = subprocess.Popen([sys.executable, str(ROOT / "benchmark.py"), "serving", "--seconds", "0.1", "--rounds",
                                  "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env=clean_environ({"PATH": str(tmp_path)}), start_new_session=True)
    try:
        out, err = benchmark.communicate(timeout=600)  # many servers start, beside other tests
    except BaseException:
        os.killpg(benchmark.pid, signal.SIGKILL)  # with its servers
        benchmark.communicate()
        raise

    assert (0, "") == (benchmark.returncode, err)
    ratios = json.loads(out.splitlines()[-1])["ratios"]
    databases = [0.5, 0.3] if programs() else [0.5]
    assert [0.55, 0.55, 1.3, 8.0, 0.97, 0.95, 0.94, 1.3, 0.35, *databases] == [ratio["budget"] for ratio in ratios]
    assert all(min(ratio["above"], ratio["below"]) > 0 for ratio in ratios)


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_is_used_if_it_is_installed(tmp_path: Path) -> None:
    """It returns a rate if requests succeed, and raises an error if they do not."""
    port, body = free_port(), tmp_path / "body.json"
    body.write_text('{"instance": 0.1}')
    train(read_diabetes(["bmi"]), TrainingConfig(), tmp_path / "model", datetime.now(UTC))

    with running(ours(port, tmp_path / "model"), usable_cores()[:1]):
        wait_until_up(port)
        good, bad = (command(port, path, body, connections=2, seconds=1) for path in ("/stream", "/batch"))
        rate = requests_per_second(good)
        with pytest.raises(ServerError, match="the load failed: Non-2xx"):
            requests_per_second(bad)

    assert "wrk" in good[0]
    assert rate > 0


def test_a_load_without_a_server_is_an_error(tmp_path: Path) -> None:
    """From wrk as from the loop in Python."""
    body = tmp_path / "body.json"
    body.write_text("{}")

    with pytest.raises(ServerError, match="the load failed"):
        requests_per_second(command(free_port(), "/", body, connections=1, seconds=0.1))


def test_a_ratio_is_the_median_of_the_ratios_of_the_pairs() -> None:
    """A slowdown of one pair as a whole does not matter."""
    pairs = [(2.0, 1.0), (30.0, 10.0), (4.0, 1.0)]

    assert (3.0, True) == ((floor := Ratio.of("a / b", pairs, "s", floor=3)).ratio, floor.held)
    assert not Ratio.of("a / b", pairs, "s", ceiling=2.9).held
    with pytest.raises(ValueError, match="a / b: a floor or a ceiling is needed"):
        Ratio.of("a / b", pairs, "s")


def test_functions_are_timed_alternately_after_a_warm_up_round() -> None:
    """Each function is called the given number of times per round, and is the first in every second one."""
    calls: list[str] = []

    pairs = timed_in_turn(lambda: calls.append("a"), lambda: calls.append("b"), 2, above_calls=1, below_calls=2)

    assert 2 == len(pairs)
    assert list("abbbbaabb") == calls


def test_the_reference_loop_is_the_loop_of_the_challenge(random: np.random.Generator) -> None:
    """A loop that computes something else would be no reference."""
    X, y, start = random.normal(size=(40, 3)), random.normal(size=40), random.normal(size=4)

    theta, losses = loop(X, y, start, 0.1, 51)

    W, b, expected = challenge_loop(X, y, start, 0.1, 50)
    np.testing.assert_allclose([*W, b], theta, rtol=1e-12)
    np.testing.assert_allclose(expected, losses, rtol=1e-12)


def test_the_reference_statistics_are_those_of_the_package() -> None:
    """Code that computes something else would be no reference."""
    fit, X = row_statistics.fit_and_rows()
    root = row_statistics.inverse_root(fit)

    for shared, separate in zip(row_statistics.shared(fit, X), row_statistics.separate(fit, root, X), strict=True):
        np.testing.assert_allclose(shared, separate, rtol=1e-12)


def test_stops_prints_the_resets_as_table_and_as_json() -> None:
    """One stop each with one and with two workers; how many connections are reset is for the benchmark to show."""
    result = run("stops", "--count", "1", command=main)

    lines = result.stdout.splitlines()
    outcomes = json.loads(lines[-1])["stops"]
    rows = [line.split() for line in lines[1:-1] if line[:7].strip()]
    assert [1, 2] == [outcome["workers"] for outcome in outcomes]
    assert all(outcome["answered"] > 0 and outcome["resets"] >= 0 for outcome in outcomes)
    assert [[str(outcome["workers"]), "1", f"{outcome['answered']:,}", str(outcome["resets"])]
            for outcome in outcomes] == [row[:4] for row in rows]


def test_a_client_tells_resets_from_other_failures() -> None:
    """A listener that closes with unread connections resets them; a response of another status is a failure."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = stops.Client(listener.getsockname()[1])
        client.start()
        with listener.accept()[0] as connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
        with listener.accept()[0] as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.join(10)

    assert not client.is_alive()
    assert client.answered == 0 and client.resets >= 1
    assert {"unexpected response HTTP/1.1 503 Service Unavailable": 1} == client.failures
