"""``TrafficFile``: the traffic of a model in a self-verifying JSON file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from linear_regressor.artefact.plain_values import (
    digest_of,
    listed,
    members,
    numbers,
    text,
    texts,
    verify,
    whole_number,
    whole_numbers,
)
from linear_regressor.errors import ArtefactError, MomentsError
from linear_regressor.model.histogram import Histogram
from linear_regressor.monitoring.traffic import TrafficSummary
from linear_regressor.monitoring.traffic_series import TrafficSeries
from linear_regressor.output_file import write_file

Array = NDArray[np.float64]

FORMAT = 1
KEYS = {"format", "model", "features", "centre", "edges", "width", "parts", "outside", "refused"}
PART_KEYS = {"number", "answered", "n", "sums", "products", "counts"}
# Larger files are no traffic files: 64 parts of 100 features take about 15 MB.
LARGEST_FILE = 64 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class TrafficFile:
    """What is known of the requests that a model answered; the files of workers and replicas add up exactly."""

    # digest of the model
    model: str
    # names of the p features, in order
    features: tuple[str, ...]
    # mean of each feature in training, and the edges of its bins
    centre: Array
    edges: tuple[Array, ...]
    series: TrafficSeries
    # recorded rows that were out of the range of the training data; None if the model cannot tell
    outside: int | None
    # faults of rejected requests by code, at most 20 of a request
    refused: Mapping[str, int]

    @classmethod
    def empty(cls, model: str, features: tuple[str, ...], centre: Array, edges: tuple[Array, ...],
              outside: int | None) -> TrafficFile:
        """Begin the record of a model; ``outside`` is 0, or None if the model cannot tell."""
        return cls(model, features, centre, edges, TrafficSeries.empty(), outside, {})

    def __add__(self, other: TrafficFile) -> TrafficFile:
        """Merge with other traffic of the same model."""
        if self.model != other.model:
            raise MomentsError("the traffic of different models cannot be merged")
        outside = None if self.outside is None or other.outside is None else self.outside + other.outside
        return TrafficFile(self.model, self.features, self.centre, self.edges, self.series + other.series, outside,
                           dict(Counter(self.refused) + Counter(other.refused)))

    @property
    def summary(self) -> TrafficSummary:
        """All parts added up."""
        return self.series.since(float("-inf")) or TrafficSummary.empty(self.centre, self.edges)

    def since(self, start: datetime) -> TrafficFile:
        """Leave out parts that ended before a time, and what is counted for the whole record only."""
        width = self.series.width
        parts = {number: part for number, part in self.series.parts.items() if (number + 1) * width > start.timestamp()}
        return replace(self, series=TrafficSeries(width, parts), outside=None, refused={})

    def to_plain(self) -> dict[str, Any]:
        """Return the file as plain values with their digest."""
        parts = [{"number": number, "answered": part.answered, "n": part.n, "sums": part.sums.tolist(),
                  "products": part.products.tolist(), "counts": [each.counts.tolist() for each in part.histograms]}
                 for number, part in self.series.parts.items()]
        plain = {"format": FORMAT, "model": self.model, "features": list(self.features),
                 "centre": self.centre.tolist(), "edges": [each.tolist() for each in self.edges],
                 "width": self.series.width, "parts": parts, "outside": self.outside,
                 "refused": dict(sorted(self.refused.items()))}
        return {**plain, "sha256": digest_of(plain)}

    @classmethod
    def from_plain(cls, plain: Any) -> TrafficFile:
        """Build a traffic file from plain values; any invalid content is an ArtefactError."""
        values = verify(plain, "traffic file", {FORMAT: KEYS})
        centre, features = numbers(values["centre"], "centre"), texts(values["features"], "features")
        edges = tuple(numbers(each, "edges") for each in listed(values["edges"], "edges"))
        outside, refused = values["outside"], values["refused"]
        if not len(centre) == len(features) == len(edges) or not isinstance(refused, dict):
            raise ArtefactError("it must have a mean and edges for each feature")
        try:
            parts = dict(_part(part, centre, edges) for part in listed(values["parts"], "parts"))
            series = TrafficSeries(whole_number(values["width"], "width"), parts)
        except MomentsError as error:
            raise ArtefactError(str(error)) from None
        return cls(text(values["model"], "model"), features, centre, edges, series,
                   None if outside is None else whole_number(outside, "outside"),
                   {code: whole_number(count, "refused") for code, count in refused.items()})

    def save(self, path: Path) -> None:
        """Write the file."""
        content = json.dumps(self.to_plain(), allow_nan=False)
        write_file(path, lambda file: file.write(content.encode("ascii") + b"\n"))

    @classmethod
    def load(cls, path: Path) -> TrafficFile:
        """Read and check a file, such as the response of ``GET /v1/monitoring/traffic``."""
        try:
            with open(path, "rb") as file:
                content = file.read(LARGEST_FILE + 1)
            if len(content) > LARGEST_FILE:
                raise ArtefactError(f"it is larger than {LARGEST_FILE} bytes")
            return cls.from_plain(json.loads(content))
        except OSError as error:
            reason: object = error.strerror
        except (ValueError, RecursionError):
            reason = "it is not JSON"
        except ArtefactError as error:
            reason = error
        raise ArtefactError(f"cannot use the traffic file {path}: {reason}; download one with "
                            "'curl http://HOST/v1/monitoring/traffic', or name the server's TRAFFIC_FOLDER")


def _part(plain: Any, centre: Array, edges: tuple[Array, ...]) -> tuple[int, TrafficSummary]:
    """Build the summary of one part, with its number."""
    values = members(plain, "part", PART_KEYS)
    products = [numbers(row, "products") for row in listed(values["products"], "products")]
    counts = [whole_numbers(each, "counts") for each in listed(values["counts"], "counts")]
    if not len(counts) == len(products) == len(edges) or any(len(row) != len(edges) for row in products):
        raise ArtefactError("a part must have counts and products for each feature")
    histograms = tuple(Histogram(*pair) for pair in zip(edges, counts, strict=True))
    return whole_number(values["number"], "number"), TrafficSummary(
        whole_number(values["answered"], "answered"), whole_number(values["n"], "n"), centre,
        numbers(values["sums"], "sums"), np.array(products).reshape(len(edges), len(edges)), histograms)
