#!/usr/bin/env bash
# Fail if a tracked or untracked file contains a possible secret that is not in the baseline.
# Usage: check_secrets.sh BIN      (the folder of the environment's programs)
set -euo pipefail

files() {
  if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -z --cached --others --exclude-standard
  else # an unpacked source archive
    find . \( -name .venv -o -name build -o -name '.*_cache' \) -prune -o -type f -print0
  fi
}

# a file in the index may have been deleted from the working tree
files | while IFS= read -r -d '' file; do if [ -f "$file" ]; then printf '%s\0' "${file#./}"; fi; done |
  xargs -0 "$1/detect-secrets-hook" --baseline .secrets.baseline
