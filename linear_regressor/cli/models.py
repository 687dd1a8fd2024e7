"""``linear-regressor models``: versions of a model and the promotions that say which one is in use."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import facts_of, save
from linear_regressor.artefact.history import ModelHistory
from linear_regressor.artefact.lineage import Lineage
from linear_regressor.artefact.model_files import card_beside, is_model_file, load
from linear_regressor.artefact.model_location import location_of
from linear_regressor.artefact.promotion import VERSION, Promotion, Promotions, user_name
from linear_regressor.cli import options
from linear_regressor.cli.output import missing_lines, progress_bar
from linear_regressor.cli.tracked import follow, track_option
from linear_regressor.cli.tracked import open_store as open_mlflow
from linear_regressor.errors import ArtefactError, QualityError, SettingError
from linear_regressor.monitoring.store import open_store
from linear_regressor.monitoring.store.location import StoreLocation
from linear_regressor.output_file import is_stdout

if TYPE_CHECKING:
    from linear_regressor.files.locations import Locations

DEFAULT_MODELS = "models/linear-regressor"

NAMED_VERSION = re.compile("(.+)@([0-9a-f]{12}|champion)", re.DOTALL)


def not_empty(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Reject a reason that says nothing."""
    if value is not None and not value.strip():
        raise click.BadParameter("must not be empty.", context, option)
    return value


models_option = click.option("--models", "location", metavar="FOLDER|URL", default=DEFAULT_MODELS, show_default=True,
                             help="Where the versions and promotions of the model are: a folder, gs://bucket/path or "
                                  "s3://bucket/path.")
by_option = click.option("--by", metavar="NAME", show_default="the user's name", help="Who decides.")


@click.group(invoke_without_command=True)
@click.pass_context
def models(context: click.Context) -> None:
    """List, promote, roll back and fetch the versions of a model.

    A folder or bucket keeps every version of a model and one object for each promotion. The version in use, the
    champion, follows from the promotions. Nothing is ever changed: each object is created once, only if it is absent.
    A server with the folder as its model takes a new champion within two seconds.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@models.command("list")
@models_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_models(location: str, as_json: bool) -> None:
    """Print the versions, the champion, and every promotion with its reasons.

    The exit code is 1 if an object cannot be used.

    \b
    Example:
      linear-regressor models list --models models/linear-regressor
    """
    history = ModelHistory.of(location)
    promotions = history.promotions()
    versions = [_described(version, _loaded(history, version), promotions) for version in history.versions()]
    if as_json:
        click.echo(json.dumps({"models": history.name, "champion": promotions.champion,
                               "challenger": promotions.challenger, "versions": versions,
                               "promotions": [asdict(promotion) for promotion in promotions]}, indent=2))
        return
    click.echo("\n".join([f"champion    {promotions.champion or 'none'}",
                          f"challenger  {promotions.challenger or 'none'}",
                          *map(_version_line, versions), *([] if versions else [
                              f"note        {history.name} has no versions: 'linear-regressor models promote MODEL "
                              f"--models {history.name}' adds one"]),
                          *(line for promotion in promotions for line in decision_lines(promotion))]))


@models.command()
@click.argument("model", metavar="MODEL|VERSION")
@models_option
@options.data()
@options.where
@options.missing_rows
@options.allow_duplicates
@options.store()
@click.option("--verification", metavar="REPORT", type=options.LocalFile(), show_default="that in the model's card",
              help="Report of 'verify --json' on the rows that the model was trained on.")
@click.option("--force", metavar="REASON", callback=not_empty,
              help="Promote although the gate refuses; the reason is recorded.")
@by_option
@click.option("--pipeline-run", metavar="NAME", callback=not_empty,
              help="The run of a pipeline that decides; the card of a new version names it, too.")
@track_option
@click.pass_context
def promote(context: click.Context, model: str, location: str, data: Locations | None, where: str | None,
            missing: str, allow_duplicates: bool, store: StoreLocation | None, verification: Path | None,
            force: str | None, by: str | None, pipeline_run: str | None, track: bool) -> None:
    """Put a model into use, if it is good enough.

    MODEL is a model file, also in a bucket, which becomes a version; VERSION is one that 'models list' prints. The gate
    compares it with the champion on the rows of --data, from which neither may have learned, or else on the feedback in
    --store that neither has seen; without a champion its R2 and its distance from the best line decide. Its training
    rows must have been verified, by 'train --schema' or by a report. The decision and its reasons are recorded, also if
    the champion is kept.

    The exit code is 1 if the champion is kept, or if somebody else promoted a model first; then run it again.

    \b
    Example:
      linear-regressor models promote models/new.joblib --data test.csv
    """
    options.require_data(context, data, ("where", "missing", "allow_duplicates"))
    from linear_regressor.retraining.promotion import UnseenRows, judge, verification_of
    from linear_regressor.retraining.promotion import promote as record
    from linear_regressor.verification.finding import VerificationReport

    report = None if verification is None else VerificationReport.load(verification)
    mlflow, history = open_mlflow(track, location), ModelHistory.of(location)
    challenger, is_file = _model_of(model, history)
    before = history.promotions()
    if before.champion == challenger.digest[:12]:
        follow(mlflow, history)  # as a warning of an earlier promotion advises
        click.echo(f"{before.champion} is in use already")
        return
    champion = None if before.champion is None else history.load(before.champion)
    test = UnseenRows()
    if data is not None:
        test = _test_rows(data, where, missing, allow_duplicates, champion or challenger)
    elif store is not None:
        test = UnseenRows.stored(open_store(store), champion or challenger, challenger,
                                 history.lineage(before, champion or challenger))
    decision = judge(challenger, champion, test, force=force,
                     verification=verification_of(challenger, report, str(verification)))
    by = by or (user_name() if pipeline_run is None else f"pipeline {pipeline_run}")
    if is_file:
        run = {} if pipeline_run is None else {"pipeline_run": pipeline_run}
        history.add(challenger, {**_facts_of(model, challenger), **run, "added_by": by,
                                 "added_at": datetime.now(UTC).isoformat(timespec="seconds")})
    promotion = record(history, before, challenger, decision, by, test.end, test.store)
    follow(mlflow, history)
    if not decision.promote:
        remedy = " Give rows to compare on by --data or --store." if champion and not test.moments else ""
        raise QualityError(f"{promotion.from_version or 'no model'} stays in use. {decision.summary}{remedy}")
    click.echo("\n".join(decision_lines(promotion)))


@models.command()
@models_option
@click.option("--to", metavar="VERSION", show_default="the champion before the present one",
              help="A former champion.")
@click.option("--reason", metavar="TEXT", required=True, callback=not_empty, help="Why; it is recorded.")
@options.store()
@by_option
@track_option
def rollback(location: str, to: str | None, reason: str, store: StoreLocation | None, by: str | None,
             track: bool) -> None:
    """Return to a former champion.

    The gate is not asked. Feedback that was given until the present champion was chosen, or with --store until now, is
    neither tested nor learned from again: it may be the reason for the return.

    The exit code is 1 if the version cannot be used or somebody else was first, and 2 for misuse.

    \b
    Example:
      linear-regressor models rollback --reason 'wrong units in the feedback of May'
    """
    mlflow, history = open_mlflow(track, location), ModelHistory.of(location)
    before = history.promotions()
    target = to or before.previous
    if target is None:
        raise SettingError(f"{history.name} has no champion before the present one to return to")
    if target == before.champion:
        click.echo(f"{target} is in use already")
        return
    if target not in {promotion.champion for promotion in before}:
        raise SettingError(f"--to {target} has never been in use: promote it instead")
    feedback = None if store is None else open_store(store)
    cut, identity = (0, None) if feedback is None else (feedback.cut_blocks(whole=True), feedback.identity)
    promotion = history.promote(before.next("rollback", history.load(target), by=by or user_name(), reasons=[reason],
                                            cut=cut, store=identity))
    follow(mlflow, history)
    click.echo("\n".join(decision_lines(promotion)))


@models.command()
@click.argument("source", metavar="SOURCE[@VERSION]")
@click.argument("path", type=options.LocalFile())
def fetch(source: str, path: Path) -> None:
    """Copy a model to a model file on this machine, with its card.

    SOURCE is the path or URL of a model file, or of a folder of models, whose champion is copied unless @VERSION
    follows. The digest of the model is checked. A server reads models from this machine only: fetch them for it.

    The exit code is 1 if there is no such model or it is damaged.

    \b
    Example:
      linear-regressor models fetch gs://bucket/models/linear-regressor@526641b126b9 model.joblib
    """
    match = NAMED_VERSION.fullmatch(source)
    if match is None and is_model_file(source):
        if isinstance(location := location_of(source), Path) and not location.exists():
            raise ArtefactError(f"{source} does not exist; name a model file, a folder of models, or a version of it, "
                                "such as FOLDER@526641b126b9")
        artefact = load(source)
        facts = facts_of(artefact, card_beside(source, artefact.digest))
    else:
        artefact, facts = _version(*(match.groups() if match else (source, "champion")))
    save(artefact, path, facts)
    click.echo(f"{path}: version {artefact.digest[:12]}, sha256 {artefact.digest}", err=is_stdout(path))


def _version(location: str, version: str) -> tuple[Artefact, dict[str, Any]]:
    """Read a version of a folder of models, with what its card adds."""
    history = ModelHistory.of(location)
    name = history.champion() if version == "champion" else version
    if name is None:
        raise ArtefactError(f"{history.name} has no model in use; name a version, such as "
                            f"FOLDER@526641b126b9; 'linear-regressor models list' prints them")
    return history.load(name), history.facts(name)


def _model_of(model: str, history: ModelHistory) -> tuple[Artefact, bool]:
    """Load a model file or a version; return whether it is a file."""
    if VERSION.fullmatch(model) and not Path(model).exists():
        return history.load(model), False
    return load(model), True


def _facts_of(model: str, artefact: Artefact) -> dict[str, Any]:
    """What the card beside a model file adds to it; nothing if that is of another model or damaged."""
    try:
        return facts_of(artefact, card_beside(model, artefact.digest))
    except ArtefactError:
        return {}


def _test_rows(data: Locations, where: str | None, missing: str, allow_duplicates: bool, order: Artefact) -> Any:
    """Read the rows to compare on."""
    from linear_regressor.data.columns import Columns
    from linear_regressor.data.source import Source
    from linear_regressor.retraining.promotion import UnseenRows

    columns = Columns(order.features, order.target, where, steps=order.cleaning, drop_missing=missing == "drop")
    partitions = Source.of(data, columns).partitions()
    with progress_bar(partitions) as report:
        rows = UnseenRows.read(partitions, report, allow_duplicates)
    for line in missing_lines(rows.missing):
        click.echo(line)
    return rows


def _loaded(history: ModelHistory, version: str) -> Artefact | str:
    """Load a version, or return why that is impossible: the others are listed all the same."""
    try:
        return history.load(version)
    except ArtefactError as error:
        return str(error)


def _described(version: str, model: Artefact | str, promotions: Promotions) -> dict[str, Any]:
    """Facts of a version as plain values."""
    found = {"version": version, "state": promotions.state(version)}
    if isinstance(model, str):
        return {**found, "error": model}
    return {**found, "digest": model.digest, "features": list(model.features), "target": model.target,
            "rows": model.moments.n, "feedback": Lineage.of(model).to_card()}


def _version_line(version: dict[str, Any]) -> str:
    """A version on one line."""
    what = version.get("error") or (f"{version['rows']:.0f} rows, {version['target']} from "
                                    f"{', '.join(version['features'])}")
    return f"version     {version['version']}  {version['state'] or '-':<10}  {what}"


def decision_lines(promotion: Promotion) -> list[str]:
    """A promotion, and each of its reasons, on a line of its own."""
    what = f"{promotion.from_version or 'none'} -> {promotion.to_version}"
    forced = [] if promotion.forced is None else [f"forced: {promotion.forced}"]
    return [f"{promotion.action:<10}  {promotion.number:06d}  {_time(promotion.at)}  by {promotion.by}: {what}",
            *(f"            {text}" for text in (*forced, *promotion.reasons))]


def _time(text: str) -> str:
    """Time of a promotion, to the second."""
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
