"""Steps of a deployment to Cloud Run: ``python3 scripts/rollout.py STEP``; the targets service-* of make run them.

Only image and traffic are set: Terraform, or make service-yaml, owns all else (docs/infrastructure.md). Needs gcloud,
signed in. Environment: GCP_PROJECT_ID, GCP_REGION, GCP_SERVICE, and what a step names. Outputs for later steps of a
workflow are lines NAME=VALUE, which are printed and appended to GITHUB_OUTPUT.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess  # nosec B404  # starts only gcloud
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

CANDIDATE, STABLE = "candidate", "stable"


def stop(message: str) -> NoReturn:
    """End with an error of one line."""
    print(message, file=sys.stderr)
    raise SystemExit(1)


def needed(name: str, pattern: str = ".+") -> str:
    """Return a variable of the environment."""
    value = os.environ.get(name, "")
    if not re.fullmatch(pattern, value):
        stop(f"{name} is {value!r}: must be {pattern}; the deploy workflow sets it (docs/deployment.md)" if value else
             f"NOT RUN: {name} is not set; the deploy workflow sets it (docs/deployment.md)")
    return value


def gcloud(*words: str) -> str:
    """Run a command of gcloud run in the project and region; return its output."""
    common = ["--project", needed("GCP_PROJECT_ID"), "--region", needed("GCP_REGION"), "--quiet"]
    program = shutil.which("gcloud") or stop("NOT RUN: gcloud is not installed")
    # --container opens a group that other flags must not follow
    group = words.index("--container") if "--container" in words else len(words)
    command = [program, "run", *words[:group], *common, *words[group:]]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # nosec B603  # no shell
    if done.returncode:
        stop(f"gcloud run {' '.join(words[:2])} failed with exit code {done.returncode}")
    return done.stdout


def service() -> dict[str, Any]:
    """Return the service as Cloud Run describes it."""
    described: dict[str, Any] = json.loads(
        gcloud("services", "describe", needed("GCP_SERVICE"), "--format", "json"))
    return described


def output(**values: str) -> None:
    """Print outputs, and hand them to later steps."""
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    print(lines, end="")
    if "GITHUB_OUTPUT" in os.environ:
        with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
            file.write(lines)


def image(name: str) -> str:
    """Return the variable with an image, which must be named by digest."""
    return needed(name, r"[^@\s]+@sha256:[0-9a-f]{64}")


def update_jobs(migration: bool) -> list[str]:
    """Give IMAGE_JOBS to the job of GCP_JOBS that migrates, or to all others; return their names."""
    jobs = [name for name in os.environ.get("GCP_JOBS", "").split() if name.endswith("-migrate") == migration]
    for name in jobs:
        gcloud("jobs", "update", name, "--container", "job", "--image", image("IMAGE_JOBS"))
    return jobs


def migrate() -> None:
    """Migrate the store with IMAGE_JOBS before a server that needs it starts; other jobs wait for the promotion."""
    if "GCP_JOBS" not in os.environ:
        stop("NOT RUN: GCP_JOBS is not set; the deploy workflow sets it (docs/deployment.md)")
    jobs = update_jobs(migration=True)
    for name in jobs:
        gcloud("jobs", "execute", name, "--wait")
    print(f"migrated by {', '.join(jobs)}" if jobs else "none in GCP_JOBS migrates, so no store was migrated")


def candidate() -> None:
    """Start IMAGE as a revision that gets no traffic, at a URL of its own; output both revisions and their URLs."""
    name, traffic = needed("GCP_SERVICE"), service()["status"]["traffic"]
    stable = max(traffic, key=lambda target: target.get("percent", 0))["revisionName"]
    # the share of each revision is named, so that no new revision gets traffic by being the latest
    gcloud("services", "update-traffic", name, "--to-revisions", f"{stable}=100", "--update-tags", f"{STABLE}={stable}")
    gcloud("services", "update", name, "--no-traffic", "--tag", CANDIDATE,
           "--container", "server", "--image", image("IMAGE"))
    status = service()["status"]
    tagged = {target["tag"]: target for target in status["traffic"] if "tag" in target}
    output(url=status["url"], stable_revision=stable, stable_url=tagged[STABLE]["url"],
           candidate_revision=tagged[CANDIDATE]["revisionName"], candidate_url=tagged[CANDIDATE]["url"])


def share() -> None:
    """Send 10 % of the traffic to CANDIDATE_REVISION."""
    gcloud("services", "update-traffic", needed("GCP_SERVICE"), "--to-revisions",
           f"{needed('STABLE_REVISION')}=90,{needed('CANDIDATE_REVISION')}=10")


def promote() -> None:
    """Send all traffic to CANDIDATE_REVISION, and later revisions of Terraform; give the other jobs IMAGE_JOBS."""
    chosen, name = needed("CANDIDATE_REVISION"), needed("GCP_SERVICE")
    latest = service()["status"]["latestCreatedRevisionName"]
    if latest != chosen:
        stop(f"{latest} was created after {chosen} and has not been tested: deploy again")
    gcloud("services", "update-traffic", name, "--to-latest", "--update-tags", f"{STABLE}={chosen}", "--remove-tags",
           CANDIDATE)
    print(f"jobs with the new image: {', '.join(update_jobs(migration=False)) or 'none in GCP_JOBS'}")


def roll_back() -> None:
    """Send all traffic to STABLE_REVISION; the candidate stays without traffic and URL, other jobs kept their image."""
    stable = needed("STABLE_REVISION")
    gcloud("services", "update-traffic", needed("GCP_SERVICE"), "--to-revisions", f"{stable}=100", "--remove-tags",
           CANDIDATE)
    print(f"all traffic goes to {stable}")


STEPS: dict[str, Callable[[], None]] = {"migrate": migrate, "candidate": candidate, "share": share, "promote": promote,
                                        "roll-back": roll_back}


if __name__ == "__main__":
    if sys.argv[1:] not in [[step] for step in STEPS]:
        stop(f"usage: rollout.py {'|'.join(STEPS)}")
    STEPS[sys.argv[1]]()
