"""What good requests are answered, and that both readings of a body agree."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.model.prediction import predict
from linear_regressor.serving.schema import fast_numbers
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.rows import Decoder
from tests.applications import MakeApp, artefact_of
from tests.unit.serving.test_bad_bodies import BAD_BATCHES

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64).filter(lambda value: abs(value) < 1e300)
ROWS = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1, max_size=20))

needs_fast_parser = pytest.mark.skipif(not fast_numbers.FAST_PARSER_AVAILABLE, reason="pysimdjson is not installed (extra: fast)")


def post(client: FlaskClient, path: str, payload: Any) -> Any:
    """Send JSON and give what came back."""
    answer = client.post(path, json=payload)
    assert 200 == answer.status_code, answer.data
    return json.loads(answer.data)


def test_the_line_is_predicted(client: FlaskClient, line: Artefact) -> None:
    """One number a row, in the order of the rows."""
    rows = [[0.0778], [-0.0396], [3]]

    assert {"predictions": predict(np.array(rows, dtype=float), line.W, line.b).tolist()} == post(
        client, "/batch", {"instances": rows})
    assert {"prediction": line.b} == post(client, "/stream", {"instance": 0})


@given(rows=ROWS)
def test_stream_answers_what_batch_answers_row_by_row(make_app: MakeApp, rows: list[list[float]]) -> None:
    """A record gives the same digits alone and among others."""
    client = make_app(artefact_of(len(rows[0]))).test_client()
    together = post(client, "/batch", {"instances": rows})["predictions"]
    alone = [post(client, "/stream", {"instance": row if len(row) > 1 else row[0]})["prediction"] for row in rows]

    assert together == alone


@given(rows=ROWS, spaces=st.sampled_from([None, 1]))
def test_the_express_lane_answers_what_the_application_answers(make_app: MakeApp, rows: list[list[float]],
                                                               spaces: int | None) -> None:
    """Status, headers and body are the same on both ways."""
    app = make_app(artefact_of(len(rows[0])))
    one = {"instance": rows[0] if len(rows[0]) > 1 else rows[0][0]}
    request = {"content_type": "application/json", "headers": {"X-Request-Id": "same"}}
    bodies = [(path, json.dumps(payload, indent=spaces).encode())
              for path, payload in (("/batch", {"instances": rows}), ("/stream", one))]
    express = [app.test_client().post(path, data=body, **request) for path, body in bodies]
    front: Any = app.wsgi_app
    front.application = front.application.application  # the lane is taken away
    plain = [app.test_client().post(path, data=body, **request) for path, body in bodies]

    assert list(map(told, plain)) == list(map(told, express))


def told(answer: Any) -> object:
    """Give all of an answer but the trace, which is drawn anew for each."""
    return answer.status, [header for header in answer.headers if header[0] != "traceparent"], answer.data


@needs_fast_parser
@given(rows=ROWS, body=st.data())
def test_both_readings_of_a_body_give_the_same_numbers(rows: list[list[float]], body: st.DataObject) -> None:
    """The fast reading takes every well-formed batch and reads what the careful one reads."""
    text = json.dumps({"instances": rows}, indent=body.draw(st.sampled_from([None, 0, 2]))).encode()
    width = len(rows[0])
    fast, careful = Decoder(width, 100, fast=True), Decoder(width, 100, fast=False)

    assert careful.instances(text)[0].tobytes() == fast.instances(text)[0].tobytes()
    if np.abs(rows).max() < 2 ** 53:
        assert fast.exact_instances(text) is not None


@needs_fast_parser
@given(noise=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(list('[]{},:"0123456789+-.eE \t\n\\truefalsn'))),
                      min_size=1, max_size=4), width=st.integers(1, 2))
def test_both_readings_refuse_the_same_damaged_bodies(noise: list[tuple[int, str]], width: int) -> None:
    """With characters put in anywhere, both readings refuse, naming the same faults, or both read the same numbers."""
    text = '{"instances": [[1.5e1], [-2]]}' if width == 1 else '{"instances": [[1.5e1, 7], [-2, 0.25]]}'
    for place, character in noise:
        text = text[:place] + character + text[place:]

    assert outcome(Decoder(width, 100, fast=False), text.encode()) == outcome(Decoder(width, 100, fast=True),
                                                                              text.encode())


@needs_fast_parser
@pytest.mark.parametrize("name", BAD_BATCHES)
def test_both_readings_refuse_the_same_bad_batches(name: str) -> None:
    """The fast reading leaves every bad body to the careful one."""
    body = BAD_BATCHES[name][0]

    assert outcome(Decoder(1, 100, fast=False), body) == outcome(Decoder(1, 100, fast=True), body)


def outcome(decoder: Decoder, body: bytes) -> object:
    """Give the numbers of a body, or its faults."""
    try:
        return decoder.instances(body)[0].tolist()
    except InvalidPayload as refusal:
        return refusal.faults


@needs_fast_parser
@pytest.mark.parametrize("body", [
    b'{"instances": [[1]], "instances": [[2]]}', b'{"inst1ances": [[1]]}', b'{"instances": [[]]}',
    b'{"instances": [[1 2]]}', b'{"instances": [[9007199254740993]]}', b'{"instances": [[1], [18446744073709551615]]}',
    b'{"instances": [[-]]}', b'{"instances": [[1e]]}', b'{"instances": [[1e999]]}', b'{"instances": [[--1]]}',
    b'{"instanc": [[1]]}', b'1{"instances": [[1]]}', b'{"instances": [[1]]}2', b'{"instances"1: [[1]]}'])
def test_the_fast_reading_leaves_what_is_not_exactly_right(body: bytes) -> None:
    """Numbers in the wrong places keep the brackets and commas in the right ones; the count finds them out."""
    assert Decoder(1, 100, fast=True).exact_instances(body) is None


@pytest.mark.parametrize("size", [10, 400_000])
def test_large_and_small_bodies_take_the_same_door(line: Artefact, size: int) -> None:
    """A body of seven megabytes, over what the kept parser reads, gives the same numbers."""
    rows = np.random.default_rng(size).normal(size=(size, 1))
    body = json.dumps({"instances": rows.tolist()}).encode()

    assert rows.tobytes() == Decoder(1, size).instances(body)[0].tobytes()


def test_status_routes_answer(client: FlaskClient, line: Artefact) -> None:
    """Hello, ping and the two probes."""
    page = client.get("/")

    assert (200, "text/html; charset=utf-8") == (page.status_code, page.content_type)
    assert "Hello" in page.text
    assert line.digest[:12] in page.text
    assert {"message": "pong!"} == client.get("/ping").get_json()
    assert [200, 200] == [client.get(f"/health/{kind}").status_code for kind in ("live", "ready")]
