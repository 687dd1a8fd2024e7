"""The ids of tests, which all workers of a run must agree on."""

from __future__ import annotations

import gzip

import pytest


@pytest.mark.parametrize(("compressed", "text"), [(gzip.compress(b"x,y"), b"x,y")])
def test_an_id_shows_text_and_no_compressed_bytes(request: pytest.FixtureRequest, compressed: bytes,
                                                  text: bytes) -> None:
    """Compressed bytes carry the time, and each worker collects the tests at its own."""
    assert gzip.decompress(compressed) == text
    assert request.node.name.endswith("[compressed-x,y]")
