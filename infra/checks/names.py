"""Names of resources, arguments and attributes, compared with the classes that Pulumi makes from the same provider."""

from __future__ import annotations

import difflib
import importlib
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from infra.checks.configuration import BLOCK, Block, Configuration, Finding, is_block, texts

# Pulumi's name of each resource; a new one needs a line here.
RESOURCES = dict(line.split() for line in """
    google_artifact_registry_repository artifactregistry.Repository
    google_artifact_registry_repository_iam_member artifactregistry.RepositoryIamMember
    google_billing_budget billing.Budget
    google_cloud_run_v2_job cloudrunv2.Job
    google_cloud_run_v2_job_iam_member cloudrunv2.JobIamMember
    google_cloud_run_v2_service cloudrunv2.Service
    google_cloud_run_v2_service_iam_member cloudrunv2.ServiceIamMember
    google_cloud_scheduler_job cloudscheduler.Job
    google_compute_global_address compute.GlobalAddress
    google_compute_network compute.Network
    google_compute_subnetwork compute.Subnetwork
    google_iam_workload_identity_pool iam.WorkloadIdentityPool
    google_iam_workload_identity_pool_provider iam.WorkloadIdentityPoolProvider
    google_monitoring_alert_policy monitoring.AlertPolicy
    google_monitoring_custom_service monitoring.CustomService
    google_monitoring_dashboard monitoring.Dashboard
    google_monitoring_notification_channel monitoring.NotificationChannel
    google_monitoring_slo monitoring.Slo
    google_monitoring_uptime_check_config monitoring.UptimeCheckConfig
    google_project_iam_member projects.IAMMember
    google_project_service projects.Service
    google_secret_manager_secret secretmanager.Secret
    google_secret_manager_secret_iam_member secretmanager.SecretIamMember
    google_secret_manager_secret_version secretmanager.SecretVersion
    google_service_account serviceaccount.Account
    google_service_account_iam_member serviceaccount.IAMMember
    google_service_networking_connection servicenetworking.Connection
    google_sql_database sql.Database
    google_sql_database_instance sql.DatabaseInstance
    google_sql_user sql.User
    google_storage_bucket storage.Bucket
    google_storage_bucket_iam_member storage.BucketIAMMember
""".strip().splitlines())
DATA = {"google_project": ("organizations.get_project", "organizations.GetProjectResult")}
OF_TERRAFORM = {"terraform_data"}
# Terraform's own, in every resource
META = {"count", "for_each", "depends_on", "provider", "lifecycle", "timeouts", BLOCK}
# Pulumi's own
FOREIGN = {"self", "__self__", "resource_name", "opts"}
# where a person finds the name of a class that the table above lacks
HINT = "or add it to the table in infra/checks/names.py"

REFERENCE = re.compile(r"\b(?<![.\w])((?:data\.)?google_\w+)\.(\w+)(?:\[[^\]]*\])?\.(\w+)")


def check(configuration: Configuration) -> Iterator[Finding]:
    """Find unknown and missing names."""
    for block in configuration.blocks:
        if block.kind == "resource" and block.labels[0] not in OF_TERRAFORM:
            yield from _resource(block)
        elif block.kind == "data":
            yield from _data(block)
    for blocks in configuration.folders().values():
        declared = {_address(block) for block in blocks if block.kind in ("resource", "data")}
        for block in blocks:
            yield from _references(block, declared)


def _resource(block: Block) -> Iterator[Finding]:
    name = RESOURCES.get(block.labels[0])
    if name is None:
        suggestion = similar(block.labels[0], RESOURCES)
        yield Finding(block.place, f"the resource {block.labels[0]} is unknown{suggestion} ({HINT})")
        return
    arguments = {key: value for key, value in block.body.items() if key not in META}
    yield from _arguments(block.place, arguments, _pulumi(f"{name}Args"))


def _data(block: Block) -> Iterator[Finding]:
    if block.labels[0] not in DATA:
        suggestion = similar(block.labels[0], DATA)
        yield Finding(block.place, f"the data source {block.labels[0]} is unknown{suggestion} ({HINT})")
        return
    known = set(inspect.signature(_pulumi(DATA[block.labels[0]][0])).parameters)
    for key in block.body.keys() - known - META:
        yield Finding(block.place, f"the argument {key} is unknown{similar(key, known)}")


def _arguments(place: str, body: Mapping[str, Any], cls: Any) -> Iterator[Finding]:
    known = _parameters(cls)
    given: set[str] = set()
    for key, value in _with_dynamic(body):
        name = next((one for one in _plurals(key) if one in known), None)
        if name is None:
            yield Finding(place, f"the argument {key} is unknown{similar(key, known)}")
            continue
        given.add(name)
        inner = re.search(r"(\w+Args)\b", str(known[name].annotation))
        if inner is None and is_block(value):
            yield Finding(place, f"{key} is an argument, not a block: write {key} =")
        elif inner is not None and not is_block(value):
            yield Finding(place, f"{key} is a block, not an argument: write {key} {{")
        elif inner is not None:
            nested_class = getattr(importlib.import_module(cls.__module__), inner[1])
            for part in value:
                yield from _arguments(f"{place}.{key}", part, nested_class)
    for name, one in known.items():
        if one.default is inspect.Parameter.empty and name not in given:
            yield Finding(place, f"the argument {name} is missing")


@cache
def _parameters(cls: Any) -> dict[str, inspect.Parameter]:
    return {name: one for name, one in inspect.signature(cls.__init__).parameters.items() if name not in FOREIGN}


def _with_dynamic(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Iterate over arguments and blocks; a dynamic block counts as a block of its name."""
    for key, value in body.items():
        if key == "dynamic":
            for dynamic in value:
                for name, definition in dynamic.items():
                    if name != BLOCK:
                        yield name, definition["content"]
        elif key != BLOCK:
            yield key, value


def _references(block: Block, declared: set[str]) -> Iterator[Finding]:
    for text in texts(block.body):
        for kind, name, attribute in REFERENCE.findall(text):
            if f"{kind}.{name}" not in declared:
                yield Finding(block.place, f"{kind}.{name} is not declared{similar(f'{kind}.{name}', declared)}")
                continue
            known = _attributes(kind)
            if attribute not in known and not any(one in known for one in _plurals(attribute)):
                yield Finding(block.place, f"{kind} has no attribute {attribute}{similar(attribute, known)}")


@cache
def _attributes(kind: str) -> set[str]:
    """Return what can be read of a resource or data source."""
    if kind.startswith("data."):
        cls = _pulumi(DATA[kind.removeprefix("data.")][1])
    else:
        cls = _pulumi(RESOURCES[kind])
    return {name for name, value in inspect.getmembers(cls) if isinstance(value, property)} | {"id"}


def _address(block: Block) -> str:
    return ".".join((*(("data",) if block.kind == "data" else ()), *block.labels))


def _pulumi(name: str) -> Any:
    module, _, cls = name.partition(".")
    return getattr(importlib.import_module(f"pulumi_gcp.{module}"), cls)


def _plurals(name: str) -> tuple[str, ...]:
    """Pulumi names a repeated block in the plural."""
    return (name, f"{name}s", f"{name}es", re.sub("y$", "ies", name))


def similar(name: str, known: Iterable[str]) -> str:
    """Suggest the name that was meant."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""
