"""``linear-regressor verify`` as a process: exit codes, outputs, and what it keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from linear_regressor.verification.finding import VerificationReport
from linear_regressor.verification.schema import Schema
from tests.command_line import run, run_process, run_with_peak, shadow
from tests.tables import rows_of, write

PASSED, UNREADABLE, MISUSED, FAILED = 0, 1, 2, 5


def verify(exit_code: int, *arguments: object) -> dict[str, Any]:
    """Run the command and read its JSON."""
    done = run("verify", *arguments, "--json")
    assert done.exit_code == exit_code, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write a data set."""
    return write(tmp_path / "data.csv", rows_of(1, 300))


@pytest.fixture
def schema(tmp_path: Path, data: Path) -> Path:
    """Learn its schema."""
    done = run("verify", data, "--schema", tmp_path / "schema.yaml", "--learn")
    assert done.exit_code == PASSED, done.output
    return tmp_path / "schema.yaml"


def spoiled(data: Path, row: int, text: str) -> Path:
    """Copy a data set with another first value in one row."""
    lines = data.read_text().splitlines()
    lines[row] = ",".join([text, *lines[row].split(",")[1:]])
    path = data.with_name("spoiled.csv")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_learning_editing_and_verifying(data: Path, schema: Path) -> None:
    """The data satisfy the schema that was learned from them, until a person declares a limit that they break."""
    assert verify(PASSED, data, "--schema", schema)["findings"] == []
    smallest = min(float(line.split(",")[0]) for line in data.read_text().splitlines()[1:])
    schema.write_text(schema.read_text().replace("- name: age\n", f"- name: age\n  minimum: {smallest + 1e-9}\n"))
    report = verify(FAILED, data, "--schema", schema)
    (finding,) = report["findings"]
    assert (finding["check"], finding["column"], finding["count"]) == ("range", "age", 1)
    assert report["schema_digest"] == Schema.load(schema).digest
    assert VerificationReport.from_plain(report).failed


def test_a_process_prints_the_finding_and_ends_with_five(data: Path, schema: Path) -> None:
    """Text on standard output, nothing on standard error."""
    done = run_process("verify", spoiled(data, 7, "abc"), "--schema", schema)
    assert (done.returncode, done.stderr) == (FAILED, "")
    assert "error    type  column 'age' has 1 value other than finite numbers in 300 rows" in done.stdout
    assert "rows 7\n1 error, 0 warnings\n" in done.stdout


def test_without_a_schema_one_line_says_so(data: Path) -> None:
    """Checks that need none are made."""
    report = verify(PASSED, data)
    assert len(report["skipped"]) == 1 and report["skipped"][0].startswith("schema checks: there is no schema")
    assert [finding["check"] for finding in verify(FAILED, spoiled(data, 7, "abc"))["findings"]] == ["type"]


def test_the_page_is_written_beside_the_report(tmp_path: Path, data: Path, schema: Path) -> None:
    """With a finding, too; the text goes to standard error if the page goes to standard output."""
    page = tmp_path / "new" / "page.html"
    spoiled(data, 7, "abc")
    report = verify(FAILED, tmp_path / "spoiled.csv", "--schema", schema, "--html", page)
    assert report["findings"][0]["message"].split(":")[0].replace("'", "&#39;")[1:] in page.read_text()
    done = run_process("verify", data, "--schema", schema, "--html", "/dev/stdout")
    assert done.stdout.startswith("<!doctype html>") and done.stdout.endswith("</html>")
    assert done.stderr.endswith("0 errors, 0 warnings\n")


@pytest.mark.parametrize("learning", [(), ("--learn",)])
def test_a_page_overwrites_no_input(tmp_path: Path, data: Path, schema: Path, learning: tuple[str, ...]) -> None:
    """Neither the data sets nor the schema, by whatever name."""
    other, link = write(tmp_path / "other.csv", rows_of(2, 300)), tmp_path / "link.html"
    link.symlink_to(schema)
    for path in (data, schema, link, *([] if learning else [other])):
        before = path.read_bytes()
        done = run("verify", data, "--schema", schema, *([] if learning else ["--against", other]), *learning, "--html",
                   path)
        assert done.exit_code in (UNREADABLE, MISUSED) and 1 == done.stderr.count("\n"), done.stderr
        assert "name another file" in done.stderr and before == path.read_bytes()


def test_another_data_set_is_compared_with_the_first(data: Path, schema: Path) -> None:
    """Its findings decide the exit code, too; without a schema the first data set gives the columns."""
    other = spoiled(write(data.with_name("other.csv"), rows_of(2, 300)), 7, "abc")
    for options in ((), ("--schema", schema)):
        report = verify(FAILED, data, "--against", other, *options)
        assert (report["findings"], report["failed"]) == ([], True)
        assert [finding["check"] for finding in report["against"]["findings"]] == ["type"]
    renamed = data.with_name("renamed.csv")
    renamed.write_text(data.with_name("other.csv").read_text().replace("bmi", "weight", 1))
    report = verify(FAILED, data, "--against", renamed)
    assert {(finding["check"], finding["column"]) for finding in report["against"]["findings"]} == {
        ("missing-column", "bmi"), ("unknown-column", "weight")}


def test_learning_again_keeps_what_people_declared(data: Path, schema: Path) -> None:
    """The reference is that of the new rows."""
    schema.write_text(schema.read_text().replace("- name: age\n", "- name: age\n  unit: years\n"))
    more = write(data.with_name("more.parquet"), rows_of(2, 500))
    assert run("verify", more, "--schema", schema, "--learn").exit_code == PASSED
    learned = Schema.load(schema)
    assert learned.columns[0].unit == "years"
    assert learned.reference is not None and learned.reference.rows == 500
    assert learned.reference.ranks is not None and learned.reference.ranks.n == 500


def test_the_format_of_the_data_does_not_matter(data: Path, schema: Path) -> None:
    """CSV and Parquet of the same rows teach the same schema."""
    parquet = write(data.with_name("data.parquet"), rows_of(1, 300))
    other = schema.with_name("other.yaml")
    assert run("verify", parquet, "--schema", other, "--learn").exit_code == PASSED
    assert Schema.load(other).digest == Schema.load(schema).digest


@pytest.mark.parametrize(("arguments", "exit_code", "words"), [
    (("DATA", "--learn"), MISUSED, "--learn needs --schema FILE"),
    (("DATA", "--learn", "--schema", "s.yaml", "--against", "DATA"), MISUSED, "exclude each other"),
    (("none.csv",), MISUSED, "none.csv does not exist"), (("DATA", "--schema", "none.yaml"), UNREADABLE, "none.yaml"),
    (("DATA", "--schema", "DATA"), UNREADABLE, "it is not"), (("DATA", "--against", "cut.csv"), UNREADABLE, "row 2"),
    (("DATA", "--learn", "--schema", "DATA"), MISUSED, "is a file of the data set")])
def test_what_cannot_be_done_is_one_line(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                         arguments: tuple[str, ...], exit_code: int, words: str) -> None:
    """Misuse is 2, unreadable input 1; 5 means that the data were checked."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.csv").write_text("age,bmi,score\n1,2,3\n4,5\n")
    done = run("verify", *(str(data) if each == "DATA" else each for each in arguments))
    assert done.exit_code == exit_code
    assert words in done.stderr and "Traceback" not in done.stderr and not done.stdout


@pytest.mark.parametrize("package", ["pyarrow", "yaml", "duckdb"])
def test_a_missing_extra_is_named_in_one_line(data: Path, schema: Path, tmp_path: Path, package: str) -> None:
    """Of the reader of the data, of the schema and of repeated rows."""
    done = run_process("verify", data, "--schema", schema, environ=shadow(tmp_path, package))
    assert (done.returncode, done.stdout) == (UNREADABLE, "")
    assert done.stderr == (f"Error: {package} is not installed; it comes with the extra 'training': pip install "
                           "'.[training]' in a checkout\n")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of the process from /proc")
def test_ten_times_the_rows_take_no_more_memory(tmp_path: Path) -> None:
    """Two files and twenty, whose rows take 43 MB more."""
    random = np.random.default_rng(1)
    peaks = []
    for files in (2, 20):
        for number in range(files):
            write(tmp_path / f"{files}" / f"{number}.parquet", random.normal(size=(100_000, 3)))
        output, peak = run_with_peak("verify", tmp_path / f"{files}")
        assert output.endswith("0 errors, 0 warnings\n")
        peaks.append(peak)
    print("peaks in MB", peaks)
    assert peaks[1] < peaks[0] + 24
