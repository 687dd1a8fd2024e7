"""Outputs with a nature of their own: pipes, standard output, mount points, hard links, files of other users."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.feather
import pyarrow.parquet
import pytest

from linear_regressor import output_file
from linear_regressor.artefact.file import load, save
from linear_regressor.errors import ArtefactError
from linear_regressor.output_file import locked, sync_folder
from tests.command_line import ROOT, clean_environ, killed_on_failure, run, run_process
from tests.process.test_outputs import DATA, MODEL, REMOVED, TRAIN, UNLEARN, folder, made, temporary_files

__all__ = ["folder", "made"]  # fixtures


@pytest.mark.parametrize(("name", "read"), [("out.parquet", pyarrow.parquet.read_table),
                                            ("out.feather", pyarrow.feather.read_table),
                                            ("out.arrow", pyarrow.feather.read_table)])
def test_formats_of_predictions_are_streamed_to_a_pipe(folder: Path, name: str, read: Callable[[Path], object]) -> None:
    """To the same bytes as into a file."""
    expected = folder / f"expected-{name}"
    run("predict", DATA, expected, "--model-path", MODEL)
    os.mkfifo(name)
    with open("received", "wb") as file, killed_on_failure(subprocess.Popen(["cat", name], stdout=file)):
        assert 0 == run("predict", DATA, name, "--model-path", MODEL).exit_code

    assert Path("received").read_bytes() == expected.read_bytes()
    assert read(folder / "received") == read(expected)


@pytest.mark.parametrize("output", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("to_file", [False, True])
def test_standard_output_has_the_output_and_nothing_else(folder: Path, output: str, to_file: bool) -> None:
    """A redirected file is appended to, as by any program of a shell; the message goes to standard error."""
    Path("link").symlink_to("/dev/stdout")
    expected = folder / "expected.csv"
    run("predict", DATA, expected, "--model-path", MODEL)
    command = [sys.executable, str(ROOT / "main.py"), "predict", DATA, output, "--model-path", MODEL]
    with open("redirected", "wb") as file:
        os.write(file.fileno(), b"before\n")
        done = subprocess.run(command, stdout=file if to_file else subprocess.PIPE, stderr=subprocess.PIPE,
                              env=clean_environ({}), timeout=60)

    written = Path("redirected").read_bytes().removeprefix(b"before\n") if to_file else done.stdout
    assert (0, expected.read_bytes()) == (done.returncode, written)
    assert "600 predictions to standard output\n" == done.stderr.decode()
    assert Path("/dev/stdout").is_symlink()


@pytest.mark.parametrize("output", ["/dev/fd/3", "pipe"])
def test_another_name_of_standard_output_has_nothing_else_either(folder: Path, output: str) -> None:
    """A copy of the descriptor, and a named pipe that is standard output."""
    os.mkfifo("pipe")
    command = f"{sys.executable} {ROOT / 'main.py'} predict {DATA} {output} --model-path {MODEL} >pipe 3>&1"
    with killed_on_failure(subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, text=True)) as reader:
        done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, env=clean_environ({}),
                              timeout=60)
        received = reader.communicate()[0]

    assert (0, "600 predictions to standard output\n") == (done.returncode, done.stderr)
    assert 601 == received.count("\n") and "predictions to" not in received


@pytest.mark.parametrize(("options", "to_stderr"), [(("--json", "/dev/stdout"), True), (("--json", "-"), False),
                                                    (("--html", "/dev/stdout"), True)])
def test_a_report_of_monitoring_on_standard_output_is_alone_there(folder: Path, options: tuple[str, ...],
                                                                  to_stderr: bool) -> None:
    """The table goes to standard error, except with -, which is instead of it."""
    done = run_process("monitor", "--model-path", MODEL, *options)
    assert 0 == done.returncode and ("nothing was tested" in done.stderr) is to_stderr, done.stderr
    if options[0] == "--json":
        assert load(MODEL).digest == json.loads(done.stdout)["model"]
    else:
        assert done.stdout.startswith("<!doctype html>") and done.stdout.endswith("</html>")
    both = run_process("monitor", "--model-path", MODEL, "--json", "-", "--html", "/dev/stdout")
    assert (2, "") == (both.returncode, both.stdout) and "is the file of --json" in both.stderr


def test_a_pipe_that_does_not_block_is_waited_for(folder: Path) -> None:
    """As programs with an event loop make it; it holds less than the output."""
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(write_end, False)
    command = [sys.executable, str(ROOT / "main.py"), "predict", DATA, "/dev/stdout", "--model-path", MODEL]
    with subprocess.Popen(command, stdout=write_end, stderr=subprocess.PIPE, env=clean_environ({})) as process:
        os.close(write_end)
        time.sleep(0.5)
        with open(read_end, "rb") as pipe:
            received = pipe.read()
        message = process.communicate()[1]

    assert (0, 601) == (process.returncode, received.count(b"\n")), message


def test_the_output_of_another_process_is_appended_to(folder: Path) -> None:
    """If it is a file, its beginning is not overwritten."""
    with open("other.log", "wb") as file:
        file.write(b"old\n" * 100_000)
        file.flush()
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) as other:
            done = run("predict", DATA, f"/proc/{other.pid}/fd/1", "--model-path", MODEL)
            other.communicate()

    assert 0 == done.exit_code, done.stderr
    written = Path("other.log").read_bytes()
    assert written.startswith(b"old\n" * 100_000) and 100_601 == written.count(b"\n")


@pytest.mark.parametrize("length", [247, 255])
def test_the_longest_names_can_be_written(folder: Path, length: int) -> None:
    """The name of a temporary file is not longer."""
    output = "\u00e9" * 100 + "n" * (length - 204) + ".csv"

    for _ in range(2):
        assert 0 == run("predict", DATA, output, "--model-path", MODEL).exit_code
    assert 601 == Path(output).read_bytes().count(b"\n") and not temporary_files()


def test_a_folder_that_may_not_be_read_gets_the_output() -> None:
    """A file that is in its place is no error; only the folder itself cannot be synced."""
    if os.getuid() != 0:
        pytest.skip("root may read every folder, and becomes another user here")
    box = Path(tempfile.mkdtemp())
    os.chown(box, 4321, 4321)
    box.chmod(0o300)
    program = ("import os, sys; from pathlib import Path; from linear_regressor.output_file import write_file\n"
               "os.setgroups([]); os.setgid(4321); os.setuid(4321)\n"
               "for text in (b'old', b'new'): write_file(Path(sys.argv[1]), lambda file: file.write(text))\n")

    # without coverage, whose data the other user may not write
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", program, str(box / "out.json")], capture_output=True, text=True,
                          timeout=60, env=environ)

    assert (0, "") == (done.returncode, done.stderr)
    assert [(box / "out.json", "new")] == [(one, one.read_text()) for one in box.iterdir()]
    shutil.rmtree(box)


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_change_no_output(folder: Path, closed: str) -> None:
    """Not even the progress bar needs them."""
    command = f"{sys.executable} {ROOT / 'main.py'} predict {DATA} out.csv --model-path {MODEL} {closed}"

    assert 0 == subprocess.run(["sh", "-c", command], env=clean_environ({}), timeout=60).returncode
    assert 601 == Path("out.csv").read_bytes().count(b"\n")


def test_a_reader_that_closes_its_end_is_one_clear_line(folder: Path) -> None:
    """With the exit code of other outputs that cannot be written."""
    header, *lines = Path(DATA).read_text().splitlines(keepends=True)
    Path("long.csv").write_text(header + "".join(lines * 5))  # more than a pipe holds
    os.mkfifo("out.csv")
    with killed_on_failure(subprocess.Popen(["head", "-c", "0", "out.csv"])):
        done = run_process("predict", "long.csv", "out.csv", "--model-path", MODEL)

    assert (1, "", "Error: out.csv: its reader closed it before everything was written\n") == (
        done.returncode, done.stdout, done.stderr)


def test_a_socket_is_not_replaced(folder: Path) -> None:
    """It cannot be opened."""
    os.mknod("out.csv", 0o666 | stat.S_IFSOCK)

    done = run("predict", DATA, "out.csv", "--model-path", MODEL)

    assert (1, 1) == (done.exit_code, done.stderr.count("\n")) and done.stderr.startswith("Error: out.csv: ")
    assert stat.S_ISSOCK(os.stat("out.csv").st_mode)


def test_a_pipe_without_an_ending_gets_csv(folder: Path) -> None:
    """An unknown ending is rejected before any work is done."""
    os.mkfifo("pipe")
    os.mkfifo("pipe.json")
    with open("received", "wb") as file, killed_on_failure(subprocess.Popen(["cat", "pipe"], stdout=file)):
        assert 0 == run("predict", DATA, "pipe", "--model-path", MODEL).exit_code
    done = run("predict", DATA, "pipe.json", "--model-path", MODEL)

    assert Path("received").read_text().startswith("age,bmi,score,prediction\n")
    assert 2 == done.exit_code and "must end in .csv" in done.stderr


def test_after_unlearn_no_file_in_the_store_has_the_removed_rows(folder: Path) -> None:
    """A link to the current model is the usual way to switch versions; the card belongs to the name that is given."""
    store = folder / "store"
    store.mkdir()
    os.rename(MODEL, store / "v1.joblib")
    Path("current.joblib").symlink_to("store/v1.joblib")
    before = load(store / "v1.joblib")

    done = run("unlearn", "--data", REMOVED, "--model-path", "current.joblib")

    assert 0 == done.exit_code, done.stderr
    after = load(store / "v1.joblib")
    assert before.moments.n > after.moments.n and os.readlink("current.joblib") == "store/v1.joblib"
    assert ["v1.joblib"] == [path.name for path in store.iterdir()]
    assert after.digest in Path("current.card.json").read_text()


def test_other_names_of_an_unlearned_model_are_pointed_out(folder: Path) -> None:
    """A hard link keeps the old file."""
    os.link(MODEL, "other.joblib")
    before = load("other.joblib").digest

    done = run(*UNLEARN)

    assert 0 == done.exit_code
    assert f"{MODEL} had other names (hard links), 1 in number: these still have the old model\n" == done.stderr
    assert before == load("other.joblib").digest != load(MODEL).digest


def test_a_device_has_no_receipt_beside_it(folder: Path) -> None:
    """Its place must be given, before any work is done."""
    done = run(*UNLEARN, "--model-save-path", "/dev/null")

    assert 2 == done.exit_code and done.stderr.startswith("Error: --receipt-path is required: /dev/null is a device")


@pytest.mark.parametrize(("mode", "message"), [
    (0o777, "cannot be replaced with the same owner and group (0:0)"), (0o755, "its folder allows no new files")])
def test_a_user_who_may_not_replace_a_file_changes_nothing(mode: int, message: str) -> None:
    """Because it would get another owner, or because the folder is not writable although the file is."""
    if os.getuid() != 0:
        pytest.skip("only root can make files of other users")
    shared = Path(tempfile.mkdtemp())  # the folders of pytest are private
    shared.chmod(mode)
    target = shared / "out.json"
    target.write_text("old")
    target.chmod(0o666)
    program = ("import os, sys; from pathlib import Path; from linear_regressor.output_file import write_file\n"
               "os.setgroups([]); os.setgid(4321); os.setuid(4321)\n"
               "try: write_file(Path(sys.argv[1]), lambda file: file.write(b'new'))\n"
               "except PermissionError as error: print(error.strerror)")

    done = subprocess.run([sys.executable, "-c", program, str(target)], capture_output=True, text=True, timeout=60)

    assert message in done.stdout, done.stderr
    assert ("old", ["out.json"]) == (target.read_text(), [one.name for one in shared.iterdir()])
    shutil.rmtree(shared)


def test_the_lock_is_that_of_the_file_which_is_replaced(folder: Path) -> None:
    """By whatever name two commands know it."""
    (folder / "store").mkdir()
    Path("current.joblib").symlink_to("store/v1.joblib")
    with locked(Path("current.joblib")):
        handle = os.open("store", os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)


def test_a_model_that_cannot_be_replaced_keeps_its_card(folder: Path) -> None:
    """A file that is a mount point cannot be renamed over, which shows in the last step only."""
    Path("mounted").write_bytes(Path(MODEL).read_bytes())
    if subprocess.run(["mount", "--bind", "mounted", MODEL], capture_output=True).returncode:
        pytest.skip("this user may not mount file systems")
    try:
        before = Path(MODEL).read_bytes(), Path("model.card.json").read_bytes()

        done = run(*UNLEARN)

        assert (1, 1) == (done.exit_code, done.stderr.count("\n")) and "it is a mount point" in done.stderr
        assert before == (Path(MODEL).read_bytes(), Path("model.card.json").read_bytes())
        assert [] == [*Path().glob("*receipt*"), *temporary_files()]
    finally:
        subprocess.run(["umount", MODEL], check=True)


def test_a_new_model_keeps_its_card_if_the_folder_cannot_be_synced(folder: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is in its place already, and the old card would be that of another model."""
    artefact, real = load(MODEL), sync_folder
    other = replace(artefact, b=artefact.b + 1.0)

    def fail_for_the_model(place: Path) -> None:
        real(place)
        if load(MODEL).digest == other.digest:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(output_file, "sync_folder", fail_for_the_model)
    with pytest.raises(ArtefactError, match="Input/output error"):
        save(other, MODEL, {})
    assert load(MODEL).digest == other.digest == json.loads(Path("model.card.json").read_text())["sha256"]


def test_a_checkpoint_follows_its_link_and_leaves_nothing(folder: Path) -> None:
    """The link stays, its target is removed once the model is written."""
    Path("out.joblib.progress").symlink_to("scratch")

    done = run(*TRAIN, "--model-save-path", "out.joblib", "--report-path", "reports")

    assert 0 == done.exit_code, done.stderr
    assert Path("out.joblib.progress").is_symlink() and not Path("scratch").exists()


def test_a_checkpoint_that_is_a_pipe_is_an_error(folder: Path) -> None:
    """It could not be read again."""
    os.mkfifo("out.joblib.progress")

    done = run(*TRAIN, "--model-save-path", "out.joblib", "--report-path", "reports")

    assert 2 == done.exit_code and "out.joblib.progress keeps the progress" in done.stderr


def test_a_device_is_no_folder_for_a_report(folder: Path) -> None:
    """Which is said before any work is done."""
    done = run(*TRAIN, "--model-save-path", "out.joblib", "--report-path", "/dev/null")

    assert 2 == done.exit_code and "'/dev/null' is not a folder" in done.stderr
    assert not Path("out.joblib").exists()
