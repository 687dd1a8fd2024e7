"""URLs of stores: what they mean, and that a password is never shown."""

from __future__ import annotations

import pytest

from linear_regressor.errors import SettingError
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.location import EXPECTED, StoreLocation

SECRET = "hunter2"  # pragma: allowlist secret  # must not be shown


@pytest.mark.parametrize(("url", "kind", "address", "shown"), [
    ("sqlite:///feedback.db", "sqlite", "feedback.db", "sqlite:///feedback.db"),
    ("sqlite:////var/lib/a%20b.db", "sqlite", "/var/lib/a b.db", "sqlite:////var/lib/a b.db"),
    (f"postgresql://ann:{SECRET}@db:5432/feedback", "postgresql", f"postgresql://ann:{SECRET}@db:5432/feedback",
     "postgresql://db:5432/feedback"),
    (f"postgresql://ann:{SECRET}@/feedback?host=/cloudsql/p:r:i", "postgresql",
     f"postgresql://ann:{SECRET}@/feedback?host=/cloudsql/p:r:i", "postgresql:///feedback"),
    (f"postgres://db/feedback?password={SECRET}", "postgresql", f"postgres://db/feedback?password={SECRET}",
     "postgresql://db/feedback")])
def test_what_a_url_means(url: str, kind: str, address: str, shown: str) -> None:
    """Text and representation have no password."""
    location = StoreLocation.parse(url)

    assert (kind, address, shown) == (location.kind, location.address, str(location))
    assert SECRET not in f"{location} {location!r} {vars(open_store(location))['location']!r}"


@pytest.mark.parametrize("url", [
    "", "feedback.db", "sqlite://", "sqlite:///", "sqlite://feedback.db", "sqlite:///folder/", "sqlite:///a.db?mode=rw",
    "mysql://db/feedback", "postgresql://db", "postgresql://db/", f"postgresql://ann:{SECRET}@db:x/feedback",
    f"postgresql://ann:{SECRET}/b@db:70000/feedback", f"postgresql://[{SECRET}/feedback",
    f"postgresql://ann:1/{SECRET}@db/feedback", f"postgresql://ann:/{SECRET}@db/feedback",
    f"postgresql://ann:b@{SECRET}@db/feedback"])
def test_what_is_no_url(url: str) -> None:
    """The error says what is valid, and repeats nothing."""
    with pytest.raises(ValueError, match="sqlite:///relative.db, .* or postgresql://") as raised:
        StoreLocation.parse(url)
    assert str(raised.value).startswith(EXPECTED) and SECRET not in repr(raised.value.__cause__)

    with pytest.raises(SettingError, match="the URL of the store must be") as shown:
        open_store(url)
    assert SECRET not in str(shown.value)
