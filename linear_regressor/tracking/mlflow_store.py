"""``MlflowStore``: runs, models and the aliases ``champion`` and ``challenger`` in MLflow."""

from __future__ import annotations

import json
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from linear_regressor.artefact.artefact import Artefact
from linear_regressor.artefact.file import content_of, parse_file
from linear_regressor.artefact.model_location import BucketUrl, location_of
from linear_regressor.artefact.plain_values import digest_of, moments_to_plain
from linear_regressor.errors import LinearRegressorError, SettingError, TrackingError
from linear_regressor.output_file import is_stream, locked
from linear_regressor.temporary_files import temporary_folder
from linear_regressor.tracking.run import Run

# MLflow reads these when it is imported or when it connects; whoever has set them knows better. Without limits it tries
# an unreachable server for minutes, and by default it reports its use to its makers.
DEFAULTS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
            "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
EXPERIMENT = "linear-regressor"
DATABASE, ARTEFACTS = "mlflow.db", "mlflow-artefacts"
MODEL_FILE = "model.joblib"
VERIFICATION_FILE = "verification.json"
# Names that MLflow has limits for.
MOST_LOSSES, LONGEST_PARAMETER, LONGEST_DIGEST = 990, 6000, 36
REGISTERED = re.compile(r"models:/(?P<name>[^/@:]+)(@(?P<alias>[^/@:]+)|/(?P<version>\d+))")
CREDENTIALS = re.compile(r"(?<=://)[^/]*@")


class MlflowStore:
    """A tracking server, or a SQLite store in a local folder."""

    def __init__(self, uri: str, folder: Path | None) -> None:
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
        with warnings.catch_warnings(action="ignore"):  # those of MLflow's own modules, which nobody here can act on
            import mlflow.artifacts
            import mlflow.pyfunc

            self._mlflow: Any = mlflow
        self.uri, self._folder = uri, folder
        for logger in ("mlflow", "alembic", "urllib3"):  # progress and retries; an error is raised, too
            logging.getLogger(logger).setLevel(logging.ERROR)

    @classmethod
    def beside(cls, location: str) -> MlflowStore:
        """Open the server of MLFLOW_TRACKING_URI, or else the SQLite store beside a model file or folder of models."""
        if uri := os.environ.get("MLFLOW_TRACKING_URI", "").strip():
            return cls(uri, None)
        place = location_of(location)
        if isinstance(place, BucketUrl) or is_stream(place):
            raise SettingError(f"{location} has no folder beside it for MLflow's SQLite store: set MLFLOW_TRACKING_URI "
                               f"to the address of an MLflow server")
        folder = Path(os.path.abspath(place)).parent
        return cls(f"sqlite:///{folder / DATABASE}", folder)

    @property
    def name(self) -> str:
        """Its address without credentials."""
        return CREDENTIALS.sub("***@", self.uri)

    def log(self, run: Run, report: Sequence[Path] = ()) -> str:
        """Log a run with its model and the files of its report, and return MLflow's id of it."""
        with self._opened():
            return self._log(run, report)[0]

    def follow(self, models: str, aliases: Mapping[str, Run | None]) -> None:
        """Point each alias to the model of a run, or remove it; models that are missing are logged and registered.

        The registered model has the name of the folder of models.
        """
        name = registered_name(models)
        with self._opened():
            client = self._client()
            self._register(name)
            current = client.get_registered_model(name).aliases
            for alias, run in aliases.items():
                if run is not None:
                    client.set_registered_model_alias(name, alias, self._registered(name, run))
                elif alias in current:
                    client.delete_registered_model_alias(name, alias)

    def fetch(self, address: str) -> tuple[Artefact, dict[str, Any]]:
        """Read a registered model such as ``models:/linear-regressor@champion``, with the facts for its card."""
        match = REGISTERED.fullmatch(address)
        if match is None:
            raise SettingError(f"'{address}' must be models:/NAME@ALIAS or models:/NAME/VERSION, such as "
                               f"models:/linear-regressor@champion")
        if self._folder is not None and not (self._folder / DATABASE).is_file():
            raise TrackingError(f"there is no MLflow store {self._folder / DATABASE}: name the folder of models by "
                                f"--models, or a server by MLFLOW_TRACKING_URI")
        with self._opened(), temporary_folder() as folder:
            client = self._client()
            found = (client.get_model_version_by_alias(match["name"], match["alias"]) if match["alias"] else
                     client.get_model_version(match["name"], match["version"]))
            path = self._mlflow.artifacts.download_artifacts(
                artifact_uri=f"models:/{found.name}/{found.version}/data/{MODEL_FILE}", dst_path=str(folder),
                tracking_uri=self.uri)
            artefact = parse_file(address, Path(path).read_bytes())
        if found.tags.get("sha256", artefact.digest) != artefact.digest:
            raise TrackingError(f"{address} is not the model that was registered: its digest is {artefact.digest}")
        return artefact, {"registry": {"name": found.name, "version": str(found.version), "run": found.run_id}}

    def _client(self) -> Any:
        """MLflow's client of this store."""
        return self._mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """Let one process at a time use a SQLite store, whose migrations cannot run twice, and name every failure."""
        folder = self._folder
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            with nullcontext() if folder is None else locked(folder / DATABASE), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # as above
                self._mlflow.set_tracking_uri(self.uri)
                self._mlflow.set_registry_uri(self.uri)
                yield
        except LinearRegressorError:
            raise
        except Exception as error:  # MLflow passes on those of databases, HTTP clients and storage libraries
            reason = CREDENTIALS.sub("***@", str(error).replace(self.uri, self.name).partition("\n")[0])
            raise TrackingError(f"cannot use MLflow at {self.name}: {reason}") from error

    def _experiment(self) -> str:
        """Id of the experiment, which is made if it is missing."""
        client = self._client()
        if (found := client.get_experiment_by_name(EXPERIMENT)) is not None:
            return str(found.experiment_id)
        place = None if self._folder is None else (self._folder / ARTEFACTS).as_uri()
        return str(client.create_experiment(EXPERIMENT, artifact_location=place))

    def _log(self, run: Run, report: Sequence[Path]) -> tuple[str, str]:
        """Log a run; return its id and the address of its model."""
        client, started = self._client(), int(run.started.timestamp() * 1000)
        tags = {"mlflow.runName": f"{run.command} {run.id[:8]}", "sha256": run.artefact.digest, "run": run.id,
                "model": run.model, **{name: json.dumps(value) for name, value in run.facts.items()}}
        if run.verified:
            tags["verification"] = json.dumps(run.verified)
        known = client.create_run(self._experiment(), start_time=started, tags=tags)
        with self._mlflow.start_run(run_id=known.info.run_id) as active:
            id = str(active.info.run_id)
            self._log_values(id, run, started)
            for file in report:
                client.log_artifact(id, str(file), "report")
            if run.verification is not None:
                client.log_dict(id, dict(run.verification), VERIFICATION_FILE)
            address = self._log_model(run)
            client.set_tag(id, "model_uri", address)
        return id, address

    def _log_values(self, id: str, run: Run, started: int) -> None:
        """Log parameters, metrics, losses and the data set."""
        from mlflow.entities import DatasetInput, Metric, Param

        client, (steps, losses) = self._client(), run.thinned_losses(MOST_LOSSES)
        client.log_batch(id, params=[Param(name, str(value)[:LONGEST_PARAMETER])
                                     for name, value in run.parameters.items()])
        client.log_batch(id, metrics=[Metric(name, value, started, 0) for name, value in run.metrics.items()])
        client.log_batch(id, metrics=[Metric("loss", loss, started, step)
                                      for step, loss in zip(steps, losses, strict=True)])
        client.log_inputs(id, datasets=[DatasetInput(_data_set(run))])

    def _log_model(self, run: Run) -> str:
        """Log the model file with this package, so that it can be loaded where neither is installed."""
        import numpy as np
        import pandas as pd
        from mlflow.models import infer_signature

        import linear_regressor

        artefact, environment = run.artefact, run.artefact.card.get("environment", {})
        # The means of the training rows: a row itself could be a person's.
        means = artefact.row_cleaning.sent(artefact.moments.x_mean[np.newaxis])
        example = pd.DataFrame(means.tolist(), columns=list(artefact.features))
        with temporary_folder() as folder:
            path = folder / MODEL_FILE
            path.write_bytes(content_of(artefact))
            info = self._mlflow.pyfunc.log_model(
                name="model", loader_module="linear_regressor.tracking.pyfunc", data_path=str(path),
                code_paths=[str(Path(str(linear_regressor.__file__)).parent)], input_example=example,
                signature=infer_signature(example, np.zeros(1)), metadata={"sha256": artefact.digest},
                pip_requirements=[f"numpy>={environment.get('numpy', '2.1')}", "pandas"])
        return str(info.model_uri)

    def _register(self, name: str) -> None:
        """Make the registered model, unless there is one: to look first would leave another process time to make it."""
        from mlflow.exceptions import MlflowException

        try:
            self._client().create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _registered(self, name: str, run: Run) -> str:
        """Version of a model in the registry; it is registered if it is missing, from the run that trained it."""
        client, chosen = self._client(), f"tags.sha256 = '{run.artefact.digest}'"
        for version in client.search_model_versions(chosen):
            if version.name == name:
                return str(version.version)
        runs = [one for one in client.search_runs([self._experiment()], chosen) if "model_uri" in one.data.tags]
        id, address = (runs[0].info.run_id, runs[0].data.tags["model_uri"]) if runs else self._log(run, ())
        made = client.create_model_version(name, address, run_id=id, model_id=address.rpartition("/")[2],
                                           tags={"sha256": run.artefact.digest})
        return str(made.version)


def _data_set(run: Run) -> Any:
    """The data set of a run, named by its content; without a digest in the card, by the moments of its rows."""
    from mlflow.entities import Dataset

    facts = {**run.artefact.card.get("data", {}), "features": list(run.artefact.features)}
    if "digest" in facts:  # it is of training and test rows
        facts["rows"] += int(run.metrics.get("test.rows", 0))
    digest = str(facts.get("digest") or digest_of(moments_to_plain(run.artefact.moments)))[:LONGEST_DIGEST]
    kind = "local" if "://" not in run.data else run.data.split(":")[0]
    return Dataset(Path(run.data).name or run.data, digest, kind, json.dumps({"uri": run.data}),
                   profile=json.dumps(facts))


def registered_name(models: str) -> str:
    """Name of the registered model: that of the folder of models."""
    name = (models.partition("://")[2] if "://" in models else os.path.abspath(models)).rstrip("/").rpartition("/")[2]
    if not name or set(name) & set(":@"):
        raise SettingError(f"the folder of models {models} cannot name a registered model: rename it, without : and @")
    return name
