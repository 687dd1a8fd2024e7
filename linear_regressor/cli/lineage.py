"""``linear-regressor lineage``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from linear_regressor.artefact.provenance import Provenance
from linear_regressor.cli.models import decision_lines

if TYPE_CHECKING:
    from linear_regressor.verification.verified import Verified


@click.command()
@click.argument("model")
@click.option("--answer-digest", metavar="DIGEST", show_default="that of the model in use",
              help="Header X-Model-Digest or X-Model-Version of an answer: the model that gave it is traced.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def lineage(model: str, answer_digest: str | None, as_json: bool) -> None:
    """Trace a model to its data, code and decisions.

    MODEL is a model file, or the folder or bucket of a model's versions. Prints the data and the commit of the code
    that the model was trained with, the verification of the data, the pipeline run that added it, its parameters and
    environment, the feedback that it learned from, each decision that judged it, put it into use or replaced it, with
    the reasons, and the champions before it.

    What is not known is left out: the commit if the package was neither built nor run from a repository, and location,
    commit and times without the card beside the model file.

    The exit code is 1 if no such model has the digest, or a model, its card or a promotion is damaged.

    \b
    Example:
      linear-regressor lineage models/linear-regressor --answer-digest 526641b126b9
    """
    from linear_regressor.verification.verified import Verified

    found = Provenance.of(model, answer_digest)
    plain, verified = found.to_plain(), Verified.of_card(found.artefact.card)
    if as_json:
        click.echo(json.dumps(plain, indent=2))
        return
    lines = [*_model_lines(plain, verified), *(line for one in found.decisions for line in decision_lines(one)),
             *(_ancestor_line(one) for one in plain["ancestors"])]
    if found.earlier:
        lines.append(f"ancestor    and {found.earlier} before")
    click.echo("\n".join(lines))


def _model_lines(plain: Mapping[str, Any], verified: Verified | None) -> Iterator[str]:
    """What is known of the model itself."""
    model = plain["model"]
    yield f"model       {model['version']}{'' if model['state'] is None else '  ' + model['state']}"
    yield f"digest      {model['digest']}"
    yield f"file        {model['file']}"
    yield f"predicts    {model['target']} from {', '.join(model['features'])}"
    yield f"data        {_listed(plain['data'])}"
    if plain["schema_digest"] is not None:
        yield f"schema      digest {plain['schema_digest']}"
    if verified is not None:
        yield f"verified    {'passed' if verified.passed else 'failed'}: {verified.summary}"
    if plain["code_commit"] is not None:
        yield f"code        commit {plain['code_commit']}"
    if plain["pipeline_run"] is not None:
        yield f"pipeline    run {plain['pipeline_run']}"
    for name in ("parameters", "environment", "feedback", "retraining", "unlearned", "recorded"):
        if plain[name]:
            facts = dict(plain[name])
            reasons = facts.pop("reasons", [])
            if "digests" in facts:  # of sets of rows, in the card
                facts["digests"] = len(facts["digests"])
            yield f"{name:<11} {_listed(facts)}"
            yield from (f"            {reason}" for reason in reasons)
    for name, errors in (plain["metrics"] or {}).items():
        yield f"metrics     {name}: {_listed(errors)}"


def _ancestor_line(ancestor: Mapping[str, Any]) -> str:
    """An ancestor on one line."""
    since = ancestor["promotion"]
    parts = [ancestor["version"], "" if since is None else f"in use by {since['number']:06d}",
             _listed(ancestor["data"]),
             "" if ancestor["code_commit"] is None else f"commit {ancestor['code_commit'][:12]}",
             ancestor["error"] or ""]
    return f"ancestor    {'; '.join(part for part in parts if part)}"


def _listed(facts: Mapping[str, Any]) -> str:
    """Facts that are known, on one line."""
    return ", ".join(f"{name} {_text(value)}" for name, value in facts.items() if value not in (None, [], {}, ""))


def _text(value: Any) -> str:
    """A value for people."""
    if isinstance(value, list):
        return " + ".join(map(_text, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
