"""Models with history in buckets, on local S3 and Google Cloud Storage servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load, save
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.promotion import Promotion
from linear_regressor.errors import ArtefactError, ConflictError
from linear_regressor.verification.verified import Verified
from tests.applications import artefact_of
from tests.buckets import CREDENTIALS, Bucket, gs_bucket, s3_bucket
from tests.command_line import run_process, shadow
from tests.xml_uploads import xml_uploads

MODELS = [replace(artefact_of(1, seed), card={"verification": Verified(50, None, True, 0, 0, ()).to_card()})
          for seed in range(6)]
VERSIONS = [model.digest[:12] for model in MODELS]


@pytest.fixture(scope="module", params=["s3", "s3a", "gs"])
def bucket(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """Serve an empty bucket."""
    pytest.importorskip("obstore", reason="obstore is not installed")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        if request.param == "gs":
            with gs_bucket(tmp_path_factory.mktemp("server")) as found, xml_uploads(found.address) as address:
                yield replace(found, address=address)
        else:
            with s3_bucket() as found:
                yield replace(found, scheme=request.param)


@pytest.fixture
def location(bucket: Bucket, request: pytest.FixtureRequest) -> str:
    """URL of models of its own for each test."""
    return bucket.url(f"models/{request.node.originalname}")


def saved(model: Artefact, folder: Path) -> Path:
    """Save a model."""
    path = folder / f"{model.digest[:12]}.joblib"
    save(model, path, {})
    return path


def test_promote_list_roll_back_and_fetch(tmp_path: Path, location: str) -> None:
    """As in a folder on this machine."""
    one, two = (saved(model, tmp_path) for model in MODELS[:2])
    done = [run_process("models", *arguments) for arguments in (
        ("promote", one, "--models", location),
        ("promote", two, "--models", location, "--force", "new units", "--by", "me"),
        ("rollback", "--models", location, "--reason", "old units"), ("fetch", location, tmp_path / "champion.joblib"),
        ("fetch", f"{location}@{VERSIONS[1]}", tmp_path / "other.joblib"),
        ("list", "--models", location, "--json"), ("list", "--models", location))]
    traced = run_process("lineage", location, "--answer-digest", MODELS[1].digest, "--json")

    assert [(0, "")] * len(done) == [(each.returncode, each.stderr) for each in done]
    assert VERSIONS[:2] == [load(tmp_path / f"{name}.joblib").digest[:12] for name in ("champion", "other")]
    listed = json.loads(done[5].stdout)
    assert (VERSIONS[0], None) == (listed["champion"], listed["challenger"])
    assert {VERSIONS[0]: "champion", VERSIONS[1]: "former"} == {
        version["version"]: version["state"] for version in listed["versions"]}
    assert [("promote", None, None), ("promote", "me", "new units"), ("rollback", None, None)] == [
        (each["action"], each["by"] if each["by"] == "me" else None, each["forced"]) for each in listed["promotions"]]
    assert f"champion    {VERSIONS[0]}\n" in done[6].stdout and "old units" in done[6].stdout
    lineage = json.loads(traced.stdout)
    assert (f"sha256:{MODELS[1].digest}", "former") == (lineage["model"]["digest"], lineage["model"]["state"])
    assert ["promote", "rollback"] == [each["action"] for each in lineage["decisions"]]
    assert [MODELS[0].digest] == [each["digest"] for each in lineage["ancestors"]]
    assert "added_at" in lineage["recorded"] and lineage["model"]["file"].endswith(f"/{VERSIONS[1]}/model.joblib")


def test_a_version_and_a_promotion_are_created_once(location: str) -> None:
    """The server refuses the second one, which changes nothing."""
    history = ModelHistory.of(location)
    for facts in ({"added_at": "first"}, {"added_at": "second"}):
        assert VERSIONS[0] == history.add(MODELS[0], facts)
    before = history.promotions()
    first = history.promote(before.next("promote", MODELS[0], by="a", reasons=["first"]))
    with pytest.raises(ConflictError, match=r"promotions/000001\.json exists"):
        history.promote(before.next("promote", MODELS[1], by="b", reasons=["second"]))

    assert ([first], {"added_at": "first"}) == (list(history.promotions()), history.facts(VERSIONS[0]))
    # as a client sees it that repeats a request whose answer was lost
    assert first == history.promote(first)


def test_of_many_at_once_exactly_one_wins(location: str) -> None:
    """Round after round, each with a client of its own."""
    if location.startswith("s3"):
        pytest.skip("the S3 server of the tests looks for the object and creates it in two steps, so two may win")
    for _ in range(10):
        before, won, lost = ModelHistory.of(location).promotions(), list[Promotion](), list[str]()
        barrier = threading.Barrier(len(MODELS))

        def promote(promotion: Promotion, won: list[Promotion] = won, lost: list[str] = lost,
                    barrier: threading.Barrier = barrier) -> None:
            history = ModelHistory.of(location)
            barrier.wait()
            try:
                won.append(history.promote(promotion))
            except ConflictError as error:
                lost.append(str(error))

        threads = [threading.Thread(target=promote, args=(before.next("promote", model, by=version, reasons=[]),))
                   for model, version in zip(MODELS, VERSIONS, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (1, len(MODELS) - 1) == (len(won), len(lost))
        assert won[0] == ModelHistory.of(location).promotions()[-1]


def test_an_incomplete_version_is_completed(location: str) -> None:
    """The card is there; the process was killed before it put the model."""
    history = ModelHistory.of(location)
    history._storage.create(f"{VERSIONS[0]}/model.card.json", b"{}\n")
    with pytest.raises(ArtefactError, match="there is no such object"):
        history.load(VERSIONS[0])

    assert VERSIONS[0] == history.add(MODELS[0], {}) == history.load(VERSIONS[0]).digest[:12]


def test_a_damaged_promotion_is_one_error(location: str) -> None:
    """It names the object, without the parameters of the URL."""
    history = ModelHistory.of(location)
    history._storage.create("promotions/000001.json", b'{"format": 1')
    done = run_process("models", "list", "--models", location)

    assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n"))
    assert "/promotions/000001.json: it is not JSON" in done.stderr and "?" not in done.stderr


def test_a_bucket_that_is_missing_or_unreachable_is_one_error(bucket: Bucket, location: str, tmp_path: Path) -> None:
    """After a few retries."""
    path = saved(MODELS[0], tmp_path)
    for url in (location.replace("rows/", "nobody/"), location.replace(bucket.address, "127.0.0.1:9")):
        for arguments in (("list", "--models", url), ("promote", path, "--models", url),
                          ("fetch", url, tmp_path / "new")):
            done = run_process("models", *arguments)

            assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n")), done.stderr
            assert done.stderr.startswith("Error: cannot list ") and len(done.stderr) < 600
    assert not (tmp_path / "new").exists()


def test_without_obstore_the_error_names_the_extra(tmp_path: Path) -> None:
    """A folder on this machine needs none."""
    environ = shadow(tmp_path, "obstore")
    done = run_process("models", "list", "--models", "gs://bucket/models", environ=environ)
    local = run_process("models", "list", "--models", tmp_path / "none", environ=environ)

    assert (1, "Error: obstore is not installed; it comes with the extra 'buckets': pip install '.[buckets]' in a "
               "checkout\n") == (done.returncode, done.stderr)
    assert 0 == local.returncode and local.stdout.startswith("champion    none\nchallenger  none\n")
