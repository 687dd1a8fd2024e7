"""``Storage``: objects that are created once and never changed, in a local folder or in a bucket."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from linear_regressor.artefact.model_location import LARGEST, BucketUrl, Found, location_of
from linear_regressor.errors import ArtefactError, SettingError
from linear_regressor.output_file import sync_folder
from linear_regressor.temporary_files import BESIDE, beside, hold, remove_left_over

# What file systems without hard links answer.
WITHOUT_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


class Storage(Protocol):
    """What models with history need of a place: create, read, list."""

    # path or URL for messages
    name: str

    def create(self, path: str, content: bytes) -> bool:
        """Create an object with its whole content, only if there is none; False if there is one."""

    def create_folder(self, folder: str, files: Mapping[str, bytes]) -> bool:
        """Create a folder of files; the last one makes it complete. False if there is a complete one."""

    def read(self, path: str) -> bytes:
        """Read an object, or a little more than the largest that is valid."""

    def list(self, folder: str = "") -> list[str]:
        """Names of the objects and folders in a folder, sorted; none for one that does not exist."""


class Objects(Storage, Protocol):
    """What model files in a bucket need of it, too: find, replace."""

    def find(self, path: str) -> Found | None:
        """Read an object, or a little more than the largest that is valid; None if there is none."""

    def replace(self, path: str, content: bytes, version: Mapping[str, str] | None = None) -> bool:
        """Put an object as a whole; with a version only if that is still there, and False if not."""


def open_storage(location: str | BucketUrl) -> Storage:
    """Open a local folder, ``gs://bucket/path`` or ``s3://bucket/path``; nothing is read or created yet."""
    if isinstance(location, str) and not location.strip():
        raise SettingError("the location of the models must be a folder or a URL, not empty")
    place = location_of(location) if isinstance(location, str) else location
    if isinstance(place, BucketUrl):
        return open_bucket(place)
    if place.exists() and not place.is_dir():
        raise SettingError(f"{place} is a file; name the folder of a model's versions")
    return LocalFolder(place)


def open_bucket(url: BucketUrl) -> Objects:
    """Open a folder in a bucket; nothing is read yet."""
    from linear_regressor.artefact.bucket import Bucket  # obstore is an extra of its own

    return Bucket.of(url)


class LocalFolder:
    """A folder on this machine; names that begin with a dot are temporary."""

    def __init__(self, folder: Path) -> None:
        self.name, self._folder = str(folder), folder

    def create(self, path: str, content: bytes) -> bool:
        """Write a temporary file and link it to its name, which fails if there is one."""
        target = self._folder / path
        with _local_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = _temporary(target)
            try:
                with _written(temporary, content):
                    return _link(temporary, target, content)
            finally:
                temporary.unlink(missing_ok=True)
                sync_folder(target.parent)

    def create_folder(self, folder: str, files: Mapping[str, bytes]) -> bool:
        """Write a temporary folder and rename it, which fails if there is one that is not empty."""
        target = self._folder / folder
        with _local_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary = _temporary(target)
            temporary.mkdir()
            try:
                with _held(temporary):
                    for name, content in files.items():
                        _write(temporary / name, content)
                    sync_folder(temporary)
                    temporary.rename(target)
            except OSError:
                if target.is_dir() and any(target.iterdir()):
                    return False
                raise
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
            sync_folder(target.parent)
        return True

    def read(self, path: str) -> bytes:
        """Read a file; see ``Storage``."""
        with _local_errors(self._folder / path, "read"), open(self._folder / path, "rb") as file:
            return file.read(LARGEST + 1)

    def list(self, folder: str = "") -> list[str]:
        """List a folder; see ``Storage``."""
        with _local_errors(self._folder / folder, "read"), suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self._folder / folder) if not name.startswith("."))
        return []


@contextmanager
def _local_errors(path: Path, action: str = "write") -> Iterator[None]:
    """Turn an error of the system into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise ArtefactError(f"cannot {action} {path}: {error.strerror or error}") from None


def _temporary(target: Path) -> Path:
    """Name a new temporary file or folder beside a target, and remove those of killed processes."""
    remove_left_over(target.parent, BESIDE, stat.S_IFREG, stat.S_IFDIR)
    return beside(target)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a temporary folder while it is filled and renamed."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        hold(descriptor)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _written(path: Path, content: bytes) -> Iterator[None]:
    """Write a new file, sync it to disk, and hold it."""
    with open(path, "xb") as file:
        hold(file.fileno())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        yield


def _write(path: Path, content: bytes) -> None:
    """Write a new file and sync it to disk."""
    with _written(path, content):
        pass


def _link(temporary: Path, target: Path, content: bytes) -> bool:
    """Give a file its name if that is free."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        return _write_new(target, content)
    return True


def _write_new(target: Path, content: bytes) -> bool:
    """Create a file where there are no hard links; a process that is killed meanwhile leaves a part of it."""
    try:
        _write(target, content)
    except FileExistsError:
        return False
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return True
