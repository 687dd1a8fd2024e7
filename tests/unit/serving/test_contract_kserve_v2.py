"""KServe V2: errors as one string, fast and strict reader agree, statistics as output tensors."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.serving.contracts.tensor import OUTPUTS, read_inference
from linear_regressor.serving.schema import fast_numbers
from linear_regressor.serving.schema.faults import InvalidPayload
from linear_regressor.serving.schema.rows import Signature
from tests.applications import MakeApp, artefact_of

INFER = "/v2/models/linear-regressor/infer"
LINE = Signature(("x0",), 10, (0.9, 0.95, 0.99))
PLANE = Signature(("x0", "x1", "x2"), 10, (0.9, 0.95, 0.99))


def body(*inputs: str, more: str = "") -> bytes:
    """Return a request with these input tensors."""
    return f'{{"inputs": [{", ".join(inputs)}]{more}}}'.encode()


def tensor(data: str = "[1]", shape: str = "[1, 1]", datatype: str = '"FP64"', name: str = '"a"',
           more: str = "") -> str:
    """Return an input tensor."""
    return f'{{"name": {name}, "shape": {shape}, "datatype": {datatype}, "data": {data}{more}}}'


BAD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "# must be JSON"),
    "words": (b"infer", "# must be JSON"),
    "cut off": (body(tensor())[:-3], "# must be JSON"),
    "two texts": (body(tensor()) * 2, "# must be JSON"),
    "utf-16": (body(tensor()).decode().encode("utf-16"), "# must be UTF-8"),
    "nesting bomb": (b"[" * 200_000, "less deeply nested"),
    "an array": (b"[]", "# must be an object"),
    "empty object": (b"{}", "#/inputs is required"),
    "other member": (body(tensor(), more=', "rows": 1'), "#/rows is not a member"),
    "duplicate member": (body(tensor(), more=', "inputs": []'), "#/inputs must be given once"),
    "inputs no array": (b'{"inputs": {}}', "#/inputs must be an array"),
    "no inputs": (b'{"inputs": []}', "#/inputs must have at least 1"),
    "input no object": (body("1"), "#/inputs/0 must be an object"),
    "no data": (body('{"name": "a", "shape": [1, 1], "datatype": "FP64"}'), "#/inputs/0/data is required"),
    "duplicate data": (body(tensor(more=', "data": [2]')), "#/inputs/0/data must be given once"),
    "unknown member of an input": (body(tensor(more=', "dtype": "FP64"')), "#/inputs/0/dtype is not a member"),
    "name no text": (body(tensor(name="1")), "#/inputs/0/name must be a string"),
    "name half a pair": (body(tensor(name='"\\ud800"')), "#/inputs/0/name must be a string"),
    "shape no array": (body(tensor(shape="1")), "#/inputs/0/shape must be an array"),
    "shape of nothing": (body(tensor(shape="[]")), "#/inputs/0/shape must be an array"),
    "shape of three": (body(tensor(shape="[1, 1, 1]")), "#/inputs/0/shape must be an array"),
    "shape of texts": (body(tensor(shape='["1", "1"]')), "#/inputs/0/shape must be an array"),
    "shape of truths": (body(tensor(shape="[true, true]")), "#/inputs/0/shape must be an array"),
    "shape negative": (body(tensor(shape="[-1, 1]")), "#/inputs/0/shape must be an array"),
    "no rows": (body(tensor(shape="[0, 1]", data="[]")), "#/inputs/0/shape must be an array"),
    "shape too long": (body(tensor(shape="[2, 1]")), "#/inputs/0/data must have as many numbers"),
    "shape too short": (body(tensor(data="[1, 2]")), "#/inputs/0/data must have as many numbers"),
    "shape enormous": (body(tensor(shape="[99999999999999999999, 9]")), "#/inputs/0/data must have as many"),
    "shape of another model": (body(tensor(shape="[1, 2]", data="[1, 2]")), "#/inputs/0/shape must be [rows, 1]"),
    "nested otherwise": (body(tensor(shape="[1, 2]", data="[[1], [2]]")), "#/inputs/0/data must have the rows"),
    "ragged": (body(tensor(shape="[2, 1]", data="[[1], 2]")), "#/inputs/0/data must have the rows"),
    "nested in a vector": (body(tensor(shape="[2]", data="[[1], [2]]")), "#/inputs/0/data must have the rows"),
    "nested too deep": (body(tensor(data="[[[1]]]")), "#/inputs/0/data/0/0 must be a number"),
    "data an object": (body(tensor(data='{"0": 1}')), "#/inputs/0/data must be an array"),
    "data null": (body(tensor(data="null")), "#/inputs/0/data must be an array"),
    "text": (body(tensor(data='["77777"]')), "#/inputs/0/data/0 must be a number"),
    "truth": (body(tensor(data="[true]")), "#/inputs/0/data/0 must be a number"),
    "NaN": (body(tensor(data="[NaN]")), "#/inputs/0/data/0 must be a finite number"),
    "overflow": (body(tensor(data="[1e400]")), "#/inputs/0/data/0 must be a finite number"),
    "odd integer": (body(tensor(data="[9007199254740993]")), "#/inputs/0/data/0 must be an integer that float64"),
    "no datatype": (body(tensor(datatype='"FP99"')), "#/inputs/0/datatype must be one of"),
    "datatype no text": (body(tensor(datatype="[]")), "#/inputs/0/datatype must be one of"),
    "truth values": (body(tensor(datatype='"BOOL"')), "#/inputs/0/datatype must be one of"),
    "bytes": (body(tensor(datatype='"BYTES"')), "#/inputs/0/datatype must be one of"),
    "part of an integer": (body(tensor(data="[0.5]", datatype='"INT32"')), "number from -2147483648 to 2147483647"),
    "integer too large": (body(tensor(data="[128]", datatype='"INT8"')), "#/inputs/0/data/0 must be a whole number"),
    "integer too small": (body(tensor(data="[-1]", datatype='"UINT64"')), "#/inputs/0/data/0 must be a whole number"),
    "beyond 64 bits": (body(tensor(data="[9223372036854775808]", datatype='"INT64"')), "/0 must be a whole number"),
    "half too large": (body(tensor(data="[[65520]]", datatype='"FP16"')), "data/0/0 must be a number of at most 65504"),
    "binary data no truth": (body(tensor(more=', "parameters": {"binary_data": 8}')), "/binary_data must be true or"),
    "parameters no object": (body(tensor(more=', "parameters": []')), "#/inputs/0/parameters must be an object"),
    "too many rows": (body(tensor(shape="[11, 1]", data=str([1] * 11))), "#/inputs/0/shape must have at most 10 rows"),
    "a second tensor": (body(tensor(name='"x0"'), tensor()), "#/inputs/1/name must be one of the features x0"),
    "the same tensor": (body(tensor(name='"x0"'), tensor(name='"x0"')), "#/inputs/1/name must be given once"),
    "unknown output": (body(tensor(), more=', "outputs": [{"name": "p"}]'), "#/outputs/0/name must be one of predict"),
    "duplicate parameter": (body(tensor(), more=', "parameters": {"a": 1, "a": 1}'), "/a must be given once"),
    "unknown level": (body(tensor(), more=', "parameters": {"interval": 0.97}'), "must be one of the levels"),
    "id no text": (body(tensor(), more=', "id": 1'), "#/id must be a string"),
    "id half a pair": (body(tensor(), more=', "id": "\\ud800"'), "#/id must be a string"),
    "prediction overflow": (body(tensor(data="[1.7e308]")), "#/inputs/0/data/0 is too large to predict from"),
}


@pytest.fixture
def client(line: Artefact, make_app: MakeApp) -> FlaskClient:
    """Return a client of an application that accepts ten rows."""
    return make_app(line, MAX_ROWS="10", MAX_CONTENT_LENGTH="300000").test_client()


def post(client: FlaskClient, sent: bytes, **headers: str) -> Any:
    """Send a body."""
    return client.post(INFER, data=sent, content_type="application/json", headers=headers)


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_body_is_rejected_with_one_string(client: FlaskClient, name: str) -> None:
    """400 with ``{"error": ...}`` and nothing else; it names the place, but not the value."""
    sent, words = BAD[name]
    answer = post(client, sent)

    assert (400, "application/json") == (answer.status_code, answer.content_type)
    assert ["error"] == list(answer.get_json())
    assert words in answer.get_json()["error"]
    assert b"77777" not in answer.data


def test_all_faults_are_reported_at_once(client: FlaskClient) -> None:
    """Up to twenty."""
    answer = post(client, body(tensor(shape="[30, 1]", data=json.dumps(["a"] * 30))))

    assert 20 == answer.get_json()["error"].count("must be a number")


@pytest.mark.parametrize(("sent", "headers", "status", "words"), [
    (b"x", {"Inference-Header-Content-Length": "1"}, 400, "without the extension for binary data"),
    (body(tensor()), {"Content-Encoding": "gzip"}, 415, "without Content-Encoding"),
    (b" " * 300_001, {}, 413, "larger than this server accepts")])
def test_other_request_errors_have_the_same_format(client: FlaskClient, sent: bytes, headers: dict[str, str],
                                                   status: int, words: str) -> None:
    """Binary tensors, compressed bodies, large bodies."""
    answer = post(client, sent, **headers)

    assert (status, ["error"]) == (answer.status_code, list(answer.get_json()))
    assert words in answer.get_json()["error"]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "a", "", None,
                                          "application/octet-stream", "application/json; charset=latin-1"])
def test_the_media_type_is_ignored(client: FlaskClient, content_type: str | None) -> None:
    """As Triton and KServe do; what is not JSON is still 400."""
    answers = [client.post(INFER, data=sent, content_type=content_type) for sent in (body(tensor()), b"a=1")]

    assert [200, 400] == [answer.status_code for answer in answers]


@pytest.mark.parametrize(("tensor_more", "more", "named"), [
    ("", ', "parameters": {"intervall": 0.9}', "intervall"),
    ("", ', "parameters": {"interval": 0.9, "sequence_id": 1, "priority": null, "headers": {"a": [1]}}',
     "sequence_id, priority, headers"),
    (', "parameters": {"binary_data_size": 8}', ', "parameters": {"timeout": 1}', "timeout, binary_data_size"),
    ("", ', "outputs": [{"name": "predict", "parameters": {"classification": 3}}]', "classification"),
    ("", ', "parameters": {"a\\r\\nSet-Cookie: b, c%": 1}', "a%0D%0ASet-Cookie%3A%20b%2C%20c%25"),
    ("", ', "parameters": {"": 1, "\\ud800": 1, "\u00e9": 1}', ", %3F, %C3%A9"),
    ("", ', "parameters": null', None), ("", ', "parameters": {"binary_data_output": true, "range": true}', None)])
def test_unknown_parameters_are_ignored_and_named(client: FlaskClient, tensor_more: str, more: str,
                                                  named: str | None) -> None:
    """At every level; a name cannot end the header or look like two."""
    answer = post(client, body(tensor(more=tensor_more), more=more))

    assert 200 == answer.status_code, answer.text
    assert named == answer.headers.get("X-Ignored-Parameters")


def test_the_list_of_ignored_parameters_is_bounded(client: FlaskClient) -> None:
    """However many and however long they are."""
    for names in ([f"a{number}" for number in range(21)], ["b" * 10_000], ["\U0001f600" * 90],
                  [f"{number:0>99}" for number in range(20)]):
        answer = post(client, body(tensor(), more=f', "parameters": {json.dumps(dict.fromkeys(names, 1))}'))
        listed = answer.headers["X-Ignored-Parameters"]

        assert 200 == answer.status_code
        assert len(listed) < 410
        assert listed.endswith("...") == (len(names) > 20 or len(listed) > 400)


def test_an_ignored_array_is_not_read_as_data(client: FlaskClient) -> None:
    """Also if the name of the real data is escaped."""
    hidden = '{"name": "x0", "shape": [1, 1], "datatype": "FP64", "d\\u0061ta": [2], "parameters": {"data": [7]}}'
    plain = post(client, body(tensor("[2]", name='"x0"')))

    assert plain.get_json()["outputs"] == post(client, body(hidden)).get_json()["outputs"]


def test_a_server_error_has_the_same_format(line: Artefact, make_app: MakeApp) -> None:
    """500, without details."""
    app = make_app(line)
    app.add_url_rule("/v2/broken", view_func=lambda: str(1 // 0))
    answer = app.test_client().get("/v2/broken")

    assert (500, ["error"]) == (answer.status_code, list(answer.get_json()))
    assert "division" not in answer.get_json()["error"]


@pytest.mark.parametrize(("datatype", "number"), [
    ("INT8", -128), ("UINT8", 255), ("INT16", 32767), ("UINT16", 65535), ("INT32", -2147483648),
    ("UINT32", 4294967295), ("INT64", -9223372036854775808), ("UINT64", 18446744073709549568), ("INT64", 3.0),
    ("FP16", 65504), ("FP32", 3.4e38), ("FP64", 1e300)])
def test_every_numeric_datatype_accepts_its_range(datatype: str, number: float) -> None:
    """Up to its limits; a whole number may be written with a decimal point."""
    request = read_inference(body(tensor(data=f"[{number}]", datatype=f'"{datatype}"')), LINE)

    assert [[number]] == request.rows.tolist()


def test_without_outputs_the_parameters_choose_the_tensors(client: FlaskClient) -> None:
    """The prediction first, then all tensors of the requested statistics."""
    def names(parameters: str) -> list[str]:
        sent = post(client, body(tensor(), more=f', "parameters": {parameters}'))
        return [output["name"] for output in sent.get_json()["outputs"]]

    assert ["predict"] == names("{}") == names('{"binary_data_output": true, "content_type": "np"}')
    assert ["predict", "lower", "upper", "se"] == names('{"interval": 0.9}')
    assert ["predict", "leverage", "t2", "out_of_range", "contributions"] == names('{"explain": true, "range": true}')


def test_an_output_that_is_named_often_is_answered_once(client: FlaskClient) -> None:
    """In the order of the first names: a small request must not have a response of gigabytes."""
    asked = ["se", *["predict", "se"] * 5000]
    sent = post(client, body(tensor(), more=f', "outputs": {json.dumps([{"name": name} for name in asked])}'))

    assert ["se", "predict"] == [output["name"] for output in sent.get_json()["outputs"]]


def test_outputs_by_name_are_the_statistics_of_batch(plane_client: FlaskClient) -> None:
    """The same numbers, with the names of the protocol; contributions have the shape [rows, p]."""
    rows = [[0.5, 1, -1], [9, 9, 9]]
    wanted = {"interval": 0.9, "explain": True, "range": 0.95}
    items = plane_client.post("/batch", json={"instances": rows, "parameters": wanted}).get_json()["predictions"]
    asked = [{"name": name, "parameters": {"binary_data": False}} for name in OUTPUTS]
    answer = plane_client.post(INFER, json={
        "inputs": [{"name": "a", "shape": [2, 3], "datatype": "FP32", "data": rows}], "outputs": asked,
        "parameters": {"interval": 0.9, "range": 0.95}})
    outputs = {output["name"]: np.array(output["data"]).reshape(output["shape"])
               for output in answer.get_json()["outputs"]}

    assert [[item["prediction"]] for item in items] == outputs["predict"].tolist()
    assert [item["interval"] for item in items] == np.hstack([outputs["lower"], outputs["upper"]]).tolist()
    assert [[item["standard_error"]] for item in items] == outputs["se"].tolist()
    assert [list(item["contributions"].values()) for item in items] == outputs["contributions"].tolist()
    for name in ("leverage", "t2", "out_of_range"):
        assert [[item[name]] for item in items] == outputs[name].tolist()


def test_unavailable_statistics_are_rejected(line: Artefact, make_app: MakeApp) -> None:
    """A model trained on too few rows has no levels."""
    bare = Artefact(line.features, line.target, line.W, line.b, line.moments, line.minimum, line.maximum,
                    {"levels": [], "t": [], "f": []}, {})
    answer = post(make_app(bare).test_client(), body(tensor(), more=', "outputs": [{"name": "upper"}]'))

    assert (400, "#/outputs this model was trained on too few rows for any level") == (
        answer.status_code, answer.get_json()["error"])


def test_a_row_spread_over_tensors_is_reported_by_number(plane_client: FlaskClient) -> None:
    """It has no JSON pointer."""
    columns = [tensor(name=f'"x{index}"', shape="[2]", data="[1, 1.7e308]") for index in range(3)]

    assert "#/inputs row 1 is too large" in post(plane_client, body(*columns)).get_json()["error"]


@pytest.mark.parametrize(("columns", "words"), [
    (['"x0"', '"x1"'], "#/inputs must have a tensor named x2"),
    (['"x0"', '"x1"', '"x1"'], "#/inputs/2/name must be given"),
    (['"x0"', '"x1"', '"age"'], "#/inputs/2/name must be one of the features x0, x1, x2")])
def test_tensors_must_be_the_features(plane_client: FlaskClient, columns: list[str], words: str) -> None:
    """None missing, repeated or unknown."""
    assert words in post(plane_client, body(*(tensor(name=name) for name in columns))).get_json()["error"]


def test_tensors_of_different_lengths_are_rejected() -> None:
    """All must have as many rows as the first."""
    tensors = [tensor(name='"x0"', shape="[2]", data="[1, 2]"), tensor(name='"x1"'), tensor(name='"x2"')]
    with pytest.raises(InvalidPayload, match=r"#/inputs/1/shape must be \[2, 1\] or \[2\]"):
        read_inference(body(*tensors), PLANE)


piece = st.sampled_from(["[1]", "[1, 2]", "[[1], [2]]", "[]", "null", '["data"]', "[1e400]", "[9007199254740993]",
                         "[0.5,-2e3]", "[1 2]", "[1,]", "[true]", "[-0.0, 7]"])
more = st.sampled_from(["", ', "parameters": {"content_type": "\\"data\\": [1]"}', ', "data": [3]',
                        ', "x\\"data": [4]', ', "parameters": {"data": [5]}', ', "parameters": {"d\\u0061ta": [6]}',
                        ', "parameters": null', ', "parameters": {"a": {"data": [7]}, "b": "\\\\"}'])


@pytest.mark.skipif(not fast_numbers.FAST_PARSER_AVAILABLE, reason="pysimdjson is not installed")
@given(data=piece, shape=st.sampled_from(["[1, 1]", "[2, 1]", "[2]", "[1]"]), more=more, second=st.booleans(),
       datatype=st.sampled_from(['"FP64"', '"INT8"', '"FP16"']), id_=st.sampled_from(["", ', "id": "\\"data\\": [5]"']))
def test_fast_and_strict_reader_agree(data: str, shape: str, more: str, second: bool, datatype: str,
                                      id_: str) -> None:
    """On the rows or on the faults; text that only looks like a data member is not taken for one."""
    tensors = [tensor(data, shape, datatype, '"x0"', more)] + [tensor(data, shape, datatype, '"x1"')] * second
    sent = body(*tensors, more=id_)
    signature = Signature(("x0", "x1"), 10) if second else LINE

    assert outcome(sent, signature, fast=True) == outcome(sent, signature, fast=False)


def outcome(sent: bytes, signature: Signature, fast: bool) -> Any:
    """Read a body with one of the two readers."""
    try:
        request = read_inference(sent, signature, fast)
    except InvalidPayload as refusal:
        return refusal.faults
    return request.rows.tolist(), request.id, request.pointer


def test_a_member_name_with_an_escape_is_recognised() -> None:
    """The fast reader does not find it and leaves the body to the strict one."""
    tensors = [tensor(name='"x0"', shape="[1]"), tensor(name='"x1"', shape="[1]"), tensor(name='"x2"', shape="[1]")]
    sent = body(tensors[0], tensors[1].replace('"data"', '"d\\u0061ta"'), tensors[2])

    assert [[1.0, 1.0, 1.0]] == read_inference(sent, PLANE).rows.tolist()


def test_a_version_is_served_only_while_it_is_loaded(make_app: MakeApp) -> None:
    """The version is the first twelve digits of the digest; any other is 404 on every route."""
    one, other = artefact_of(1), artefact_of(1, seed=1)
    client = make_app(one).test_client()
    base = "/v2/models/linear-regressor/versions"
    answers = [client.get(f"{base}/{other.digest[:12]}"), client.get(f"{base}/{other.digest[:12]}/ready"),
               client.post(f"{base}/{other.digest[:12]}/infer", data=body(tensor()))]

    assert 200 == client.get(f"{base}/{one.digest[:12]}").status_code
    assert [404] * 3 == [answer.status_code for answer in answers]
    assert all(f"serves version {one.digest[:12]}" in answer.get_json()["error"] for answer in answers)


def test_a_stopping_server_is_not_ready(line: Artefact, make_app: MakeApp) -> None:
    """Neither the server nor its model; each contract uses its own error format."""
    app = make_app(line)
    app.service.readiness.draining = True
    client = app.test_client()
    paths = ["/v2/health/ready", "/v2/models/linear-regressor/ready", "/v1/models/linear-regressor", "/health"]
    answers = [client.get(path) for path in paths]

    assert [503] * 4 == [answer.status_code for answer in answers]
    assert {"error"} == set(answers[0].get_json()) == set(answers[1].get_json()) == set(answers[2].get_json())


def test_rows_out_of_range_are_rejected_with_out_of_range_refuse(line: Artefact, make_app: MakeApp) -> None:
    """The fault points to the row."""
    client = make_app(line, OUT_OF_RANGE="refuse").test_client()
    answer = post(client, body(tensor(data="[0, 99]", shape="[2, 1]")))

    assert 400 == answer.status_code
    assert "#/inputs/0/data/1 is out of the range" in answer.get_json()["error"]


def test_the_response_names_model_and_request(client: FlaskClient, line: Artefact) -> None:
    """In headers, as on every route; the default id is the request id."""
    answer = post(client, json.dumps(json.loads(body(tensor()))).encode(), **{"X-Request-Id": "order-17"})

    assert f"sha256:{line.digest}" == answer.headers["X-Model-Digest"]
    assert "order-17" == answer.get_json()["id"] == answer.headers["X-Request-Id"]


def test_the_error_format_applies_below_the_path_of_the_contract_only(client: FlaskClient) -> None:
    """The path itself is a part of it; one that merely begins with the same letters is not."""
    for path in ("/v2", "/v2/", "/v2/none", "/v1/models", "/v1/models/", "/v1/models/a:b", "/invocations",
                 "/invocations/none"):
        assert "application/json" == client.delete(path).content_type, path
    for path in ("/v2x", "/v", "/v1", "/v1/modelsx", "/v1/model", "/invocationsx", "//v2"):
        assert "application/problem+json" == client.delete(path).content_type, path


def test_rejections_by_middleware_have_the_format_of_the_contract(line: Artefact, make_app: MakeApp) -> None:
    """The request is rejected before it is routed."""
    client = make_app(line, TRUSTED_HOSTS="service.example").test_client()
    answers = [client.post(path, data=b"{}") for path in (
        INFER, "/v1/models/linear-regressor:predict", "/invocations", "/batch")]

    assert [400] * 4 == [answer.status_code for answer in answers]
    assert [["error"], ["error"], ["error_code", "message"]] == [list(answer.get_json()) for answer in answers[:3]]
    assert "application/problem+json" == answers[3].content_type
