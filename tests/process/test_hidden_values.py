"""No message of any command has a value of the data with ``--hide-values``, or with HIDE_VALUES."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.command_line import run, run_process
from tests.data_sets import rows, saved

PLANTED = "p1anted"
COLUMNS = ("--features", "x1,x2", "--target", "y", "--key", "id")


def csv(*lines: str, header: str = "id,x1,x2,y") -> Callable[[Path], Path]:
    """Return a function that writes a CSV file."""
    def write(folder: Path) -> Path:
        path = folder / "bad.csv"
        path.write_text("\n".join((header, *(f"k{row},{row},{row % 3},{row}.5" for row in range(5)), *lines)) + "\n")
        return path

    return write


def text(name: str, content: str) -> Callable[[Path], Path]:
    """Return a function that writes a file."""
    def write(folder: Path) -> Path:
        (folder / name).write_text(content)
        return folder / name

    return write


def parquet(folder: Path) -> Path:
    """Write a column of text with one text that is no number."""
    path = folder / "bad.parquet"
    pa.parquet.write_table(pa.table({"id": ["a", "b"], "x1": ["1", PLANTED], "x2": [1.0, 2.0], "y": [1.0, 2.0]}), path)
    return path


FAULTS = {
    "a word": csv(f"k9,{PLANTED},1,1"), "a word in the target": csv(f"k9,1,1,{PLANTED}"),
    "a wide row": csv(f"k9,1,1,1,{PLANTED}"), "an open quote": csv(f'k9,1,"{PLANTED},1'),
    "no header": text("bad.csv", f"{PLANTED},1,2,3\nk,1,2,3\n"),
    "one column": text("bad.csv", f"id;x1;x2;{PLANTED}\n1;2\n"),
    "text in Parquet": parquet, "no Parquet": text("bad.parquet", PLANTED), "no Feather": text("bad.feather", PLANTED),
    "no JSON": text("bad.ndjson", f'{{"id": "a", "x1": 1, "x2": 1, "y": 1}}\n{PLANTED}\n'),
    "text in JSON": text("bad.ndjson", '{"id": "a", "x1": 1, "x2": 1, "y": 1}\n'
                                       f'{{"id": "b", "x1": "{PLANTED}", "x2": 1, "y": 1}}\n'),
    "an object in JSON": text("bad.ndjson", '{"id": "a", "x1": {"a": "%s"}, "x2": 1, "y": 1}\n' % PLANTED)}
# Faults of the header, whose names are those of columns to all commands but those that look for other names.
HEADERS = ("no header", "one column")
NAMING = ("verify", "show", "diff")
SHOWN = ("a word", "a word in the target", "text in Parquet", "text in JSON")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of two features."""
    folder = tmp_path_factory.mktemp("model")
    path = saved(rows(np.random.default_rng(3), 200), folder / "rows.parquet")
    done = run("train", "--data", path, *COLUMNS, "--model-save-path", folder / "model")
    assert done.exit_code == 0, done.output
    return folder / "model"


def commands(path: Path, folder: Path, model: Path) -> dict[str, tuple[object, ...]]:
    """Return every command that reads a data set."""
    good = saved(rows(np.random.default_rng(4), 20), folder / "good.csv")
    return {"train": ("train", "--data", path, *COLUMNS, "--model-save-path", folder / "new"),
            "evaluate": ("evaluate", "--data", path, "--model-path", model),
            "predict": ("predict", path, folder / "out.csv", "--model-path", model),
            "cross-validate": ("cross-validate", "--data", path, *COLUMNS),
            "verify": ("verify", path), "show": ("data", "show", path),
            "diff": ("data", "diff", path, good, "--values")}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_command_shows_a_value_that_is_hidden(tmp_path: Path, model: Path, fault: str) -> None:
    """Whatever is wrong with the file; one line says where, without PyArrow's words."""
    path = FAULTS[fault](tmp_path)
    for name, command in commands(path, tmp_path, model).items():
        if fault in HEADERS and name in NAMING:
            continue
        done = run(*command, "--hide-values")

        assert PLANTED not in done.output, (name, done.output)
        assert "CSV conversion" not in done.output and "Traceback" not in done.output
        if name in ("train", "cross-validate"):
            assert (1, 1) == (done.exit_code, done.stderr.count("\n")), (name, done.output)


@pytest.mark.parametrize("fault", SHOWN)
def test_a_value_is_shown_by_default_in_one_line(tmp_path: Path, model: Path, fault: str) -> None:
    """The same fault, so that the test above looks for what would be there."""
    path = FAULTS[fault](tmp_path)

    done = run(*commands(path, tmp_path, model)["train"])

    assert (1, 1, True) == (done.exit_code, done.stderr.count("\n"), f"'{PLANTED}'" in done.stderr), done.output


@pytest.mark.parametrize("switch", ["on", "1", "true", "off", "0", "", "perhaps"])
def test_the_environment_hides_values(tmp_path: Path, switch: str) -> None:
    """Other text is misuse."""
    path = FAULTS["a word"](tmp_path)

    done = run_process("train", "--data", path, *COLUMNS, "--model-save-path", tmp_path / "new",
                       environ={"HIDE_VALUES": switch})

    assert (2 if switch == "perhaps" else 1, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert (PLANTED in done.stderr) is (switch in ("off", "0", ""))


def test_findings_and_examples_leave_out_values(tmp_path: Path) -> None:
    """Constant columns, new categories, ranges, and rows of a difference; values that are shown are escaped."""
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    schema = tmp_path / "schema.yaml"
    old.write_text("a,b,c\n" + "".join(f"{row},red,{row % 7}\n" for row in range(400)))
    new.write_text("a,b,c\n" + "".join(f"{row},{PLANTED}\x1b[2J,987654\n" for row in range(400)))
    assert run("verify", old, "--schema", schema, "--learn").exit_code in (0, 5)
    for command in (("verify", new, "--schema", schema), ("verify", new), ("data", "diff", old, new, "--values")):
        hidden, shown = run(*command, "--hide-values").output, run(*command).output
        assert PLANTED not in hidden, hidden
        assert PLANTED in shown and "\x1b" not in shown, shown


@pytest.mark.parametrize("command", [("verify",), ("data", "show"), ("data", "show", "--where", "a = 1"),
                                     ("train", *COLUMNS, "--where", "a = 1", "--data")])
def test_names_are_hidden_in_messages_about_columns(tmp_path: Path, command: tuple[str, ...]) -> None:
    """In a file without a header, names are values."""
    (tmp_path / "rows.csv").write_text(f"{PLANTED},1,1,1\nk,1,2,3\n")

    done = run(*command, tmp_path / "rows.csv", "--hide-values")

    assert (1, True) == (done.exit_code, "it has 4 columns (names are hidden)" in done.stderr), done.output
    assert PLANTED not in done.output


@pytest.mark.parametrize("command", [("data", "show"), ("verify",)])
@pytest.mark.parametrize("header", [f"{PLANTED},1", f"1,{PLANTED},3", f"{PLANTED},{PLANTED}"])
def test_names_of_another_file_are_hidden(tmp_path: Path, command: tuple[str, ...], header: str) -> None:
    """They, too, are values if the files have no header; the message says that columns differ."""
    (tmp_path / "a.csv").write_text("1,3\n1,2\n")
    (tmp_path / "b.csv").write_text(f"{header}\n" + "1,2,3\n" * 3)

    for folder in (tmp_path, tmp_path / "b.csv"):
        done = run(*command, folder, "--hide-values")
        assert PLANTED not in done.stderr, done.stderr
    shown = run("data", "show", tmp_path)
    hidden = run("data", "show", tmp_path, "--hide-values")
    assert (1, 1) == (shown.exit_code, hidden.exit_code)
    assert (PLANTED in shown.stderr, PLANTED in hidden.stderr) == (True, False)
