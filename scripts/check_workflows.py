"""Rules for the workflows that actionlint and zizmor do not have: ``check_workflows.py [REPOSITORY]``.

Every step is a make target that exists, permissions are declared job by job, actions are pinned with their version, one
pin an action, and nothing that a workflow runs makes the service public. Any finding is exit code 1.
"""

from __future__ import annotations

import re
import subprocess  # nosec B404  # starts only make
import sys
from collections.abc import Iterator
from pathlib import Path

PINNED = re.compile(r"[\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\$/\.github/workflows/\w+\.yml")
UNAUTHENTICATED = re.compile(r"(?<!no-)allow-unauthenticated|no-invoker-iam-check|allUsers|allAuthenticatedUsers")


def targets(text: str) -> list[str]:
    """Return the make targets that a workflow calls."""
    return [word for step in re.findall(r"^\s*(?:- )?run: make (.*)$", text, re.MULTILINE) for word in step.split()]


def check_text(name: str, text: str, declared: set[str]) -> Iterator[str]:
    """Find what is wrong in one workflow."""
    for step in re.findall(r"^\s*(?:- )?run: (.*)$", text, re.MULTILINE):
        if not re.fullmatch(r"make [a-z -]+", step):
            yield f"{name}: 'run: {step}' is not a call of make targets: put the commands into a target"
    for target in targets(text):
        if target not in declared:
            yield f"{name}: the make target {target} does not exist"
    for action in re.findall(r"uses: (.*)$", text, re.MULTILINE):
        if not PINNED.fullmatch(action):
            yield f"{name}: {action} is not pinned: name a commit and its version, OWNER/NAME@HASH # v1.2.3"
    yield from check_permissions(name, text)


def check_permissions(name: str, text: str) -> Iterator[str]:
    """Find permissions that are not declared job by job."""
    if "\npermissions: {}\n" not in text:
        yield f"{name}: grants permissions to all jobs: write 'permissions: {{}}' and declare those of each job"
    if re.search(r"permissions: *(write|read)-all", text):
        yield f"{name}: a wildcard permission: declare single ones"
    for job in re.findall(r"^  [\w-]+:\n(?:    .*\n|\n)+", text[text.index("\njobs:"):], re.MULTILINE):
        if not re.search(r"^    permissions:\n      contents: (read|write)", job, re.MULTILINE):
            yield f"{name}: the job {job.split(':')[0].strip()} declares no permissions"


def check(repository: Path) -> Iterator[str]:
    """Find what is wrong in all workflows, and in the scripts that they run."""
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    declared = {name for line in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for name in line.split()}
    pins: dict[str, str] = {}
    for path in sorted((repository / ".github" / "workflows").iterdir()):
        text = path.read_text(encoding="utf-8")
        yield from check_text(path.name, text, declared)
        for action, pin in re.findall(r"uses: (\S+)@(\w+)", text):
            if pins.setdefault(action, pin) != pin:
                yield f"{path.name}: {action} has another pin than in another place"
    for path in (repository / "Makefile", *sorted((repository / "scripts").iterdir()),
                 *sorted((repository / ".github" / "workflows").iterdir())):
        if path.is_file() and path.name != Path(__file__).name:
            for found in UNAUTHENTICATED.findall(path.read_text(encoding="utf-8")):
                yield f"{path.name}: {found} makes the service unauthenticated"


def not_runnable(repository: Path) -> Iterator[str]:
    """Find targets that make itself cannot resolve, such as one with a missing prerequisite."""
    for path in sorted((repository / ".github" / "workflows").iterdir()):
        for target in targets(path.read_text(encoding="utf-8")):
            done = subprocess.run(["make", "--dry-run", target], cwd=repository,  # nosec B603 B607  # a declared target
                                  capture_output=True, text=True, check=False)
            if done.returncode:
                yield f"{path.name}: {done.stderr.strip().splitlines()[-1]}"


def main(repository: Path) -> int:
    """Print the findings."""
    found = list(check(repository)) or list(not_runnable(repository))
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent.parent))
