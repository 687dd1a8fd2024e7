"""Check folders of Terraform files: ``python -m infra.checks FOLDER...``. Findings are lines; any is exit code 1."""

import sys
from pathlib import Path

from infra.checks import names, policies, references
from infra.checks.configuration import Configuration, ConfigurationError


def findings(folder: Path) -> list[str]:
    """Describe all that is wrong in a folder."""
    try:
        configuration = Configuration(folder)
    except ConfigurationError as error:
        return [str(error)]
    if not configuration.of("resource"):
        return ["no resources"]
    return [str(finding) for check in (names.check, references.check, policies.check)
            for finding in check(configuration)]


def main(folders: list[str]) -> int:
    """Print the findings of each folder."""
    wrong = False
    for folder in folders:
        found = findings(Path(folder))
        wrong = wrong or bool(found)
        print("\n".join(f"{folder}: {line}" for line in found or ["names, references and policies are right"]))
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
