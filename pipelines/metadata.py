"""Writes what Kubeflow and Vertex AI show of an output: steps run this file's text in the jobs image.

Arguments: file to write, name and URI of the output, what is known of it (a text report or JSON), and the verdict if
there is one.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

NUMBERS = {"rows": r": (\d+) rows?$", "errors": r"^(\d+) errors?, ", "warnings": r", (\d+) warnings?$",
           "mean_squared_error": r"^MSE +([-+.\de]+) ", "r2": r"^R2 +([-+.\de]+) "}


def of_report(text: str) -> dict[str, Any]:
    """Numbers of a report of evaluate or verify, and the number of tests of check."""
    found = {name: re.search(pattern, text, re.M) for name, pattern in NUMBERS.items()}
    tests = len(re.findall(r"^(?:ok|FAILED) ", text, re.M))
    return {**{name: float(match[1]) for name, match in found.items() if match}, **({"tests": tests} if tests else {})}


def of_card(card: dict[str, Any]) -> dict[str, Any]:
    """Facts of a model by its card, or of rows by data show."""
    data, test = card.get("data", card), card.get("metrics", {}).get("test", {})
    return {**{name: data[name] for name in ("rows", "digest") if name in data},
            **{name: card[name] for name in ("sha256", "schema_digest") if name in card},
            **{name: test[name] for name in ("mean_squared_error", "r2") if name in test}}


def main(output: str, name: str, uri: str, source: str, *verdict: str) -> None:
    """Write the file."""
    text = Path(source).read_text(encoding="utf-8")
    metadata = of_card(json.loads(text)) if text.startswith("{") else of_report(text)
    metadata |= {"verdict": each for each in verdict}
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(json.dumps({"artifacts": {name: {"artifacts": [{"uri": uri, "metadata": metadata}]}}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
