"""The native contract: ``/stream``, ``/batch``, the model card, inverse prediction and problem details."""

from __future__ import annotations

import pytest

from conformance.server import Server

Rows = list[list[float]]


def test_a_batch_gives_one_number_per_row_in_order(server: Server, rows: Rows) -> None:
    """Reversed rows give the same numbers, reversed."""
    answer = server.post("/batch", {"instances": rows})

    assert (200, "application/json") == (answer.status, answer.media_type)
    assert answer.json()["predictions"] == server.post("/batch", {"instances": rows[::-1]}).json()["predictions"][::-1]


def test_stream_gives_the_same_as_batch(server: Server, rows: Rows) -> None:
    """With one feature, the instance is a number."""
    one = server.post("/stream", {"instance": rows[0][0] if len(rows[0]) == 1 else rows[0]}).json()["prediction"]

    assert [one] == server.post("/batch", {"instances": rows[:1]}).json()["predictions"]


def test_rows_by_name_are_those_of_arrays(server: Server, rows: Rows, columns: list[str]) -> None:
    """In any order of the names."""
    records = [dict(reversed(list(zip(columns, row, strict=True)))) for row in rows]
    many = [server.post("/batch", {"instances": form}).json()["predictions"] for form in (rows, records)]

    assert many[0] == many[1]
    assert many[0][0] == server.post("/stream", {"instance": records[0]}).json()["prediction"]
    assert 422 == server.post("/batch", {"instances": [*records, rows[0]]}).status


def test_requested_statistics_are_returned(server: Server, rows: Rows) -> None:
    """Interval, contributions and range flag, with the prediction."""
    wanted = {"interval": 0.95, "explain": True, "range": True}
    item = server.post("/batch", {"instances": rows[:1], "parameters": wanted}).json()["predictions"][0]

    assert {"prediction", "interval", "standard_error", "contributions", "contribution_errors", "leverage", "t2",
            "out_of_range"} == set(item)
    assert item["interval"][0] < item["prediction"] < item["interval"][1]
    assert item["out_of_range"] is False


@pytest.mark.parametrize(("path", "body"), [("/ping", {"message": "pong!"}), ("/health/live", {"live": True}),
                                            ("/health/ready", {"ready": True})])
def test_probes_are_answered(server: Server, path: str, body: dict[str, object]) -> None:
    """Each with its own content."""
    answer = server.get(path)

    assert (200, body) == (answer.status, answer.json())


def test_the_page_says_hello(server: Server) -> None:
    """In HTML."""
    answer = server.get("/")

    assert (200, "text/html") == (answer.status, answer.media_type)
    assert b"Hello" in answer.body


def test_the_model_info_can_be_cached(server: Server) -> None:
    """A matching If-None-Match is answered with 304."""
    card = server.get("/v1/model")

    assert card.json()["digest"].startswith(f"sha256:{card.json()['version']}")
    assert {"name", "minimum", "maximum", "mean", "slope"} == set(card.json()["features"][0])
    assert 304 == server.get("/v1/model", If_None_Match=card.headers["etag"]).status


def test_invert_returns_an_estimate_and_its_set(server: Server, rows: Rows) -> None:
    """A model with several features rejects the request."""
    y = server.post("/batch", {"instances": rows[:1]}).json()["predictions"][0]
    answer = server.post("/v1/invert", {"y": y, "interval": 0.95})
    if len(rows[0]) > 1:
        assert (422, "several_features") == (answer.status, answer.json()["errors"][0]["code"])
    else:
        assert answer.json()["estimate"] == pytest.approx(rows[0][0], abs=1e-9)
        assert answer.json()["set"]["kind"] in {"interval", "two_rays", "all_reals"}


@pytest.mark.parametrize(("body", "status", "code"), [
    (b'{"instances": [[', 400, "not_json"), (b"[]", 400, "not_an_object"), (b"{}", 422, "missing"),
    (b'{"instances": []}', 422, "empty"), (b'{"instances": [["1"]]}', 422, None),
    (b'{"instances": [[1]], "a": 1}', 422, None)])
def test_an_invalid_body_is_a_problem_with_pointers(server: Server, body: bytes, status: int, code: str | None) -> None:
    """RFC 9457, with a JSON pointer and a code for each fault."""
    answer = server.post("/batch", body)
    problem = answer.json()

    assert (status, "application/problem+json") == (answer.status, answer.media_type)
    assert {"type", "title", "status", "detail", "instance", "request_id", "errors"} == set(problem)
    assert code is None or code in [fault["code"] for fault in problem["errors"]]


def test_other_errors_are_problem_details(server: Server) -> None:
    """An unknown route, a method that is not allowed, another media type."""
    answers = [server.get("/no/such/route"), server.get("/batch"), server.post("/batch", b"x", "text/plain")]

    assert [404, 405, 415] == [answer.status for answer in answers]
    assert {"application/problem+json"} == {answer.media_type for answer in answers}
    assert "POST" in answers[1].headers["allow"]


def test_the_request_id_is_returned(server: Server) -> None:
    """If the client sent one."""
    assert "order-17" == server.get("/ping", X_Request_Id="order-17").headers["x-request-id"]


@pytest.mark.parametrize(("path", "member"), [("/stream", "instance"), ("/batch", "instances"), ("/v1/invert", "y")])
def test_another_media_type_or_coding_is_415_and_names_what_is_accepted(server: Server, path: str, member: str) -> None:
    """RFC 9110, 15.5.16."""
    form, text = (server.post(path, {member: 1}, media) for media in ("application/x-www-form-urlencoded", "text/csv"))
    coded = server.post(path, {member: 1}, Content_Encoding="gzip")

    assert [415] * 3 == [answer.status for answer in (form, text, coded)]
    assert "application/json" == form.headers["accept"] == text.headers["accept"]
    assert "identity" == coded.headers["accept-encoding"]


def test_optional_members_may_be_null(server: Server, rows: Rows) -> None:
    """As clients in typed languages send them."""
    plain = server.post("/batch", {"instances": rows}).json()
    options = dict.fromkeys(("interval", "explain", "range"))
    instance = rows[0][0] if len(rows[0]) == 1 else rows[0]
    alone = server.post("/stream", {"instance": instance, "parameters": None}).json()
    inverted = [server.post("/v1/invert", body).json().get("estimate")
                for body in ({"y": 1}, {"y": 1, "interval": None})]

    assert plain == server.post("/batch", {"instances": rows, "parameters": None}).json()
    assert plain == server.post("/batch", {"instances": rows, "parameters": options}).json()
    assert plain["predictions"][:1] == [alone["prediction"]]
    assert inverted[0] == inverted[1]
    assert 422 == server.post("/batch", {"instances": None}).status
