"""The HTML of the pages, without a browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import numpy as np
import pytest
from flask.testing import FlaskClient

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import load
from linear_regressor.model.moments import Moments
from linear_regressor.page.chart import MAX_PANELS, Axis
from linear_regressor.page.report_file import text_of
from linear_regressor.serving.page.figure import features_of, panels_of
from linear_regressor.serving.page.home import facts_of
from linear_regressor.serving.predictor.predictor import Predictor
from linear_regressor.serving.predictor.statistics import STATISTICS
from linear_regressor.training.config import quantile_table
from tests.applications import MakeApp, artefact_of
from tests.running_server import ROOT

PACKAGE = ROOT / "linear_regressor"
FILES = {"style.css": PACKAGE / "page" / "style.css", "try.js": PACKAGE / "serving" / "page" / "try.js"}
COMMITTED = ROOT / "models" / "simple_linear_regressor.joblib"


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the element."""
        self.elements.append((tag, dict(attrs)))


def artefact_with(X: Any, y: Any) -> Artefact:
    """Fit a model to any rows."""
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    moments = Moments.from_arrays(X, y)
    W, b = moments.solve()
    names = tuple(f"x{number}" for number in range(X.shape[1]))
    return Artefact(names, "y", W, b, moments, X.min(axis=0), X.max(axis=0), quantile_table(*X.shape), {})


UNUSUAL = {
    "two rows": artefact_with([[0.0], [1.0]], [0.0, 1.0]),
    "one row": artefact_with([[3.0]], [7.0]),
    "a constant column": artefact_with([[2.0]] * 5, [1.0, 2.0, 3.0, 4.0, 5.0]),
    "a column twice": artefact_with([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0], [6.0, 6.0]], [1, 2, 3, 4, 5]),
    "no slope": artefact_with([[0.0], [1.0], [2.0], [3.0]], [5.0, 5.0, 5.0, 5.0]),
    "tiny": artefact_with(np.array([[0.0], [1.0], [2.0], [4.0]]) * 1e-150, [0.0, 1.0, 1.0, 2.0]),
    "huge": artefact_with(np.array([[0.0], [1.0], [2.0], [4.0]]) * 1e150, [0.0, 1.0, 1.0, 2.0]),
    "far from zero": artefact_with(np.array([[0.0], [1.0], [2.0], [4.0]]) + 1e12, [0.0, 1.0, 1.0, 2.0]),
    "many features": artefact_of(MAX_PANELS + 1),
    "rows unlearned": replace(artefact_of(1), minimum=None, maximum=None),
    "rows unlearned of several features": replace(artefact_of(3), minimum=None, maximum=None),
}


@pytest.mark.parametrize("path", ["/", "/docs"])
@pytest.mark.parametrize("features", [1, 3])
def test_pages_obey_the_strictest_policy(make_app: MakeApp, path: str, features: int) -> None:
    """No inline style, script or handler, and nothing from another origin."""
    page = make_app(artefact_of(features)).test_client().get(path)
    elements = Elements(page.text).elements

    assert (200, "text/html; charset=utf-8") == (page.status_code, page.content_type)
    assert {"h1", "link", "main"} <= {tag for tag, _ in elements}
    assert not [tag for tag, attributes in elements if tag == "style" or "style" in attributes]
    assert not [tag for tag, attributes in elements if tag == "script" and "src" not in attributes]
    assert not [name for _, attributes in elements for name in attributes if name.startswith("on")]
    assert not [value for _, attributes in elements for name, value in attributes.items()
                if name in ("href", "src", "action") and re.match(r"(?:[a-z]+:)?//", value or "")]


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_every_reference_in_a_page_resolves(client: FlaskClient, path: str) -> None:
    """Ids are unique, references point to ids of the page, and links get a response."""
    elements = Elements(client.get(path).text).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    pointed = [name for _, attributes in elements for key in ("aria-labelledby", "aria-describedby", "for")
               for name in (attributes.get(key) or "").split()]
    links = {attributes.get("href") or attributes.get("src") or "" for _, attributes in elements} - {"", "data:,"}

    assert ids and pointed and links
    assert len(ids) == len(set(ids))
    assert set() == set(pointed) - set(ids)
    for link in links:
        assert link[1:] in ids if link.startswith("#") else 200 == client.get(urljoin(path, link)).status_code, link


def test_the_page_shows_the_model_card(make_app: MakeApp) -> None:
    """Metrics, certificate, digest, rows and data are those of the artefact."""
    artefact = load(COMMITTED)
    page = make_app(artefact).test_client().get("/").text

    metrics = artefact.card["metrics"]
    for words in ("Hello", artefact.digest, "disease progression", "Errors on the test rows",
                  "Difference from the best line", "422",
                  f"{metrics['test']['r2']:.4g}", f"{metrics['training']['gap']:.4g}"):
        assert words in page
    assert "<title" in page and "<desc" in page


def test_the_curl_example_uses_the_address_of_the_page(client: FlaskClient) -> None:
    """The scheme is the one the proxy received: a redirect from http to https loses the body."""
    for headers, address in (({"Host": "a.example"}, "http://a.example/"),
                             ({"Host": "no host"}, "http://localhost:80/"),
                             ({"Host": "a.example", "X-Forwarded-Proto": "https"}, "https://a.example/")):
        page = client.get("/", headers=headers).text

        assert f"curl --request POST '{address}stream' " in page


def test_the_figure_is_the_line_and_its_band(line: Artefact) -> None:
    """The drawn points are predictions and prediction intervals."""
    predictor = Predictor(line, max_rows=10)
    (feature,) = features_of(predictor)
    (panel,) = panels_of(predictor, [feature])
    across, up = (float(value) for value in panel.line.split()[0].split(","))
    lower, upper = predictor.statistics.at(np.array([[feature.low]])).interval(predictor.quantiles[0.95][0])
    corners = [float(point.split(",")[1]) for point in (panel.band.split()[0], panel.band.split()[-1])]

    assert panel.x.start == across
    assert panel.y.pixel(float(predictor.predict(np.array([[feature.low]]), "")[0])) == up
    assert [panel.y.pixel(float(lower[0])), panel.y.pixel(float(upper[0]))] == corners


def test_the_usual_range_ends_where_rows_become_out_of_range(line: Artefact) -> None:
    """With one feature both are Hotelling's statistic at the level 0.95."""
    predictor = Predictor(line, max_rows=10)
    (feature,) = features_of(predictor)
    low, high = feature.usual or (0.0, 0.0)
    rows = np.array([[low - 1e-9], [low + 1e-9], [high - 1e-9], [high + 1e-9]])

    outside = predictor.statistics.at(rows).out_of_range(predictor.quantiles[0.95].f)

    assert [True, False, False, True] == outside.tolist()


def test_the_slider_extends_beyond_the_range_in_round_steps() -> None:
    """Both ends of the slider are out of range."""
    predictor = Predictor(load(COMMITTED), max_rows=10)
    (feature,) = features_of(predictor)
    rows = np.array([[feature.low], [feature.high]])

    assert predictor.statistics.at(rows).out_of_range(predictor.quantiles[0.99][1]).all()
    assert feature.minimum is not None and feature.low < feature.minimum
    assert feature.maximum is not None and feature.maximum < feature.high
    assert 100 <= (feature.high - feature.low) / feature.step <= 1000
    places = (feature.start - feature.low) / feature.step
    assert round(places) == pytest.approx(places)


@pytest.mark.parametrize("name", UNUSUAL)
def test_any_model_has_a_page(make_app: MakeApp, name: str) -> None:
    """Models without statistics or without a figure still have a form."""
    client = make_app(UNUSUAL[name]).test_client()
    page = client.get("/")

    assert 200 == page.status_code
    assert "Hello" in page.text and 'id="slide-0"' in page.text
    assert not re.search(r"\b(?:nan|inf)\b", page.text)
    assert 200 == client.get("/docs").status_code
    assert 200 == client.get("/openapi.json").status_code


def test_names_are_escaped(make_app: MakeApp) -> None:
    """Features, target and card may contain markup, which stays text."""
    plain = artefact_of(1)
    evil = replace(plain, features=("</script><img src=x onerror=alert(1)>",), target="\"'><b>",
                   card={"note": {"<i>": "<u>"}})
    for path in ("/", "/docs"):
        page = make_app(evil).test_client().get(path).text

        assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in page
        assert not {"img", "b", "i", "u"} & {tag for tag, _ in Elements(page).elements}


def test_assets_are_cached_forever_by_content(client: FlaskClient) -> None:
    """Another digest gets the current content, which must not be cached; unknown names are 404."""
    paths = {path.partition("-")[2]: path for path in re.findall(r"assets/[^\"]+", client.get("/").text)}
    assert set(FILES) == set(paths)
    for name, path in paths.items():
        answer = client.get(path)
        digest = path.removeprefix("assets/").partition("-")[0]
        older = client.get(f"assets/{'0' * 12}-{name}")

        assert (200, FILES[name].read_bytes()) == (answer.status_code, answer.data)
        assert "immutable" in answer.headers["Cache-Control"]
        assert (answer.data, "no-cache") == (older.data, older.headers["Cache-Control"])
        assert 304 == client.get(path, headers={"If-None-Match": f'"{digest}"'}).status_code
    for path in ("assets/000000000000-hello.html", "assets/short-style.css", "assets/style.css"):
        assert 404 == client.get(path).status_code


@pytest.mark.parametrize("auth", ["api-key", "oidc"])
def test_the_form_has_a_field_for_credentials(line: Artefact, make_app: MakeApp, tmp_path: Path, auth: str) -> None:
    """The field has no name, so that forms do not submit it and browsers do not store it."""
    keys = tmp_path / "keys.json"
    keys.write_text('{"keys": []}')
    client = make_app(line, AUTH=auth, API_KEYS_FILE=str(keys), OIDC_ISSUER="https://idp.example",
                      OIDC_AUDIENCE="service").test_client()
    fields = [attributes for _, attributes in Elements(client.get("/").text).elements if attributes.get("id") == "key"]

    assert 1 == len(fields)
    assert ("password", "off", None) == (fields[0]["type"], fields[0]["autocomplete"], fields[0].get("name"))


def test_the_page_shows_each_statistic_that_the_table_gives_text(client: FlaskClient) -> None:
    """The form has one output for the prediction and one for each statistic with text for the page."""
    elements = Elements(client.get("/").text).elements
    shown = {statistic.name: statistic.page for statistic in STATISTICS if statistic.page}
    outputs = {attributes["id"]: attributes for tag, attributes in elements if tag == "output"}

    assert {"prediction", *shown} == set(outputs)
    for name, text in shown.items():
        assert (text.true or None, text.false or None) == (
            outputs[name].get("data-true"), outputs[name].get("data-false"))


def test_axes_have_round_ticks() -> None:
    """Ticks are multiples of 1, 2 or 5 times a power of ten."""
    axis = Axis(0.0, 10.0, 100.0, 300.0)

    assert (200.0, [0.0, 5.0, 10.0]) == (axis.pixel(5.0), axis.ticks(4))


@pytest.mark.parametrize(("value", "text"), [(0.0024833483, "0.002483"), (422.0, "422"), (None, "–"), (15000, "15000"),
                                             (["a", "b"], "a, b")])
def test_values_are_formatted_for_people(value: Any, text: str) -> None:
    """Four significant digits, and a dash for missing values."""
    assert text == text_of(value)


def test_the_page_names_no_caller_and_lists_no_digests() -> None:
    """The card of a retrained model has both; the page is open to all."""
    card = {"feedback": {"store": "id", "cut": 700, "generation": 2, "blocks": ["abc"] * 1000},
            "retraining": {"parent": "p", "recipe": "all rows", "since": None, "without": ["eve"], "largest_share": 0.6,
                           "test_rows": 350, "reasons": ["the rows of eve"], "forced": "eve is honest"}}
    facts = facts_of(card)
    assert facts["Feedback"] == [("last row seen", "700"), ("generation", "2")]
    assert [name for name, _ in facts["Retraining"]] == ["parent", "recipe", "since", "largest share", "test rows"]
    assert "eve" not in str(facts)


def test_facts_of_a_card_are_grouped() -> None:
    """Known parts come first, under their headings; other parts keep their names."""
    facts = facts_of({"other": {"x": 1}, "data": {"rows": 422}, "metrics": {"test": {"r2": 0.47233}}})

    assert list(facts.items()) == [("Errors on the test rows", [("R²", "0.4723")]), ("Data", [("rows", "422")]),
                                   ("other", [("x", "1")])]
