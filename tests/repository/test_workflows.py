"""The workflows: planted faults are found, and every target that they call runs here or says why not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from scripts.check_workflows import targets
from tests import ROOT

FOLDER = ROOT / ".github" / "workflows"
DIGEST = "sha256:" + "0" * 64
PYTHON_BIN = Path(sys.executable).parent


class Fault(NamedTuple):
    """A replacement in one file, the linter that must find it, and what it must say."""

    name: str
    file: str
    old: str
    new: str
    linter: str
    message: str


CHECKOUT = "actions/checkout@df4cb1c069e1874edd31b4311f1884172cec0e10 # v6.0.3"
FAULTS = [
    Fault("an action without a hash", "build.yml", CHECKOUT, "actions/checkout@v6.0.3", "rules",
          "build.yml: actions/checkout@v6.0.3 is not pinned"),
    Fault("an action without a hash, for zizmor", "deploy.yml", CHECKOUT, "actions/checkout@v6.0.3", "zizmor",
          "unpinned-uses"),
    Fault("a second pin of an action", "plan.yml", CHECKOUT, CHECKOUT.replace("df4cb1", "df4cb2"), "rules",
          "actions/checkout has another pin"),
    Fault("a target that does not exist", "scheduled.yml", "run: make jobs-check", "run: make job-check", "rules",
          "scheduled.yml: the make target job-check does not exist"),
    Fault("a target whose prerequisite does not exist", "../../Makefile", "\nimage-sbom: engine sbom ##",
          "\nimage-sbom: engine sboom ##", "rules", "No rule to make target 'sboom'"),
    Fault("a command outside make", "release.yml", "run: make github-release", "run: gh release create v1", "rules",
          "'run: gh release create v1' is not a call of make targets"),
    Fault("a wildcard permission", "release.yml", "permissions: {}", "permissions: write-all", "rules",
          "release.yml: a wildcard permission"),
    Fault("a wildcard permission, for zizmor", "release.yml", "permissions: {}", "permissions: write-all", "zizmor",
          "excessive-permissions"),
    Fault("a job without permissions", "scheduled.yml", "    permissions:\n      contents: read\n    steps",
          "    steps", "rules", "scheduled.yml: the job audit declares no permissions"),
    Fault("an unauthenticated service", "../../scripts/rollout.py", '"--no-traffic"', '"--allow-unauthenticated"',
          "rules", "rollout.py: allow-unauthenticated makes the service unauthenticated"),
    Fault("everyone may invoke", "../../Makefile", "\nservice-promote:", "\n# --member=allUsers\nservice-promote:",
          "rules", "Makefile: allUsers makes the service unauthenticated"),
    Fault("an output that does not exist", "release.yml", "needs.build.outputs.server }}",
          "needs.build.outputs.image }}", "actionlint", 'property "image" is not defined'),
    Fault("an expression in a command", "scheduled.yml", "run: make jobs-check",
          "run: make ${{ github.head_ref }}", "zizmor", "template-injection"),
]
LINTERS = {
    "rules": [sys.executable, str(ROOT / "scripts" / "check_workflows.py"), "."],
    "zizmor": [str(PYTHON_BIN / "zizmor"), "--no-progress", "--offline", "--persona", "auditor", ".github"],
    "actionlint": [str(PYTHON_BIN / "actionlint")],
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy what the linters read."""
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "tests").mkdir()
    for name in ("Makefile", "Pipfile.lock", "setup.cfg", "setup.py", "tests/axe.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


def lint(linter: str, folder: Path) -> tuple[int, str]:
    """Run a linter in a folder."""
    environ = {**os.environ, "VIRTUAL_ENV": str(PYTHON_BIN.parent)}
    done = subprocess.run(LINTERS[linter], cwd=folder, env=environ, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_found(fault: Fault, copy: Path) -> None:
    """And named."""
    path = copy / ".github" / "workflows" / fault.file
    text = path.read_text(encoding="utf-8")
    assert fault.old in text
    path.write_text(text.replace(fault.old, fault.new, 1), encoding="utf-8")
    code, said = lint(fault.linter, copy)

    assert 0 != code and fault.message in said, said


@pytest.mark.parametrize("linter", LINTERS)
def test_the_workflows_have_no_finding(linter: str, copy: Path) -> None:
    """In the copy that the faults are planted into; zizmor says how many it would suppress."""
    code, said = lint(linter, copy)

    assert 0 == code and "suppressed" not in said, said


def test_nothing_is_suppressed() -> None:
    """A comment that turns a linter off needs a reason of some words."""
    for path in FOLDER.iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"zizmor: ignore|actionlint-|yamllint disable", line):
                assert len(line.partition("# ")[2].split()) > 6, f"{path.name}: {line}"
    assert not (ROOT / ".github" / "zizmor.yml").exists() and not (ROOT / ".github" / "actionlint.yaml").exists()


# Targets that only GitHub Actions can run, and what they say elsewhere. All others run on any machine that has the
# tools which CONTRIBUTING.md names; .ci/run and these tests run them.
ELSEWHERE = {
    "audit": "asks the package index",
    "infra-validate": "NOT CHECKED: the google provider cannot be downloaded here",
    "service-sign-in": "NOT RUN: no image",
    "images-push": "NOT RUN: no tag for the server image",
    "images-join": "NOT RUN: no tag or images for server",
    "service-verify": "NOT RUN: IMAGE is '', but must be an image by digest",
    "store-migrate": "NOT RUN: GCP_JOBS is not set",
    "service-candidate": "NOT RUN: GCP_SERVICE is not set",
    "service-share": "NOT RUN: GCP_SERVICE is not set",
    "service-promote": "NOT RUN: CANDIDATE_REVISION is not set",
    "service-roll-back": "NOT RUN: STABLE_REVISION is not set",
    "infra-plan": "NOT RUN: TERRAFORM_BACKEND is not set",
    "infra-drift": "NOT RUN: TERRAFORM_BACKEND is not set",
    "infra-plan-comment": "NOT RUN: PULL_REQUEST is ''",
    "jobs-check": "NOT RUN: GCP_JOBS is not set",
}
CALLED = {target for path in FOLDER.iterdir() for target in targets(path.read_text(encoding="utf-8"))}


def make(target: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a target without the environment of a workflow."""
    environ = {name: value for name, value in os.environ.items()
               if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"} and not name.startswith(("GITHUB_", "GCP_"))}
    environ["VIRTUAL_ENV"] = str(PYTHON_BIN.parent)
    return subprocess.run(["make", target, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True,
                          timeout=60)


@pytest.mark.parametrize("image", ["registry/$(shell touch made)", 'registry/x"; touch made; "',
                                   "registry/`touch made`", "$(shell touch made)/x", "--help/x"])
def test_the_image_of_a_deployment_runs_no_command(tmp_path: Path, image: str) -> None:
    """Whoever may start a deployment would get the rights of its account, before the image is verified."""
    (tmp_path / "gcloud").write_text('#!/bin/sh\necho "$@" >"$(dirname "$0")/called"\n')
    (tmp_path / "gcloud").chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "IMAGE": image, "VIRTUAL_ENV": str(tmp_path)}
    done = subprocess.run(["make", "--file", ROOT / "Makefile", "service-sign-in"], cwd=tmp_path, env=environ,
                          text=True, capture_output=True, timeout=60, check=False)

    assert not (tmp_path / "made").exists(), done.stderr
    called = (tmp_path / "called").read_text() if (tmp_path / "called").exists() else ""
    assert ("auth configure-docker registry --quiet\n" if image.startswith("registry/") else "") == called


def test_tests_that_are_too_slow_for_pull_requests_run_every_morning() -> None:
    """On a real engine; nothing else would run them."""
    called = targets((FOLDER / "scheduled.yml").read_text(encoding="utf-8"))

    assert {"test-system", "test-layers", "pipeline-local", "demo-drift"} <= set(called)


def test_every_called_target_is_explained_or_runs_here() -> None:
    """The list above has no target that no workflow calls."""
    assert set(ELSEWHERE) <= CALLED
    help_texts = dict(re.findall(r"^([a-z][a-z-]*):.* ## (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for target in CALLED - {"setup-ci-dev"}:
        assert ("GitHub Actions" in help_texts[target]) == (target in {*ELSEWHERE, "github-release"}), target


@pytest.mark.parametrize("target", sorted(set(ELSEWHERE) - {"audit", "infra-validate", "images-push"}))
def test_a_target_that_cannot_run_here_says_why_in_one_line(target: str) -> None:
    """And fails, so that no workflow passes without its variables."""
    done = make(target)
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]

    assert 0 != done.returncode
    assert 1 == len(said) and said[0].startswith(ELSEWHERE[target]), said


def test_pushing_without_a_tag_says_so() -> None:
    """The engine that its target needs is not that of this test."""
    done = subprocess.run([str(ROOT / "scripts" / "push_image.sh"), "server", "image", ""], capture_output=True,
                          text=True, timeout=60)

    assert 1 == done.returncode and done.stderr.startswith(ELSEWHERE["images-push"])


def test_deploying_sets_the_image_and_the_traffic_and_nothing_else() -> None:
    """Terraform owns all else, so that a plan after a deployment is empty and the service stays authenticated."""
    allowed = {"--project", "--region", "--quiet", "--container", "--image", "--no-traffic", "--tag", "--to-revisions",
               "--to-latest", "--update-tags", "--remove-tags", "--format", "--wait"}
    for name in ("rollout.py", "deploy_service.sh"):
        script = (ROOT / "scripts" / name).read_text(encoding="utf-8")

        assert set(re.findall(r"(?<=[\s\"(])--[a-z][\w-]+", script)) <= allowed, name
        assert not re.search(r"run.{0,3} (deploy|services (replace|add-iam))", script)


def test_a_deployment_verifies_and_migrates_before_and_rolls_back_after() -> None:
    """The order of the steps is the promise of docs/deployment.md."""
    called = targets((FOLDER / "deploy.yml").read_text(encoding="utf-8"))
    text = (FOLDER / "deploy.yml").read_text(encoding="utf-8")

    assert called[1:] == ["service-sign-in", "service-verify", "store-migrate", "service-candidate", "conformance",
                          "change-certificate", "service-share", "canary", "service-promote", "service-roll-back"]
    assert re.search(r"name: Roll back\n +if: \(failure\(\) \|\| cancelled\(\)\) && ", text)
