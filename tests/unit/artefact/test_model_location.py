"""Paths and URLs of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from linear_regressor.artefact.model_location import BucketUrl, location_of
from linear_regressor.errors import SettingError


@pytest.mark.parametrize(("text", "expected"), [
    ("model.joblib", Path("model.joblib")), ("/a/b c", Path("/a/b c")), ("file:///a/b%20c", Path("/a/b c")),
    ("file://localhost/a", Path("/a")), ("file:/a", Path("/a")), ("C:model", Path("C:model")),
    ("gs://bucket/a/b.joblib", BucketUrl("gs", "bucket", "a/b.joblib")),
    ("s3a://bucket/a", BucketUrl("s3", "bucket", "a")), ("s3://bucket", BucketUrl("s3", "bucket", "")),
    ("gs://anonymous@bucket/a/", BucketUrl("gs", "bucket", "a", anonymous=True)),
    ("s3://bucket/a?region=x&scheme=http", BucketUrl("s3", "bucket", "a", (("region", "x"), ("scheme", "http")))),
])
def test_a_text_is_a_path_or_a_url(text: str, expected: Path | BucketUrl) -> None:
    """file:// is a path, and s3a is S3."""
    assert expected == location_of(text)


@pytest.mark.parametrize("text", ["http://host/a", "ftp://host/a", "file://host/a", "gs:/bucket/a", "gs://", "s3:///a",
                                  "gs://bucket/a?unknown=1"])
def test_another_url_is_an_error(text: str) -> None:
    """It says what is valid."""
    with pytest.raises(SettingError, match="must be a path, gs://bucket/path or s3://bucket/path|known are"):
        location_of(text)


@pytest.mark.parametrize("text", ["gs://key:secret@bucket/a",  # pragma: allowlist secret  # it must be refused
                                  "s3://secret@bucket/a",
                                  "https://me:secret@host/a",  # pragma: allowlist secret  # it must be refused
                                  "s3://key:se/cret@bucket/a"])
def test_credentials_are_not_shown(text: str) -> None:
    """They belong into the environment."""
    with pytest.raises(SettingError) as error:
        location_of(text)
    assert "secret" not in str(error.value) and "cret@" not in str(error.value)


def test_the_text_has_no_parameters_and_the_parts_keep_them() -> None:
    """Of a folder and of the card."""
    url = BucketUrl.of("s3://anonymous@bucket/a/model.joblib?region=x")

    assert ("s3://bucket/a/model.joblib", "model.joblib", "s3://bucket/a") == (str(url), url.name, str(url.folder))
    assert BucketUrl.of("s3://anonymous@bucket/a/model.card.json?region=x") == url.with_suffix(".card.json")
    assert url.parameters == url.folder.parameters and url.folder.anonymous
