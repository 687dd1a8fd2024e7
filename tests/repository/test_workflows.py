"""Rules for the workflows that their linters do not know."""

import re
from pathlib import Path

import pytest

WORKFLOWS = sorted((Path(__file__).resolve().parents[2] / ".github/workflows").glob("*.yml"))
IDS = [path.name for path in WORKFLOWS]


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_workflows_call_only_make_targets(path: Path) -> None:
    """What GitHub runs can be run on any machine, so the two cannot differ."""
    steps = re.findall(r"^\s*(?:- )?run: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)

    assert [] == [step for step in steps if not re.fullmatch(r"make [a-z -]+", step)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_actions_are_pinned_by_hash_and_say_their_version(path: Path) -> None:
    """A tag can be moved, a commit cannot; the version is for the reader and for Dependabot."""
    uses = re.findall(r"uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    pinned = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\$/\.github/workflows/\w+\.yml")

    assert [] == [action for action in uses if not pinned.fullmatch(action)]


def test_one_action_has_one_pin() -> None:
    """Two versions of an action would be a forgotten update."""
    pins = {found for path in WORKFLOWS for found in re.findall(r"uses: (\S+)@(\w+)", path.read_text(encoding="utf-8"))}

    assert len(pins) == len({name for name, _ in pins})


@pytest.mark.parametrize("path", WORKFLOWS, ids=IDS)
def test_permissions_are_granted_job_by_job(path: Path) -> None:
    """Nothing by default; each job says what it needs and never more than to read the repository."""
    text = path.read_text(encoding="utf-8")
    jobs = re.findall(r"^  [\w-]+:\n(?:    .*\n|\n)+", text[text.index("\njobs:"):], re.MULTILINE)

    assert "\npermissions: {}\n" in text
    assert len(jobs) >= 3
    assert [] == [job for job in jobs if "    permissions:\n      contents: read\n" not in job]


def test_the_service_is_never_public() -> None:
    """Deployed behind the platform's authentication, as its smoke test proves by its token."""
    script = (WORKFLOWS[0].parent.parent.parent / "scripts/deploy_service.sh").read_text(encoding="utf-8")

    assert "--no-allow-unauthenticated" in script
    assert not re.search(r"(?<!no-)allow-unauthenticated", script)
