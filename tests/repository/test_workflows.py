"""Rules for the workflows that actionlint and zizmor do not check."""

import re
from pathlib import Path

import pytest

from tests import ROOT

FOLDER = ROOT / ".github" / "workflows"
IDS = ["service.yml", "tests.yml"]
WORKFLOWS = [FOLDER / name for name in IDS]


def test_all_workflows_are_tested() -> None:
    """A new one must be added to the list above."""
    assert WORKFLOWS == sorted(FOLDER.iterdir())


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_workflows_call_only_make_targets(path: Path) -> None:
    """So that every step can be run on any machine."""
    steps = re.findall(r"^\s*(?:- )?run: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert steps
    assert [] == [step for step in steps if not re.fullmatch(r"make [a-z -]+", step)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_actions_are_pinned_by_hash_with_their_version(path: Path) -> None:
    """A tag can be moved, a commit cannot; readers and Dependabot need the version."""
    uses = re.findall(r"uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    pinned = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\$/\.github/workflows/\w+\.yml")

    assert uses
    assert [] == [action for action in uses if not pinned.fullmatch(action)]


def test_one_action_has_one_pin() -> None:
    """Two pins of an action mean that one was not updated."""
    pins = {pin for path in WORKFLOWS for pin in re.findall(r"uses: (\S+)@(\w+)", path.read_text(encoding="utf-8"))}

    assert pins
    assert len(pins) == len({name for name, _ in pins})


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_each_job_may_only_read_the_repository(path: Path) -> None:
    """No permissions by default; each job declares its own."""
    text = path.read_text(encoding="utf-8")
    jobs = re.findall(r"^  [\w-]+:\n(?:    .*\n|\n)+", text[text.index("\njobs:"):], re.MULTILINE)

    assert "\npermissions: {}\n" in text
    assert len(jobs) >= 3
    assert [] == [job for job in jobs if "    permissions:\n      contents: read\n" not in job]


def test_the_deployment_sets_the_image_and_nothing_else() -> None:
    """Terraform owns all else, so that a plan after a deployment is empty and the service stays authenticated."""
    script = (ROOT / "scripts" / "deploy_service.sh").read_text(encoding="utf-8")
    (update,) = re.findall(r"^gcloud run services update .*$", script, re.MULTILINE)

    assert {"--container", "--image"} == set(re.findall(r"--[\w-]+", update))
    assert {"--project", "--region", "--quiet"} == set(re.findall(r"--[\w-]+", re.findall(r"common=.*", script)[0]))
    assert "allow-unauthenticated" not in script
    assert not re.search(r"gcloud run (deploy|services (replace|add-iam))", script)
