"""Models with history in buckets, on local S3 and Google Cloud Storage servers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import card_of
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.model_files import card_beside, load, save
from linear_regressor.artefact.model_location import LARGEST, BucketUrl
from linear_regressor.artefact.promotion import Promotion
from linear_regressor.artefact.storage import open_bucket
from linear_regressor.errors import ArtefactError, ConflictError
from linear_regressor.verification.verified import Verified
from tests.applications import artefact_of
from tests.buckets import CREDENTIALS, Bucket, gs_bucket, s3_bucket
from tests.command_line import run_process, shadow
from tests.running_server import start
from tests.tables import rows_of, write
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
            assert done.stderr.startswith(("Error: cannot list ", "Error: cannot read ")) and len(done.stderr) < 600
    assert not (tmp_path / "new").exists()


def test_a_model_file_is_trained_used_and_fetched(tmp_path: Path, location: str, bucket: Bucket,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command reads it as the same file on this machine, and nothing is left in the working folder."""
    monkeypatch.chdir(tmp_path)
    url = location.replace("?", "/model.joblib?", 1)
    write(tmp_path / "rows.csv", rows_of(0, 300))
    write(tmp_path / "removed.csv", rows_of(0, 300)[:9])
    columns = ("--data", "rows.csv", "--features", "age,bmi", "--target", "score")
    assert 0 == run_process("train", *columns, "--model-save-path", "here.joblib").returncode
    done = run_process("train", *columns, "--model-save-path", url)
    assert 0 == done.returncode, done.stderr
    assert "runs.jsonl is not written" in done.stderr and "?" not in done.stderr + done.stdout
    used = [(run_process(*(url if word == "MODEL" else word for word in words)),
             run_process(*("here.joblib" if word == "MODEL" else word for word in words))) for words in (
        ("evaluate", "--model-path", "MODEL", "--data", "rows.csv"),
        ("predict", "rows.csv", "/dev/stdout", "--model-path", "MODEL"),
        ("compare", "here.joblib", "MODEL"), ("check", "MODEL"))]
    traced = run_process("lineage", url, "--json")
    unlearned = run_process("unlearn", "--data", "removed.csv", "--model-path", url, "--receipt-path", "receipt.json")
    fetched = run_process("models", "fetch", url, "new.joblib")

    assert [(there.stdout, there.returncode) for there, _ in used] == [(here.stdout, 0) for _, here in used]
    assert f"sha256:{load('here.joblib').digest}" == json.loads(traced.stdout)["model"]["digest"]
    assert (0, "") == (unlearned.returncode, unlearned.stderr) and (0, "") == (fetched.returncode, fetched.stderr)
    assert json.loads(Path("receipt.json").read_text())["model"]["after"] == load("new.joblib").digest
    assert "unlearned_from" in json.loads(Path("new.card.json").read_text())
    assert {"rows.csv", "removed.csv", "here.joblib", "here.card.json", "runs.jsonl", "receipt.json", "new.joblib",
            "new.card.json"} == {path.name for path in tmp_path.iterdir()}
    server = start(tmp_path / "new.joblib")
    try:
        assert load("new.joblib").digest.encode() in server.request("GET", "/v1/model")[1]
    finally:
        server.stop()


def test_a_wrong_bucket_is_an_error_before_any_work(location: str, tmp_path: Path) -> None:
    """And so is a model that is missing; no credentials are shown."""
    wrong = location.replace("rows/", "nobody/").replace("?", "/model.joblib?", 1)
    for arguments in (("train", "--model-save-path", wrong), ("evaluate", "--model-path", wrong),
                      ("unlearn", "--data", "none.csv", "--model-path", wrong, "--receipt-path", tmp_path / "receipt"),
                      ("evaluate", "--model-path", location), ("models", "fetch", location, tmp_path / "new")):
        done = run_process(*arguments)

        assert (1, "", 1) == (done.returncode, done.stdout, done.stderr.count("\n")), done.stderr
        assert done.stderr.startswith("Error: cannot ") or "has no model in use" in done.stderr
        assert "?" not in done.stderr.partition("Error performing")[0] and CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in (
            done.stderr)
    assert [] == list(tmp_path.iterdir())


def test_a_card_is_put_before_its_model(location: str, tmp_path: Path) -> None:
    """A run that is killed between leaves the old model; a reader of both is told, and training again repairs it."""
    url = BucketUrl.of(location.replace("?", "/model.joblib?", 1))
    save(MODELS[0], url, {"trained_at": "first"})
    objects = open_bucket(url.folder)
    objects.replace("model.card.json", card_of(MODELS[1], {}))

    assert MODELS[0].digest == load(url).digest
    with pytest.raises(ArtefactError, match="is that of another model"):
        card_beside(url, MODELS[0].digest)
    save(MODELS[1], url, {"trained_at": "second"})
    assert "second" == card_beside(url, load(url).digest)["trained_at"]


def test_a_model_that_somebody_replaced_is_not_overwritten(location: str) -> None:
    """By a command that started from the older one; model and card stay."""
    url = BucketUrl.of(location.replace("?", "/model.joblib?", 1))
    save(MODELS[0], url, {})
    save(MODELS[1], url, {"made": "meanwhile"})
    with pytest.raises(ConflictError, match="was replaced by another command"):
        save(MODELS[2], url, {}, replaces=MODELS[0].digest)

    assert MODELS[1].digest == load(url).digest and "meanwhile" == card_beside(url, MODELS[1].digest)["made"]
    save(MODELS[2], url, {}, replaces=MODELS[1].digest)
    assert MODELS[2].digest == load(url).digest


def test_an_object_is_replaced_only_if_it_is_the_one_that_was_read(location: str) -> None:
    """The server checks it."""
    if location.startswith("s3"):
        pytest.skip("the S3 server of the tests ignores If-Match of an upload")
    objects = open_bucket(BucketUrl.of(location))
    objects.replace("a", b"1")
    found = objects.find("a")
    assert found is not None and objects.replace("a", b"2")

    assert not objects.replace("a", b"3", found.version) and b"2" == objects.read("a")


def test_a_model_file_that_is_too_large_is_not_read_whole(location: str) -> None:
    """A little more than the limit, and the error says so."""
    if location.startswith("gs"):
        pytest.skip("the GCS server of the tests takes no upload in parts, as large as this one")
    url = BucketUrl.of(location.replace("?", "/model.joblib?", 1))
    open_bucket(url.folder).replace("model.joblib", bytes(2 * LARGEST))
    found = open_bucket(url.folder).find("model.joblib")

    assert found is not None and LARGEST < len(found.content) < 2 * LARGEST
    with pytest.raises(ArtefactError, match=f"larger than {LARGEST} bytes"):
        load(url)


def test_without_obstore_the_error_names_the_extra(tmp_path: Path) -> None:
    """A folder on this machine needs none."""
    environ = shadow(tmp_path, "obstore")
    done = run_process("models", "list", "--models", "gs://bucket/models", environ=environ)
    local = run_process("models", "list", "--models", tmp_path / "none", environ=environ)

    assert (1, "Error: obstore is not installed; it comes with the extra 'buckets': pip install '.[buckets]' in a "
               "checkout\n") == (done.returncode, done.stderr)
    assert 0 == local.returncode and local.stdout.startswith("champion    none\nchallenger  none\n")
