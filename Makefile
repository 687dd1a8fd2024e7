# Every task of the project: people, git hooks and GitHub Actions call the same targets. `make` alone lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# --- what can be chosen: make TARGET NAME=value -------------------------------------------------------------------
# Which Python makes .venv; empty takes the first on PATH that is new enough
PYTHON ?=
# Which client speaks to the container engine
DOCKER ?= docker
# Where the server listens on this machine
PORT ?= 5000
# Base image instead of the one that the Dockerfiles name
BASE ?=
# A served URL for test-service; SERVICE_TOKEN in the environment is sent as bearer token
SERVICE_URL ?= http://127.0.0.1:$(PORT)

# A running server for conformance
URL ?= http://127.0.0.1:$(PORT)
# Which of conformance/clients to run
CLIENTS ?= mlflow triton kserve open_inference

SERVER_IMAGE := linear_regressor_server:latest
BUILDER_IMAGE := linear_regressor_builder:latest
CONTAINER := linear_regressor
LOCAL_MODEL := build/local/simple_linear_regressor.joblib

# --- the present environment: an activated one, else .venv of this folder -----------------------------------------
VENV := $(CURDIR)/.venv
ENVIRONMENT := $(or $(VIRTUAL_ENV),$(VENV))
BIN := $(ENVIRONMENT)/bin
export PATH := $(BIN):$(PATH)
# matplotlib keeps a cache: inside the folder, like everything else
export MPLCONFIGDIR ?= $(CURDIR)/build/matplotlib

INSTALLER := Pipfile.lock setup.cfg setup.py scripts/install_locked.sh scripts/locked_requirements.py
PYTHON_SOURCES := linear_regressor tests large conformance scripts benchmarks main.py benchmark.py setup.py
SHELL_SOURCES := $(wildcard scripts/*.sh dev/*.sh) .ci/run
DOCKERFILES := server.Dockerfile builder.Dockerfile
ISSUE_FORMS := .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml

.PHONY: help
help: ## Show this list
	@echo "Usage: make TARGET [PYTHON=python3.13] [PORT=5000] [DOCKER=docker]"
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z][a-z -]*:.*## / { printf "  %-36s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ Start here: these two need Python 3.11 or newer and git, nothing else

.PHONY: serve-local
serve-local: setup-dev ## Train afresh and serve that on this machine, in the foreground
	@mkdir -p $(dir $(LOCAL_MODEL))
	@"$(VENV)/bin/linear-regressor" train --model-save-path $(LOCAL_MODEL)
	@scripts/say_curl.sh "http://127.0.0.1:$(PORT)"
	@exec "$(VENV)/bin/linear-regressor" serve --port "$(PORT)" --model-path $(LOCAL_MODEL)

.PHONY: test
test: setup-dev ## Set up and run every check and test
	@$(MAKE) test-local VIRTUAL_ENV="$(VENV)"

##@ Set up

.PHONY: setup-dev setup-ci-dev
setup-dev setup-ci-dev: .venv/.installed ## Make .venv with everything for development, from the lock

# One stamp: a second call does nothing until the lock or the package's metadata change.
.venv/.installed: $(INSTALLER) | .venv/bin/python
	@echo "Installing Pipfile.lock into .venv (a minute the first time)"
	@scripts/install_locked.sh .venv/bin/python default training dask tracing develop
	@$(call install_fast,.venv)
	@PYTHONWARNINGS=ignore .venv/bin/python $(PIP_INSTALL_PROJECT) --editable .
	@touch $@

.venv/bin/python:
	@python=$$(scripts/find_python.sh $(PYTHON)) && "$$python" -m venv --clear .venv

.PHONY: install
install: | $(BIN)/python ## Install the package alone, as users get it, into the present environment
	@rm -rf "$(ENVIRONMENT)/.installed" build/lib
	@scripts/install_locked.sh "$(BIN)/python" default
	@$(call install_fast,$(ENVIRONMENT))
	@"$(BIN)/python" $(PIP_INSTALL_PROJECT) .

$(BIN)/python: | .venv/bin/python

.PHONY: install-git-hooks
install-git-hooks: setup-dev ## Check style before each commit, everything before each push
	@"$(VENV)/bin/pre-commit" install --hook-type pre-commit --hook-type pre-push

.PHONY: lock
lock: setup-dev ## Make Pipfile.lock anew, with Python 3.11
	@scripts/lock.sh "$(VENV)/bin"

##@ Train, serve, measure

.PHONY: train-local
train-local: environment ## Train the model that is committed and served, on this machine
	@"$(BIN)/linear-regressor" train --model-save-path models/simple_linear_regressor.joblib

.PHONY: train
train: builder-build ## The same in the builder image, with this folder mounted
	@$(IN_BUILDER) make train-local

.PHONY: serve
serve: server-build ## Build the server image and serve it, detached, as container linear_regressor
	@url=$$(scripts/serve_container.sh $(SERVER_IMAGE) $(CONTAINER) "$(PORT)") && scripts/say_curl.sh "$$url"

.PHONY: server-build
server-build: engine ## Build the server image
	@$(BUILD) --file server.Dockerfile --tag $(SERVER_IMAGE) .

.PHONY: server-logs
server-logs: engine ## Show and follow the log of the served container
	@"$(DOCKER)" logs --follow $(CONTAINER)

.PHONY: server-stop-clean server-stop-cleam
server-stop-clean server-stop-cleam: engine ## Stop the served container and remove it
	@"$(DOCKER)" stop $(CONTAINER) >/dev/null 2>&1 || true
	@"$(DOCKER)" rm --force $(CONTAINER) >/dev/null 2>&1 || true

.PHONY: benchmark
benchmark: environment ## Print the measured ratios of training and serving
	@"$(BIN)/python" benchmark.py training
	@"$(BIN)/python" benchmark.py serving

.PHONY: benchmark-scaling
benchmark-scaling: environment ## Curves over rows (to 50 million), columns and workers: minutes, and 6 GB in build/scaling
	@"$(BIN)/python" benchmark.py scaling --rows 50000000

.PHONY: load-test
load-test: environment ## 60 s at saturation with reloads, killed workers and SIGTERM: what failed, and why
	@"$(BIN)/python" benchmark.py load-test

##@ Test

.PHONY: test-local
test-local: check-style-all check-types check-security check-imports test-coverage ## All checks and tests, in the present environment

.PHONY: pytest
pytest: environment ## Tests alone
	@"$(BIN)/python" -m pytest

.PHONY: test-large
test-large: environment ## Data sets of 10 and 50 million rows: minutes, and 12 GB in build/large
	@"$(BIN)/python" -m pytest large

.PHONY: test-coverage
test-coverage: environment ## Tests with branch coverage, at least 95 %
	@"$(BIN)/python" -m pytest --cov --cov-report=term --cov-report=xml

.PHONY: test-serving
test-serving: server-build ## Serve the server image in a container of its own and test that
	@scripts/test_server_image.sh $(SERVER_IMAGE) $(BASE)

.PHONY: test-local-docker
test-local-docker: builder-build ## test-local in the builder image, then test-serving
	@$(IN_BUILDER) make test-local
	@$(MAKE) test-serving

.PHONY: test-service
test-service: ## Test the service at SERVICE_URL from outside
	@scripts/test_local_server.sh "$(SERVICE_URL)"

.PHONY: openapi
openapi: environment ## Write docs/openapi.json anew: the description of the service with the committed model
	@mkdir -p build
	@"$(BIN)/python" scripts/describe_service.py >build/openapi.json
	@mv build/openapi.json docs/openapi.json

.PHONY: check-openapi
check-openapi: ## Check docs/openapi.json with Spectral and Redocly CLI (needs Node.js and npm)
	@scripts/check_openapi.sh

.PHONY: page-picture
page-picture: environment ## Take docs/page.png anew, of the page with the committed model (needs Chromium)
	@PYTHONPATH=. "$(BIN)/python" scripts/picture_page.py

.PHONY: conformance
conformance: environment ## Test every contract of the server at URL (SERVICE_TOKEN is sent as bearer token)
	@CONFORMANCE_URL="$(URL)" "$(BIN)/python" -m pytest --ignore conformance/clients conformance

.PHONY: test-clients
test-clients: environment ## Clients that others wrote, each from an environment of its own in build/tools
	@mkdir -p build/tools
	@scripts/test_clients.sh "$(BIN)" $(CLIENTS)

##@ Check

.PHONY: check-style-all
check-style-all: check-lint check-imports check-dockerfiles check-workflows check-shell check-yaml check-secrets ## All linters

.PHONY: check-lint
check-lint: environment ## Python style (flake8)
	@"$(BIN)/flake8" $(PYTHON_SOURCES)

.PHONY: check-types
check-types: environment ## Types of package and tests (mypy --strict)
	@"$(BIN)/mypy" --strict

.PHONY: check-imports
check-imports: environment ## Which room may import which (import-linter)
	@"$(BIN)/lint-imports" --config setup.cfg --no-cache --no-logo

.PHONY: check-security
check-security: check-workflows check-secrets ## Insecure code (bandit), workflows (zizmor), secrets
	@"$(BIN)/bandit" --quiet --recursive linear_regressor scripts benchmarks main.py benchmark.py

.PHONY: check-dockerfiles
check-dockerfiles: environment ## Dockerfiles (hadolint)
	@"$(BIN)/hadolint" $(DOCKERFILES)

.PHONY: check-workflows
check-workflows: environment ## GitHub workflows and forms (actionlint, zizmor, schemas)
	@"$(BIN)/actionlint" .github/workflows/*.yml
	@"$(BIN)/zizmor" --quiet --no-progress --offline .github
	@"$(BIN)/check-jsonschema" --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@"$(BIN)/check-jsonschema" --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@"$(BIN)/check-jsonschema" --quiet --builtin-schema vendor.github-issue-forms $(ISSUE_FORMS)
	@"$(BIN)/check-jsonschema" --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml

.PHONY: check-shell
check-shell: environment ## Shell scripts (shellcheck)
	@"$(BIN)/shellcheck" --external-sources $(SHELL_SOURCES)

.PHONY: check-yaml
check-yaml: environment ## YAML (yamllint)
	@"$(BIN)/yamllint" --strict .

.PHONY: check-secrets
check-secrets: environment ## Secrets in files that git would take (detect-secrets)
	@scripts/check_secrets.sh "$(BIN)"

.PHONY: audit
audit: .venv/bin/python ## Known vulnerabilities of everything in the lock; asks the index, so for GitHub Actions
	@scripts/audit.sh .venv/bin/python

##@ Containers and the rest

.PHONY: builder-build
builder-build: engine ## Build the builder image: the development environment from the lock
	@$(BUILD) --file builder.Dockerfile --tag $(BUILDER_IMAGE) .

.PHONY: docker-entry-bash
docker-entry-bash: builder-build ## A shell in the builder image, with this folder mounted
	@$(IN_BUILDER:--rm=--rm --interactive --tty) bash

.PHONY: service-sign-in
service-sign-in: ## Let the container client push to the registry of IMAGE (GitHub Actions)
	@gcloud auth configure-docker "$(firstword $(subst /, ,$(IMAGE)))" --quiet

.PHONY: service-push
service-push: server-build ## Push the server image to IMAGE (GitHub Actions)
	@"$(DOCKER)" tag $(SERVER_IMAGE) "$(IMAGE)"
	@"$(DOCKER)" push "$(IMAGE)"

.PHONY: service-deploy
service-deploy: ## Deploy what service-push pushed to Cloud Run (GitHub Actions)
	@scripts/deploy_service.sh

.PHONY: clean
clean: ## Remove what make made: .venv, build, reports, caches
	@rm -rf .venv build reports .mypy_cache .pytest_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what the targets above stand on ------------------------------------------------------------------------------

BUILD = "$(DOCKER)" build $(if $(BASE),--build-arg BASE=$(BASE))
IN_BUILDER = "$(DOCKER)" run --rm --init --user "$$(id -u):$$(id -g)" --volume "$(CURDIR):/project" $(BUILDER_IMAGE)
export DOCKER

# The project itself has no hash in the lock: it goes in by path, and everything it needs is there already.
PIP_INSTALL_PROJECT = -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation

# A newcomer's machine may have no C compiler: then the server runs without the parsers in C, and says so once.
install_fast = mkdir -p build && scripts/install_locked.sh "$(1)/bin/python" fast >build/install_fast.log 2>&1 || \
	echo "The parsers in C could not be built (build/install_fast.log): the server will use the slower, careful one"

.PHONY: environment
environment:
	@test -x "$(BIN)/pytest" || { echo "No development environment in $(ENVIRONMENT): run 'make setup-dev' first" >&2; exit 1; }

.PHONY: engine
engine:
	@scripts/find_engine.sh
