"""Responses to valid requests, and the agreement of the fast reader with the strict one."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.model.inference import predict
from linear_regressor.serving.predictor.statistics import PARAMETERS
from linear_regressor.serving.schema import fast_numbers
from linear_regressor.serving.schema import rows as rows_module
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.rows import RowReader, Signature
from tests.applications import MakeApp, artefact_of
from tests.unit.serving.test_bad_bodies import BAD_BATCHES

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64).filter(lambda value: abs(value) < 1e300)
ROWS = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), min_size=1, max_size=20))

needs_fast_parser = pytest.mark.skipif(not fast_numbers.FAST_PARSER_AVAILABLE,
                                       reason="pysimdjson is not installed (extra: fast)")


def post(client: FlaskClient, path: str, payload: Any) -> Any:
    """Post JSON and return the JSON of the response."""
    answer = client.post(path, json=payload)
    assert 200 == answer.status_code, answer.data
    return json.loads(answer.data)


def test_predictions_are_the_line(client: FlaskClient, line: Artefact) -> None:
    """One number for each row, in the order of the rows."""
    rows = [[0.0778], [-0.0396], [3]]

    assert {"predictions": predict(np.array(rows, dtype=float), line.W, line.b).tolist()} == post(
        client, "/batch", {"instances": rows})
    assert {"prediction": line.b} == post(client, "/stream", {"instance": 0})


@given(rows=ROWS)
def test_stream_answers_what_batch_answers_row_by_row(make_app: MakeApp, rows: list[list[float]]) -> None:
    """A row gets the same digits alone and in a batch."""
    client = make_app(artefact_of(len(rows[0]))).test_client()
    together = post(client, "/batch", {"instances": rows})["predictions"]
    alone = [post(client, "/stream", {"instance": row if len(row) > 1 else row[0]})["prediction"] for row in rows]

    assert together == alone


@given(rows=ROWS, statistics=st.sampled_from([{}, {"parameters": {"interval": 0.95, "explain": True, "range": True}}]),
       order=st.randoms(use_true_random=False))
def test_a_record_answers_what_its_array_answers(make_app: MakeApp, rows: list[list[float]], statistics: dict[str, Any],
                                                 order: Random) -> None:
    """Byte by byte, with the names in any order, on both routes, with statistics and without."""
    client = make_app(artefact_of(len(rows[0]))).test_client()
    records = []
    for row in rows:
        members = [(f"x{number}", value) for number, value in enumerate(row)]
        order.shuffle(members)
        records.append(dict(members))
    forms: dict[str, tuple[dict[str, Any], ...]] = {
        "/batch": ({"instances": rows}, {"instances": records}),
        "/stream": ({"instance": rows[0] if len(rows[0]) > 1 else rows[0][0]}, {"instance": records[0]})}
    headers = {"X-Request-Id": "same"}
    for path, bodies in forms.items():
        array, record = (client.post(path, json={**body, **statistics}, headers=headers) for body in bodies)

        assert content(array) == content(record)


@given(rows=ROWS, spaces=st.sampled_from([None, 1]))
def test_the_fast_path_responds_as_the_application_does(make_app: MakeApp, rows: list[list[float]],
                                                        spaces: int | None) -> None:
    """Status, headers and body are the same with and without the fast path."""
    app = make_app(artefact_of(len(rows[0])))
    one = {"instance": rows[0] if len(rows[0]) > 1 else rows[0][0]}
    request = {"content_type": "application/json", "headers": {"X-Request-Id": "same"}}
    bodies = [(path, json.dumps(payload, indent=spaces).encode())
              for path, payload in (("/batch", {"instances": rows}), ("/stream", one))]
    fast = [app.test_client().post(path, data=body, **request) for path, body in bodies]
    chain: Any = app.wsgi_app
    chain.application = chain.application.application  # removes the fast path
    plain = [app.test_client().post(path, data=body, **request) for path, body in bodies]

    assert list(map(content, plain)) == list(map(content, fast))


def content(response: Any) -> object:
    """Return status, headers and body, without the trace, which is random."""
    return response.status, [header for header in response.headers if header[0] != "traceparent"], response.data


@needs_fast_parser
@given(rows=ROWS, body=st.data())
def test_both_readers_read_the_same_numbers(rows: list[list[float]], body: st.DataObject) -> None:
    """The fast reader takes every well-formed batch, and reads the numbers that the strict reader reads."""
    text = json.dumps({"instances": rows}, indent=body.draw(st.sampled_from([None, 0, 2]))).encode()
    width = len(rows[0])
    fast, strict = reader(width, fast=True), reader(width, fast=False)

    assert strict.instances(text)[0].tobytes() == fast.instances(text)[0].tobytes()
    if np.abs(rows).max() < 2 ** 53:
        assert fast.fast_instances(text) is not None


@needs_fast_parser
@given(rows=ROWS, level=st.sampled_from([True, 0.5, 0.95, None]), indent=st.sampled_from([None, 0, 2]))
def test_both_readers_read_the_same_parameters(rows: list[list[float]], level: object, indent: int | None) -> None:
    """The strict reader reads the parameters alone if the rows before them are those of a plain batch."""
    text = json.dumps({"instances": rows, "parameters": {"interval": level, "range": True}}, indent=indent).encode()
    fast, strict = reader(len(rows[0]), fast=True), reader(len(rows[0]), fast=False)
    with pytest.MonkeyPatch.context() as patch:
        if np.abs(rows).max() < 2 ** 53 and level is not True:  # an interval has a level
            patch.setattr(rows_module, "read_strictly", None)
        found = outcome(fast, text)

    assert found == outcome(strict, text)


@needs_fast_parser
@given(noise=st.lists(st.tuples(st.integers(0, 90), st.sampled_from(list('[]{},:"0123456789+-.eE \t\n\\truefalsn'))),
                      min_size=1, max_size=4), width=st.integers(1, 2), parameters=st.sampled_from(
                          ['', ',"parameters":{"interval": 0.95}', ', "parameters":{}, "parameters": null',
                           ', "parameters": {"range": true}, "instances": [[3]]']))
def test_both_readers_agree_on_damaged_bodies(noise: list[tuple[int, str]], width: int, parameters: str) -> None:
    """With characters inserted anywhere, both readers name the same faults or read the same numbers."""
    rows = "[[1.5e1], [-2]]" if width == 1 else "[[1.5e1, 7], [-2, 0.25]]"
    text = f'{{"instances": {rows}{parameters}}}'
    for place, character in noise:
        text = text[:place] + character + text[place:]

    assert outcome(reader(width, fast=False), text.encode()) == outcome(reader(width, fast=True), text.encode())


@needs_fast_parser
@pytest.mark.parametrize("name", BAD_BATCHES)
def test_both_readers_agree_on_bad_batches(name: str) -> None:
    """The fast reader leaves every bad body to the strict one."""
    body = BAD_BATCHES[name][0]

    assert outcome(reader(1, fast=False), body) == outcome(reader(1, fast=True), body)


def reader(width: int, fast: bool, max_rows: int = 100) -> RowReader:
    """Make a reader of rows with so many features."""
    features = tuple(f"x{number}" for number in range(width))
    return RowReader(Signature(features, max_rows, (0.5, 0.95, 0.99), PARAMETERS), fast)


def outcome(rows: RowReader, body: bytes) -> object:
    """Return the numbers and the parameters of a body, or its faults."""
    try:
        numbers, options = rows.instances(body)
        return numbers.tolist(), options
    except InvalidPayload as error:
        return error.faults


@needs_fast_parser
@pytest.mark.parametrize("body", [
    b'{"instances": [[1]], "instances": [[2]]}', b'{"inst1ances": [[1]]}', b'{"instances": [[]]}',
    b'{"instances": [[1 2]]}', b'{"instances": [[9007199254740993]]}', b'{"instances": [[1], [18446744073709551615]]}',
    b'{"instances": [[-]]}', b'{"instances": [[1e]]}', b'{"instances": [[1e999]]}', b'{"instances": [[--1]]}',
    b'{"instanc": [[1]]}', b'1{"instances": [[1]]}', b'{"instances": [[1]]}2', b'{"instances"1: [[1]]}'])
def test_the_fast_reader_takes_plain_bodies_only(body: bytes) -> None:
    """Misplaced numbers leave brackets and commas as they are, but change the count of numbers."""
    assert reader(1, fast=True).fast_instances(body) is None


@pytest.mark.parametrize("size", [10, 400_000])
def test_large_and_small_bodies_give_the_same_numbers(line: Artefact, size: int) -> None:
    """A body of seven megabytes is too large for the shared parser."""
    rows = np.random.default_rng(size).normal(size=(size, 1))
    body = json.dumps({"instances": rows.tolist()}).encode()

    assert rows.tobytes() == reader(1, fast_numbers.FAST_PARSER_AVAILABLE, size).instances(body)[0].tobytes()


def test_status_routes_answer(client: FlaskClient, line: Artefact) -> None:
    """The page, ``/ping`` and the two probes."""
    page = client.get("/")

    assert (200, "text/html; charset=utf-8") == (page.status_code, page.content_type)
    assert "Hello" in page.text
    assert line.digest[:12] in page.text
    assert {"message": "pong!"} == client.get("/ping").get_json()
    assert [200, 200] == [client.get(f"/health/{kind}").status_code for kind in ("live", "ready")]
