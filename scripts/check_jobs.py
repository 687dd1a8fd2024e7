"""Check the last execution of each scheduled job, which Cloud Scheduler starts: ``make jobs-check``.

An execution that failed, and a job that has not run for two of its intervals, are errors. Environment: GCP_JOBS (names
of the jobs), GCP_PROJECT_ID, GCP_REGION; needs gcloud, signed in.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scripts.rollout import gcloud, needed

JOBS = Path(__file__).parent.parent / "infra" / "service.json"


def interval(schedule: str) -> timedelta:
    """Return the time between two starts of a schedule that is hourly, daily or weekly."""
    _, hour, _, _, weekday = schedule.split()
    if weekday != "*":
        return timedelta(weeks=1)
    return timedelta(hours=1) if hour == "*" else timedelta(days=1)


def fault(executions: list[dict[str, Any]], schedule: str, now: datetime) -> str | None:
    """Describe what is wrong with the executions of a job, the newest first."""
    finished = [one for one in executions if one.get("status", {}).get("completionTime")]
    if not finished:
        return "has never finished"
    last = finished[0]
    age = now - datetime.fromisoformat(last["status"]["completionTime"])
    if age > 2 * interval(schedule):
        return f"finished {age.total_seconds() / 3600:.0f} hours ago, but its schedule is {schedule!r}"
    for condition in last["status"].get("conditions", []):
        if condition["type"] == "Completed" and condition["status"] != "True":
            return f"failed in {last['metadata']['name']}: {condition.get('message', 'no message')}"
    return None


def main() -> int:
    """Print one line for each job."""
    deployed = needed("GCP_JOBS").split()
    now, wrong = datetime.now(UTC), False
    for name, job in json.loads(JOBS.read_text(encoding="utf-8"))["jobs"].items():
        full = f"linear-regressor-{name}"
        if job["schedule"] and full in deployed:
            found = fault(json.loads(gcloud("jobs", "executions", "list", "--job", full, "--limit", "5", "--format",
                                            "json")), job["schedule"], now)
            wrong = wrong or found is not None
            print(f"{full}: {found or 'ran on schedule'}")
    return int(wrong)


if __name__ == "__main__":
    if "GCP_JOBS" not in os.environ:
        print("NOT RUN: GCP_JOBS is not set; variables of the repository set it (docs/deployment.md)", file=sys.stderr)
        sys.exit(1)
    sys.exit(main())
