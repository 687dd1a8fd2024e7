"""``CommandLine``: every error is one line with an exit code."""

import errno
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

from linear_regressor.cli import COMMANDS, main
from linear_regressor.cli.command_line import CommandLine
from linear_regressor.errors import LinearRegressorError, RateError
from tests.command_line import ROOT, clean_environ, run, run_process, shadow


def failing(error: BaseException) -> click.Command:
    """A command line with one command, which raises this error."""
    def fail() -> None:
        raise error

    return CommandLine("program", commands=[click.Command("fail", callback=fail)])


def every_command(command: click.Command, name: str, above: click.Context | None = None) -> Iterator[click.Context]:
    """Yield the context of a command, or of a group those of its commands."""
    context = click.Context(command, info_name=name, parent=above)
    if not isinstance(command, click.Group):
        yield context
    else:
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from every_command(found, below, context)


@pytest.mark.parametrize(("error", "exit_code", "line"), [
    (LinearRegressorError("no such thing"), 1, "Error: no such thing"),
    (RateError("too\n  fast"), 2, "Error: too fast"),
    (click.UsageError("wrong"), 2, "Error: wrong (see 'program fail --help')"),
    (OSError(errno.ENOSPC, "No space left on device", "rows.csv"), 1, "Error: rows.csv: No space left on device"),
    (OSError("broken"), 1, "Error: broken"),
    (MemoryError("Unable to allocate 7 TiB"), 1, "Error: not enough memory: Unable to allocate 7 TiB"),
    (ModuleNotFoundError("", name="sklearn.base"), 1,
     "Error: sklearn is not installed; it comes with the extra 'training': pip install '.[training]' in a checkout"),
    (FileNotFoundError(errno.ENOENT, "No such file or directory", "rows.csv"), 1,
     "Error: rows.csv: No such file or directory"),
    (KeyError("x"), 1, "Error: unexpected KeyError: 'x' (--traceback before the command shows where)"),
], ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "")
def test_every_error_is_one_line_on_standard_error(error: Exception, exit_code: int, line: str) -> None:
    """Its type decides the exit code; nothing goes to standard output."""
    result = run("fail", command=failing(error))

    assert (exit_code, "", f"{line}\n") == (result.exit_code, result.stdout, result.stderr)


@pytest.mark.parametrize(("error", "exit_code"), [(RateError("too fast"), 2), (KeyError("x"), 1)],
                         ids=["ours", "other"])
def test_the_traceback_option_adds_the_traceback(error: Exception, exit_code: int) -> None:
    """Before the same line, with the same exit code."""
    plain, result = run("fail", command=failing(error)), run("--traceback", "fail", command=failing(error))

    assert (exit_code, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("Traceback (most recent call last):\n") and ", in fail\n" in result.stderr
    assert result.stderr.endswith(f"\n{plain.stderr}")


def test_the_traceback_option_is_for_every_command(tmp_path: Path) -> None:
    """It goes before the command, and the help shows it; help and interrupts have no traceback."""
    failed = run("--traceback", "evaluate", "--model-path", tmp_path / "none")
    helped = run("--traceback", "evaluate", "--help")

    assert 1 == failed.exit_code and "Traceback" in failed.stderr and "ArtefactError" in failed.stderr
    assert (0, "") == (helped.exit_code, helped.stderr)
    assert "--traceback" in run("--help").stdout


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143),
                                                   (signal.SIGHUP, 129)])
def test_an_interrupt_ends_with_the_exit_code_of_shells(tmp_path: Path, number: int, exit_code: int) -> None:
    """128 + the signal; a training that is stopped prints no error and saves nothing."""
    process = subprocess.Popen([sys.executable, str(ROOT / "main.py"), "train", "--batch-size", "1", "--iterations",
                                "1000000", "--model-save-path", str(tmp_path / "model")], stderr=subprocess.PIPE,
                               text=True, env=clean_environ({}))
    with process:
        assert process.stderr is not None
        assert "pass" in process.stderr.readline()
        process.send_signal(number)
        rest = process.stderr.read()

    assert exit_code == process.returncode
    assert "Error" not in rest and "Traceback" not in rest
    assert [] == list(tmp_path.iterdir())


def test_a_closed_pipe_causes_no_traceback(tmp_path: Path) -> None:
    """``linear-regressor train | head -0`` prints nothing."""
    process = subprocess.Popen([sys.executable, str(ROOT / "main.py"), "train", "--model-save-path",
                                str(tmp_path / "model"), "--report-path", str(tmp_path)], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=clean_environ({}))
    with process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        printed = process.stderr.read()

    assert (1, "") == (process.returncode, printed)


def test_a_command_without_standard_output_succeeds() -> None:
    """``linear-regressor moments show day.json >&-`` prints nothing."""
    done = subprocess.run(["sh", "-c", '"$0" "$@" >&-', sys.executable, str(ROOT / "main.py"), "--version"],
                          stderr=subprocess.PIPE, text=True, env=clean_environ({}), timeout=60)

    assert (0, "") == (done.returncode, done.stderr)


def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    """The interpreter adds nothing at exit."""
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([sys.executable, str(ROOT / "main.py")], stdout=full, stderr=subprocess.PIPE, text=True,
                              env=clean_environ({}), timeout=60)

    assert (1, "Error: No space left on device\n") == (done.returncode, done.stderr)


def test_a_group_without_a_command_prints_its_help() -> None:
    """As the program itself does; that is no misuse."""
    groups = [name for name in COMMANDS if isinstance(main.get_command(click.Context(main), name), click.Group)]

    assert {"data", "keys", "models", "moments", "registry", "store"} <= set(groups)
    for name in groups:
        result = run(name)
        assert (0, "") == (result.exit_code, result.stderr)
        assert result.stdout.startswith(f"Usage: linear-regressor {name} ") and "\nCommands:\n" in result.stdout


def test_without_a_command_there_is_help() -> None:
    """It lists every command with the first sentence of its own help."""
    result = run()

    assert 0 == result.exit_code
    text = " ".join(result.stdout.split())
    for name, summary in COMMANDS.items():
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert summary == command.get_short_help_str(limit=100)
        assert f" {name} {summary}" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_explains_every_option(command: str) -> None:
    """Each has a text, and each with a value shows its default."""
    text = " ".join(run(command, "--help").stdout.split())

    documented = main.get_command(click.Context(main), command)
    assert documented is not None
    for option in documented.params:
        if isinstance(option, click.Option):
            assert option.opts[0] in text
            assert option.help and " ".join(option.help.split()) in text
            assert option.is_flag or option.required or option.show_default
    assert 0 == text.count("Traceback")


def unknown_names(context: click.Context) -> set[str]:
    """Name the arguments and options in the help of a command that the command does not have."""
    usage, description = context.command.get_help(context).split("\n\n", 1)
    description = " ".join(description.split())
    arguments = re.findall(r"(?:^|[.:;] )([A-Z]{2,})(?: and [A-Z]+)? (?:is|are|has|ends)\b", description)
    # 'train --schema' is an option of another command
    options = re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", re.sub(r"'[a-z -]+'", "", description))
    known = {name for option in context.command.get_params(context) for name in (*option.opts, *option.secondary_opts)}
    return set(arguments) - set(re.findall(r"[A-Z]+", usage)) | set(options) - known


def test_help_speaks_of_arguments_and_options_that_exist() -> None:
    """Of every command: arguments as the usage line names them, and its own options."""
    unknown = {context.command_path: names for context in every_command(main, "linear-regressor")
               if (names := unknown_names(context))}

    assert {} == unknown


@pytest.mark.parametrize("arguments", [["nope"], ["train", "--nope"], ["predict"], ["serve", "--server", "apache"]],
                         ids=" ".join)
def test_misuse_is_one_line_that_names_the_help(arguments: list[str]) -> None:
    """The exit code is 2."""
    result = run(*arguments)

    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("Error: ") and result.stderr.endswith("--help')\n")
    assert 1 == result.stderr.count("\n")


def test_the_version_is_that_of_the_package() -> None:
    """From the metadata of the installation."""
    assert version("linear-regressor") in run("--version").stdout


def test_help_imports_no_heavy_library() -> None:
    """It is quick, and works in the server's image."""
    program = ("import sys, atexit; from linear_regressor.cli import main; "
               "atexit.register(lambda: print(*sys.modules)); main([])")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert "Usage: " in done.stdout
    assert set() == {"numpy", "scipy", "sklearn", "joblib", "pyarrow", "matplotlib", "flask", "gunicorn", "dask", "tqdm"
                     } & set(done.stdout.split())


@pytest.mark.parametrize(("arguments", "package", "extra"), [
    (("store", "migrate", "--store", "sqlite:///none.db"), "alembic", "store"),
    (("store", "check", "--store", "postgresql://127.0.0.1:1/none"), "psycopg", "postgresql")])
def test_a_missing_extra_of_the_store_is_named_in_one_line(tmp_path: Path, arguments: tuple[str, ...], package: str,
                                                           extra: str) -> None:
    """Only these commands need them."""
    done = run_process(*arguments, environ=shadow(tmp_path, package))

    assert (1, f"Error: {package} is not installed; it comes with the extra '{extra}': pip install '.[{extra}]' in a "
            "checkout\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize(("command", "package"), [("train", "sklearn"), ("evaluate", "sklearn"),
                                                  ("predict", "pyarrow")])
def test_a_missing_extra_is_named_in_one_line(tmp_path: Path, command: str, package: str) -> None:
    """The server's image does not have it; the line says how to install it."""
    files = [ROOT / "setup.cfg", tmp_path / "out.csv"] if command == "predict" else []

    done = run_process(command, *files, environ=shadow(tmp_path, package))

    assert (1, f"Error: {package} is not installed; it comes with the extra 'training': pip install '.[training]' in a "
            "checkout\n"
            ) == (done.returncode, done.stderr)
