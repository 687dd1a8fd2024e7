"""The alert policies that Terraform makes of infra/monitoring/alerts.yml, evaluated by promtool (a minute)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import ROOT

INFRA = ROOT / "infra"
ALERTS = (INFRA / "monitoring" / "alerts.yml").read_text(encoding="utf-8")
DIGEST = "example/server@sha256:" + "0" * 64


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")
def test_alerts_without_recording_rules_fire_as_those_with_them(tmp_path: Path) -> None:
    """Cloud Monitoring has no recording rules; the unit tests of the alerts pass on what Terraform makes of them."""
    variables = {"environment": "dev", "project": "example", "initial_image": DIGEST, "database_max_connections": 100,
                 "database_users": dict.fromkeys(("server", "jobs", "migrate"), "user"), "models_bucket": "example",
                 "root": str(INFRA)}
    module = INFRA / "terraform" / "modules" / "values"
    shutil.copytree(module, tmp_path / "values", ignore=shutil.ignore_patterns("tests", ".terraform"))
    (tmp_path / "values" / "terraform.tfvars.json").write_text(json.dumps(variables), encoding="utf-8")
    for arguments in (["init", "-input=false"], ["apply", "-auto-approve", "-input=false"], ["output", "-json"]):
        printed = subprocess.run(["terraform", *arguments], cwd=tmp_path / "values", capture_output=True, text=True,
                                 check=True).stdout
    made = json.loads(printed)["alerts"]["value"]
    # the unit tests also compare descriptions, whose templates Cloud Monitoring would not fill
    groups = yaml.safe_load(ALERTS)["groups"]
    descriptions = {rule["alert"]: rule["annotations"]["description"]
                    for group in groups for rule in group["rules"] if "alert" in rule}
    rules = [{"alert": name, "expr": alert["query"], "for": f"{alert['seconds']}s",
              "labels": {"severity": alert["severity"]},
              "annotations": {"summary": alert["summary"], "description": descriptions[name]}}
             for name, alert in made.items()]
    # the unit tests also ask for recordings, which the made alerts do not use
    recordings = ALERTS.partition("  - name: linear-regressor-burn")[0]
    made_group = json.dumps({"name": "all", "rules": rules})
    (tmp_path / "alerts.yml").write_text(f"{recordings}  - {made_group}\n", encoding="utf-8")
    shutil.copy(INFRA / "monitoring" / "alerts_test.yml", tmp_path)

    tested = subprocess.run(["promtool", "test", "rules", "alerts_test.yml"], cwd=tmp_path, capture_output=True,
                            text=True, timeout=600)

    assert set(re.findall(r"alert: (\w+)", ALERTS)) == made.keys()
    assert ALERTS.count("- record:") == recordings.count("- record:") > 0 == recordings.count("alert:")
    assert "linear_regressor:" not in json.dumps(rules)
    assert 0 == tested.returncode, tested.stdout + tested.stderr
