"""``Bucket``: models in Google Cloud Storage and S3, where an object is created only if it is absent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import GCSStore, ObjectStore, S3Store

from linear_regressor.artefact.model_location import LARGEST, BucketUrl, Found
from linear_regressor.errors import ArtefactError

RETRIES, RETRY_SECONDS = 3, 10
# of an answer in a message
MOST_CHARACTERS = 300


class Bucket:
    """A folder in a bucket; see ``Storage``."""

    def __init__(self, name: str, store: ObjectStore) -> None:
        self.name, self._store = name, store

    @classmethod
    def of(cls, url: BucketUrl) -> Bucket:
        """Open a folder in a bucket with the credentials of the environment."""
        name = str(url)
        with _errors(name, "use"):
            open_store = _gcs if url.scheme == "gs" else _s3
            return cls(name, open_store(url.bucket, url.path, dict(url.parameters), url.anonymous))

    def create(self, path: str, content: bytes) -> bool:
        """Put an object under the condition that there is none: generation 0, or ``If-None-Match: *``."""
        with _errors(f"{self.name}/{path}", "write"):
            try:
                obstore.put(self._store, path, content, mode="create")
            except AlreadyExistsError:
                return self.read(path) == content  # the answer to the first try may have been lost
        return True

    def create_folder(self, folder: str, files: Mapping[str, bytes]) -> bool:
        """Put the files one after the other; the last one makes the folder complete."""
        created = False
        for name, content in files.items():
            created = self.create(f"{folder}/{name}", content)
        return created

    def read(self, path: str) -> bytes:
        """Get an object; see ``Storage``."""
        found = self.find(path)
        if found is None:
            raise ArtefactError(f"cannot read {self.name}/{path}: there is no such object or bucket")
        return found.content

    def find(self, path: str) -> Found | None:
        """Get an object; see ``Objects``."""
        with _errors(f"{self.name}/{path}", "read"), suppress(FileNotFoundError):
            result, content = obstore.get(self._store, path), bytearray()
            for chunk in result.stream():
                content += bytes(chunk)
                if len(content) > LARGEST:
                    break
            version = {name: result.meta[name] for name in ("e_tag", "version")}
            return Found(bytes(content), {name: value for name, value in version.items() if value is not None})
        return None

    def replace(self, path: str, content: bytes, version: Mapping[str, str] | None = None) -> bool:
        """Put an object; see ``Objects``."""
        with _errors(f"{self.name}/{path}", "write"):
            try:
                # its hints have one type of dictionary for each condition
                mode: Any = "overwrite" if version is None else dict(version)
                obstore.put(self._store, path, content, mode=mode)
            except PreconditionError:
                return self.read(path) == content  # the answer to the first try may have been lost
        return True

    def list(self, folder: str = "") -> list[str]:
        """List a folder; see ``Storage``."""
        with _errors(f"{self.name}/{folder}", "list"):
            found = obstore.list_with_delimiter(self._store, folder or None)
        paths = [*found["common_prefixes"], *(each["path"] for each in found["objects"])]
        return sorted(path.rpartition("/")[2] for path in paths)


def _gcs(bucket: str, path: str, parameters: Mapping[str, str], anonymous: bool) -> ObjectStore:
    """Open a bucket of Google Cloud Storage, or of a server with its interface."""
    endpoint = _endpoint(parameters)
    config: dict[str, Any] = {"skip_signature": True} if anonymous else {}
    if endpoint is not None:
        account = {"gcs_base_url": endpoint, "disable_oauth": True, "client_email": "", "private_key": "",
                   "private_key_id": ""}
        config = {"service_account_key": json.dumps(account)}
    return GCSStore(bucket, prefix=path or None, config=config, **_client(endpoint))  # type: ignore[arg-type]  # a dict


def _s3(bucket: str, path: str, parameters: Mapping[str, str], anonymous: bool) -> ObjectStore:
    """Open a bucket of S3, or of a server with its interface."""
    endpoint = _endpoint(parameters)
    config = {"endpoint": endpoint, "region": parameters.get("region"), "skip_signature": anonymous or None}
    given = {name: value for name, value in config.items() if value is not None}
    return S3Store(bucket, prefix=path or None, config=given, **_client(endpoint))  # type: ignore[arg-type]  # a dict


def _endpoint(parameters: Mapping[str, str]) -> str | None:
    """URL of a server other than the cloud's own."""
    host = parameters.get("endpoint_override")
    return None if host is None else f"{parameters.get('scheme', 'https')}://{host}"


def _client(endpoint: str | None) -> dict[str, Any]:
    """Limits of every request; only a server that the URL names is asked without encryption."""
    plain = {"allow_http": True} if endpoint is not None and endpoint.startswith("http:") else {}
    return {"client_options": {**plain, "timeout": timedelta(seconds=60)},
            "retry_config": {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_SECONDS)}}


@contextmanager
def _errors(name: str, action: str) -> Iterator[None]:
    """Turn an error of the client into one line that names the object."""
    try:
        yield
    except FileNotFoundError:
        raise ArtefactError(f"cannot {action} {name}: there is no such object or bucket") from None
    except (BaseError, OSError, ValueError) as error:
        reason = " ".join(str(error).partition("Debug source")[0].split())
        raise ArtefactError(f"cannot {action} {name}: {reason[:MOST_CHARACTERS]}") from None
