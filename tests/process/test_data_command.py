"""``linear-regressor data``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv, parquet

from linear_regressor.artefact.file import load
from tests.command_line import run, run_process, run_with_peak
from tests.tables import rows_of, write


def test_show_as_text_and_json(tmp_path: Path) -> None:
    """Text and JSON tell the same digest."""
    path = tmp_path / "rows.csv"
    path.write_text("b,a\n1,x\n2,y\n")
    shown = json.loads(run_process("data", "show", path, "--json").stdout)
    assert (shown["rows"], list(shown["types"]), shown["files"]) == (2, ["b", "a"], {str(path): 12})
    text = run("data", "show", path)
    assert text.exit_code == 0
    assert text.output.splitlines()[:2] == [f"digest       {shown['digest']}", "rows         2"]


def test_unreadable_data_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    """Invalid files end with one line."""
    path = tmp_path / "rows.parquet"
    path.write_text("no Parquet")
    done = run_process("data", "show", path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "rows.parquet is text: read it with --input-format csv" in done.stderr


def test_the_digest_of_a_model_is_that_of_its_columns_and_rows(tmp_path: Path) -> None:
    """For each format, with a filter and a key, on Dask, and from the rest of a run that was killed."""
    table = np.column_stack([rows_of(1, 400).round(3), np.arange(400.0)])
    path, model = tmp_path / "rows.csv", tmp_path / "model.joblib"
    write(path, table[:, :3], group=["a", "b"] * 200, patient=range(400))
    parquet.write_table(csv.read_csv(path), tmp_path / "rows.parquet", row_group_size=50)
    expected = json.loads(run("data", "show", path, "--columns", "bmi,age,score", "--where", "\"group\" = 'a'",
                              "--json").stdout)
    assert (expected["rows"], list(expected["types"])) == (200, ["bmi", "age", "score"])
    for options in ((path,), (tmp_path / "rows.parquet",), (path, "--key", "patient"), (path, "--engine", "dask")):
        done = run_process("train", "--data", *options, "--features", "bmi,age", "--target", "score", "--where",
                           "\"group\" = 'a'", "--model-save-path", model)
        assert (done.returncode, load(model).card["data"]["digest"]) == (0, expected["digest"]), done.stderr
    for columns in ("age,bmi,score", "bmi,age"):
        other = json.loads(run("data", "show", path, "--columns", columns, "--where", "\"group\" = 'a'",
                               "--json").stdout)
        assert other["digest"] != expected["digest"]


@pytest.mark.parametrize(("options", "exit_code", "words"), [
    (("--columns", "none"), 1, "must have one column 'none'; its columns: age, bmi, score"),
    (("--columns", "age,age"), 2, "--columns names 'age' twice: name each column once"),
    (("--where", "age >"), 2, "the filter 'age >' is invalid: it is incomplete"),
    (("--where", "age > 9007199254740993"), 2, "the filter compares 'age' with 9007199254740993"),
    (("--where", "age = 'x'"), 0, "rows         0")])
def test_columns_and_filters_that_do_not_fit_are_one_line(tmp_path: Path, options: tuple[str, ...], exit_code: int,
                                                          words: str) -> None:
    """As those of 'train'."""
    done = run("data", "show", write(tmp_path / "rows.csv", rows_of(1, 5)), *options)
    assert done.exit_code == exit_code and words in (done.stderr or done.stdout), done.output


def test_differences_as_text_and_json(tmp_path: Path) -> None:
    """Exit code 6 for another row, 0 for another format, 1 for no data; values only if they are asked for."""
    a, b = tmp_path / "a.csv", tmp_path / "b.csv"
    a.write_text("n,word\n1,x\n2,y\n2,y\n")
    b.write_text("word,n\nx,1\ny,2\nsecret,\n")
    parquet.write_table(csv.read_csv(a), tmp_path / "same.parquet")
    text = run("data", "diff", a, b)
    plain = json.loads(run_process("data", "diff", a, b, "--values", "--json").stdout)

    assert (text.exit_code, "secret" in text.output) == (6, False)
    for line in ("changed      n: mean 1.66667 in A, 1.5 in B (-0.167); missing 0 in A, 1 in B", "changed      word",
                 "rows         1 only in A, 1 only in B, 2 in both", f"row          only in A: {a}, row 3",
                 f"row          only in B: {b}, row 3"):
        assert line in text.output.splitlines()
    assert plain["b"]["examples"] == [{"file": str(b), "row": 3, "values": {"n": None, "word": "secret"}}]
    assert (plain["equal"], plain["a"]["only"]) == (False, 1)
    assert f"row          only in A: {a}, row 3: n 2, word y" in run("data", "diff", a, b, "--values").output
    same = run("data", "diff", a, tmp_path / "same.parquet")
    assert same.exit_code == 0 and same.output.endswith("equal        the same columns and rows\n")
    (tmp_path / "one.csv").write_text("n,word\n1,x\n")
    one = run("data", "diff", a, tmp_path / "one.csv").stdout.splitlines()
    assert ": 3 rows, digest sha256:" in one[0] and ": 1 row, digest sha256:" in one[1]
    none = run("data", "diff", a, tmp_path / "none.csv")
    assert none.exit_code == 2 and "none.csv does not exist" in none.stderr
    (tmp_path / "broken.parquet").write_text("no Parquet")
    assert run("data", "diff", a, tmp_path / "broken.parquet").exit_code == 1


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of the process from /proc")
@pytest.mark.parametrize("command", ["show", "diff"])
def test_ten_times_the_rows_take_no_more_memory(tmp_path: Path, command: str) -> None:
    """One file and ten, whose rows take 22 MB more; all rows of the other data set are different ones."""
    other = [write(tmp_path / "other.csv", np.ones((1, 3)))] if command == "diff" else []
    random = np.random.default_rng(1)
    peaks = []
    for files in (1, 10):
        for number in range(files):
            write(tmp_path / f"{files}" / f"{number}.parquet", random.normal(size=(100_000, 3)))
        output, peak = run_with_peak("data", command, tmp_path / f"{files}", *other, exit_code=6 if other else 0)
        assert f"{100_000 * files}" in output
        peaks.append(peak)
    print("peaks in MB", peaks)
    assert peaks[1] < peaks[0] + 12


def test_no_name_adds_a_line(tmp_path: Path) -> None:
    """A file or a column with a line end in its name could forge a digest."""
    (tmp_path / "b.csv").write_text("y\n3\n")
    (folder := tmp_path / "a").mkdir()
    (folder / "a.csv\ndigest       forged.csv").write_text('"x\ndigest       forged",y\n1,2\n')

    done, differs = run("data", "show", folder), run("data", "diff", folder, tmp_path / "b.csv", "--values")

    assert (0, 1) == (done.exit_code, sum(line.startswith("digest") for line in done.output.splitlines())), done.output
    assert differs.exit_code == 6 and "\ndigest" not in differs.output, differs.output
