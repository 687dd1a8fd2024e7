"""``linear-regressor monitor``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from linear_regressor.cli import options
from linear_regressor.cli.options import LocalFile, finite
from linear_regressor.serving.settings import DEFAULT_MODEL_PATH

if TYPE_CHECKING:
    from linear_regressor.artefact.artefact import Artefact
    from linear_regressor.artefact.lineage import Lineage
    from linear_regressor.artefact.model_location import ModelLocation
    from linear_regressor.artefact.promotion import Promotions
    from linear_regressor.artefact.provenance import Provenance
    from linear_regressor.monitoring.report import MonitoringReport
    from linear_regressor.monitoring.store.location import StoreLocation

DRIFT = 3
PRINTED = Path("-")


class Since(click.ParamType[int | datetime]):
    """A serial number or a time; a time without a zone is UTC."""

    name = "serial or time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | datetime:
        """Convert the text of an option."""
        text = str(value)
        try:
            if text.isdecimal():
                return int(text)
            time = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"'{value}' must be a serial number or a time, such as 12001 or 2026-11-26T10:00.", param, ctx)
        return time if time.tzinfo else time.replace(tzinfo=UTC)


@click.command()
@click.option("--model-path", default=DEFAULT_MODEL_PATH, show_default=True,
              metavar="PATH|URL",
              help="Model file, or a folder of a model's versions, whose model in use is monitored; also in a bucket.")
@click.option("--model", metavar="VERSION|FILE", show_default="the one in use",
              help="Another model: a version in the folder, or a file.")
@options.store()
@click.option("--traffic", type=click.Path(path_type=Path), show_default="none",
              help="Record of traffic: the response of /v1/monitoring/traffic, or the server's TRAFFIC_FOLDER.")
@click.option("--since", metavar="SERIAL|TIME", type=Since(), show_default="all that the model has not seen",
              help="Leave out earlier feedback and, with a time, earlier traffic.")
@click.option("--alpha", metavar="FLOAT", type=click.FloatRange(0, 1, min_open=True, max_open=True), callback=finite,
              default=0.05, show_default=True,
              help="Probability of a false alarm, however often anyone looks: of line and intervals together, and once "
                   "more of the inputs. A caller is tested at this probability by each look on its own.")
@click.option("--json", "json_path", type=LocalFile(), show_default="none",
              help="File to write the report to as JSON; - prints it instead of the table.")
@click.option("--html", "html_path", type=LocalFile(), show_default="none",
              help="File to write the report to as a page.")
@click.pass_context
def monitor(context: click.Context, model_path: str, model: str | None, store: StoreLocation | None,
            traffic: Path | None, since: int | datetime | None, alpha: float, json_path: Path | None,
            html_path: Path | None) -> None:
    """Find changes in the inputs and in the errors of a model.

    Tests the feedback in --store that the model has not seen: whether its line still holds, whether its intervals do,
    and whether a caller contradicts all others. Tests the traffic in --traffic: whether means, correlations and
    distributions of the features have changed. Reads no training rows.

    Prints each test with the size of the change, the evidence and since when it holds. The exit code is 0 without an
    alarm, 3 with one, and 1 if something cannot be read.

    \b
    Example:
      linear-regressor monitor --store sqlite:///feedback.db --traffic traffic.json --html report.html
    """
    # Before NumPy is imported: the tests solve thousands of small systems, which several threads make slower.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from linear_regressor.cli.monitor_text import lines_of
    from linear_regressor.monitoring.alarm_rule import AlarmRule
    from linear_regressor.monitoring.observe import observe, read_traffic
    from linear_regressor.monitoring.store import open_store
    from linear_regressor.output_file import is_stdout

    artefact, lineage, promotions, trace = _chosen(model_path, model)
    outputs = _checked_outputs(json_path, html_path, _read_files(model_path, model, artefact, store, traffic))
    record = None if traffic is None else read_traffic(traffic, artefact.digest)
    report = observe(artefact, lineage, None if store is None else open_store(store), record, AlarmRule(alpha), since,
                     promotions=promotions)
    if json_path is not None or html_path is not None:
        report = report.traced(trace)
    _write(report, json_path, html_path)
    if json_path != PRINTED:
        click.echo("\n".join(lines_of(report)), err=any(map(is_stdout, outputs.values())))
    context.exit(DRIFT if report.drift else 0)


def _chosen(model_path: str, model: str | None) -> tuple[Artefact, Lineage, Promotions, Callable[[], Provenance]]:
    """Read the model that is monitored, what it has seen, and the promotions of its folder; the last one traces it."""
    from linear_regressor.artefact.history import ModelHistory
    from linear_regressor.artefact.lineage import Lineage
    from linear_regressor.artefact.model_files import is_model_file, load
    from linear_regressor.artefact.promotion import VERSION, Promotions
    from linear_regressor.artefact.provenance import Provenance
    from linear_regressor.monitoring.report import LAST_ANCESTORS

    if is_model_file(model_path):
        path = model or model_path
        artefact = load(path)
        return artefact, Lineage.of(artefact), Promotions(), partial(Provenance.of_file, path, artefact)
    history = ModelHistory.of(model_path)
    promotions = history.promotions()
    if model is not None and not VERSION.fullmatch(model):
        artefact = load(model)
        return artefact, Lineage.of(artefact), promotions, partial(Provenance.of_file, model, artefact)
    version = model or promotions.champion
    if version is None:
        raise click.UsageError(f"{model_path} has no model in use: promote one with 'linear-regressor models promote "
                               f"MODEL --models {model_path}', or name a version with --model.")
    artefact = history.load(version)
    in_use = version == promotions.champion
    return (artefact, history.lineage(promotions, artefact) if in_use else Lineage.of(artefact), promotions,
            partial(Provenance.of_version, history, promotions, artefact, LAST_ANCESTORS))


def _read_files(model_path: str, model: str | None, artefact: Artefact, store: StoreLocation | None,
                traffic: Path | None) -> dict[ModelLocation, str]:
    """The files that are read, by what they are; a place in which there is no file does no harm."""
    from linear_regressor.artefact.file import MODEL
    from linear_regressor.artefact.model_location import location_of

    version = f"{model_path.rstrip('/')}/{artefact.digest[:12]}/{MODEL}"
    files = {location_of(path): "the model" for path in (model_path, version, model or model_path)}
    if store is not None and store.kind == "sqlite":
        files[Path(store.address)] = "the store"
    if traffic is not None:
        files[traffic] = "the record of traffic"
    return files


def _checked_outputs(json_path: Path | None, html_path: Path | None,
                     files: Mapping[ModelLocation, str]) -> dict[str, Path]:
    """The files to write, by their options; none may replace a file that is read, or the other one."""
    from linear_regressor.cli.output import require_different

    outputs = {option: path for option, path in (("--json", json_path), ("--html", html_path)) if path is not None}
    if json_path == PRINTED:
        outputs["--json"] = Path("/dev/stdout")
    require_different(outputs, files)
    if len(outputs) == 2:
        require_different({"--html": outputs["--html"]}, {outputs["--json"]: "the file of --json"})
    return outputs


def _write(report: MonitoringReport, json_path: Path | None, html_path: Path | None) -> None:
    """Write the files that are asked for."""
    from linear_regressor.output_file import write_file

    if json_path is not None:
        content = json.dumps(report.to_plain(), indent=1, allow_nan=False)
        if json_path == PRINTED:
            click.echo(content)
        else:
            write_file(json_path, lambda file: file.write(content.encode() + b"\n"))
    if html_path is not None:
        from linear_regressor.page.monitoring_report import monitoring_file

        page = monitoring_file(report.to_plain())
        write_file(html_path, lambda file: file.write(page))
