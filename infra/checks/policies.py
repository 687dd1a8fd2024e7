"""Policies that Checkov does not have: who may reach what, probes, and one owner per attribute."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from infra.checks.configuration import Block, Configuration, Finding, nested, texts

EVERYONE = ("allUsers", "allAuthenticatedUsers")
BASIC_ROLES = {"roles/owner", "roles/editor", "roles/viewer"}
# The deploy workflow owns image and traffic, and gcloud writes who called last: a plan must ignore them (ADR 0030).
OWNED_BY_DEPLOYMENT = {
    "google_cloud_run_v2_service": ("template[0].containers[0].image", "template[0].revision", "traffic", "client",
                                    "client_version"),
    "google_cloud_run_v2_job": ("template[0].template[0].containers[0].image", "client", "client_version"),
}
REASON = 20  # characters, at least


def check(configuration: Configuration) -> Iterator[Finding]:
    """Find what breaks a policy."""
    for block in configuration.blocks:
        if block.kind != "variable":  # a variable's validation names what it refuses
            yield from _members(block)
            yield from _roles(block)
    for block in configuration.of("resource"):
        yield from _authoritative(block)
        yield from _long_lived(block)
    for kind, attributes in OWNED_BY_DEPLOYMENT.items():
        for block in configuration.of("resource", kind):
            yield from _owned(block, attributes)
    for kind, policy in POLICIES.items():
        for block in configuration.of("resource", kind):
            yield from policy(block)
    for block in configuration.of("terraform"):
        yield from _pins(block)
    yield from _suppressions(configuration)


def _members(block: Block) -> Iterator[Finding]:
    for text in texts(block.body):
        for everyone in EVERYONE:
            if everyone in text:
                yield Finding(block.place, f"{everyone} is everyone: no resource may be public or unauthenticated")


def _roles(block: Block) -> Iterator[Finding]:
    for text in texts(block.body):
        for role in re.findall(r"roles/[\w.*]+", text):
            if role in BASIC_ROLES or re.search(r"\*|[aA]dmin\b", role):
                yield Finding(block.place, f"{role} is a wildcard role: grant what is needed, on one resource")
    permissions = [one for text in block.body.get("permissions", []) for one in texts(text) if "*" in one]
    for permission in permissions:
        yield Finding(block.place, f"the permission {permission} is a wildcard: name each one")


def _authoritative(block: Block) -> Iterator[Finding]:
    if re.search(r"_iam_(binding|policy)$", block.labels[0]):
        yield Finding(block.place, "replaces what others granted: use _iam_member")


def _long_lived(block: Block) -> Iterator[Finding]:
    if block.labels[0] == "google_service_account_key" or "password" in block.body:
        yield Finding(block.place, "a key or password would be in the state file: use federation or IAM")


def _owned(block: Block, attributes: tuple[str, ...]) -> Iterator[Finding]:
    ignored = {re.sub(r"^\$\{(.*)\}$", r"\1", one) for lifecycle in nested(block.body, "lifecycle")
               for one in lifecycle.get("ignore_changes", [])}
    for attribute in attributes:
        if attribute not in ignored:
            yield Finding(block.place, f"a plan after a deployment would change {attribute}: add it to ignore_changes")
    for attribute in sorted(ignored - set(attributes)):
        yield Finding(block.place, f"{attribute} has no owner: neither Terraform nor the deploy workflow sets it")
    for template in nested(block.body, "template"):
        inner = nested(template, "template") or [template]
        if "service_account" not in inner[0]:
            yield Finding(block.place, "runs as the default account of the project: set service_account")
        for container in nested(inner[0], "containers"):
            if not any("limits" in one for one in nested(container, "resources")):
                yield Finding(block.place, f"the container {container.get('name')} has no limits: it would be billed "
                              "one vCPU and 512 MiB")


def _service(block: Block) -> Iterator[Finding]:
    if block.body.get("invoker_iam_disabled") not in (None, False, "false"):
        yield Finding(block.place, "invoker_iam_disabled makes the service unauthenticated: remove it")
    if "traffic" in block.body:
        yield Finding(block.place, "traffic belongs to the deploy workflow: remove it")
    (template,) = nested(block.body, "template")
    server = nested(template, "containers")[0]
    for probe in ("startup", "liveness"):
        found: list[dict[str, Any]] = nested(server, f"{probe}_probe")
        if not found:
            yield Finding(block.place, f"the server has no {probe} probe")
        for one in found:
            for request in nested(one, "http_get"):
                if f"local.{probe}.path" not in str(request.get("path")):
                    yield Finding(block.place, f"the {probe} probe requests another path than service.json names")
    if "var.shared.port" not in str([port.get("container_port") for port in nested(server, "ports")]):
        yield Finding(block.place, "the port is not the one in service.json")


def _bucket(block: Block) -> Iterator[Finding]:
    if block.body.get("public_access_prevention") != "enforced":
        yield Finding(block.place, "the bucket could become public: public_access_prevention must be enforced")
    if block.body.get("uniform_bucket_level_access") is not True:
        yield Finding(block.place, "single objects could become public: uniform_bucket_level_access must be true")
    if [one.get("enabled") for one in nested(block.body, "versioning")] != [True]:
        yield Finding(block.place, "what is overwritten is lost: versioning must be enabled")


def _database(block: Block) -> Iterator[Finding]:
    (settings,) = nested(block.body, "settings")
    if [one.get("ipv4_enabled") for one in nested(settings, "ip_configuration")] != [False]:
        yield Finding(block.place, "the database has a public address: ipv4_enabled must be false")
    backups = nested(settings, "backup_configuration")
    if [(one.get("enabled"), one.get("point_in_time_recovery_enabled")) for one in backups] != [(True, True)]:
        yield Finding(block.place, "the database has no backups with point-in-time recovery")
    flags = {flag.get("name"): flag.get("value") for flag in nested(settings, "database_flags")}
    if flags.get("cloudsql.iam_authentication") != "on":
        yield Finding(block.place, "the database does not accept logins by IAM")
    if block.body.get("deletion_protection") is not True:
        yield Finding(block.place, "the database can be deleted: deletion_protection must be true")


def _federation(block: Block) -> Iterator[Finding]:
    condition = str(block.body.get("attribute_condition", ""))
    for claim in ("assertion.repository_id ==", "assertion.ref ==", "assertion.sub =="):
        if claim not in condition:
            yield Finding(block.place, f"others on GitHub could sign in: the condition lacks {claim[:-3]}")


def _pins(block: Block) -> Iterator[Finding]:
    for providers in nested(block.body, "required_providers"):
        for name, provider in providers.items():
            if isinstance(provider, dict) and not re.fullmatch(r"\d+\.\d+\.\d+", str(provider.get("version"))):
                yield Finding(block.place, f"the version of the provider {name} is not pinned")


POLICIES: dict[str, Callable[[Block], Iterator[Finding]]] = {
    "google_cloud_run_v2_service": _service,
    "google_iam_workload_identity_pool_provider": _federation,
    "google_sql_database_instance": _database,
    "google_storage_bucket": _bucket,
}


def _suppressions(configuration: Configuration) -> Iterator[Finding]:
    for path in configuration.files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            suppressed = re.search(r"(?:checkov|bridgecrew):skip=(\w*)(?::(.*))?|tfsec:|trivy:", line)
            if suppressed and len((suppressed[2] or "").strip()) < REASON:
                yield Finding(f"{path.relative_to(configuration.root)}:{number}",
                              f"the suppression of {suppressed[1] or 'a finding'} has no reason")
