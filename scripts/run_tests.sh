#!/usr/bin/env bash
# Run pytest, then repeat failed tests once, alone: on a busy machine, a process may not be ready when a test expects it.
# The repetition has the same seed and Hypothesis's saved examples, so a failure that does not depend on timing remains.
# Usage: run_tests.sh PYTHON ARGUMENT...
set -euo pipefail

python=$1
shift
export TEST_SEED=${TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

code=0
"$python" -m pytest "$@" || code=$?
# 1: tests failed; anything else is an error of the run
if [ "$code" -ne 1 ]; then exit "$code"; fi
printf '\nRepeating the failed tests alone, with TEST_SEED=%s\n' "$TEST_SEED"
"$python" -m pytest "$@" --numprocesses 0 --no-cov --last-failed --last-failed-no-failures none --exitfirst --verbose
printf 'The tests above passed when they were repeated: find out which timing or chance they depend on\n'
