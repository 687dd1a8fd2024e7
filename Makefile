# All tasks of the project. Developers, git hooks and GitHub Actions use the same targets; `make` lists them.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

# --- options: make TARGET NAME=value ------------------------------------------------------------------------------
# Python for .venv; default: the first suitable one on PATH
PYTHON ?=
# Client of the container engine
DOCKER ?= docker
# Port of the server on this machine
PORT ?= 5000
# Base image; default: the one named in the Dockerfiles
BASE ?=
# URL of a running service for test-service; SERVICE_TOKEN in the environment is sent as bearer token
SERVICE_URL ?= http://127.0.0.1:$(PORT)

# URL of a running server for conformance
URL ?= http://127.0.0.1:$(PORT)
# Clients for test-clients (files in conformance/clients)
CLIENTS ?= mlflow triton kserve open_inference
# Pythons of test-package; default: that of the environment
PACKAGE_PYTHONS ?=
# Tests that test-local-docker runs in the builder image
BUILDER_TESTS ?= pytest
# Processes that run tests in parallel: one more than CPUs, because some tests wait
TEST_PROCESSES ?= $(shell cpus=$$(getconf _NPROCESSORS_ONLN); echo $$((cpus < 8 ? cpus + 1 : 8)))

SERVER_IMAGE := linear_regressor_server:latest
POSTGRESQL_IMAGE := linear_regressor_server_postgresql:latest
BUILDER_IMAGE := linear_regressor_builder:latest
JOBS_IMAGE := linear_regressor_jobs:latest
# Categories of Pipfile.lock in POSTGRESQL_IMAGE and JOBS_IMAGE (jobs.Dockerfile)
SERVER_CATEGORIES := default fast postgresql
JOBS_CATEGORIES := default training store postgresql
CONTAINER := linear_regressor
LOCAL_MODEL := build/local/simple_linear_regressor.joblib

# --- current environment: the activated one, otherwise .venv in this folder ---------------------------------------
VENV := $(CURDIR)/.venv
ENVIRONMENT := $(or $(VIRTUAL_ENV),$(VENV))
BIN := $(ENVIRONMENT)/bin
export PATH := $(BIN):$(PATH)
# keeps matplotlib's cache inside the project folder
export MPLCONFIGDIR ?= $(CURDIR)/build/matplotlib

INSTALLER := Pipfile.lock setup.cfg setup.py scripts/install_locked.sh scripts/locked_requirements.py
PYTHON_SOURCES := linear_regressor tests large conformance scripts benchmarks infra pipelines docs/site main.py benchmark.py setup.py
SHELL_SOURCES := $(wildcard scripts/*.sh dev/*.sh tests/system/*.sh) .ci/run
DOCKERFILES := server.Dockerfile builder.Dockerfile jobs.Dockerfile tests/system/stand_ins.Dockerfile benchmarks/peer_images/peer.Dockerfile
ISSUE_FORMS := .github/ISSUE_TEMPLATE/bug.yml .github/ISSUE_TEMPLATE/idea.yml

.PHONY: help
help: ## Show this list
	@echo "Usage: make TARGET [PYTHON=python3.13] [PORT=5000] [DOCKER=docker]"
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z][a-z -]*:.*## / { printf "  %-36s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

##@ Start here (needs only Python 3.11 or newer and git)

.PHONY: serve-local
serve-local: setup-dev ## Train a model and serve it on this machine, in the foreground
	@mkdir -p $(dir $(LOCAL_MODEL))
	@"$(VENV)/bin/linear-regressor" train --model-save-path $(LOCAL_MODEL)
	@scripts/say_curl.sh "http://127.0.0.1:$(PORT)"
	@exec "$(VENV)/bin/linear-regressor" serve --port "$(PORT)" --model-path $(LOCAL_MODEL)

.PHONY: demo-drift
demo-drift: setup-dev ## Play the loop: feedback, the world changes, alarm, retraining, promotion, recovery (a minute)
	@PYTHONPATH=. "$(VENV)/bin/python" scripts/demo_drift.py

.PHONY: test
test: setup-dev ## Set up, then run all checks and tests
	@$(MAKE) test-local VIRTUAL_ENV="$(VENV)"

##@ Set up

.PHONY: setup-dev setup-ci-dev
setup-dev setup-ci-dev: .venv/.installed ## Create .venv with all development tools, from Pipfile.lock

# The stamp makes a second call a no-op until the lock or the package's metadata change.
.venv/.installed: $(INSTALLER) | .venv/bin/python
	@echo "Installing Pipfile.lock into .venv (takes about a minute the first time)"
	@scripts/install_locked.sh .venv/bin/python default training dask tracing store postgresql tracking develop
	@$(call install_fast,.venv)
	@PYTHONWARNINGS=ignore .venv/bin/python $(PIP_INSTALL_PROJECT) --editable .
	@$(call compile_package,.venv)
	@touch $@

.venv/bin/python:
	@python=$$(scripts/find_python.sh $(PYTHON)) && "$$python" -m venv --clear .venv

.PHONY: install
install: | $(BIN)/python ## Install only the package, as users do, into the current environment
	@rm -rf "$(ENVIRONMENT)/.installed" build/lib
	@scripts/install_locked.sh "$(BIN)/python" default
	@$(call install_fast,$(ENVIRONMENT))
	@"$(BIN)/python" $(PIP_INSTALL_PROJECT) .

# Another environment needs no .venv: in the builder image, the Python of the developer's .venv does not exist.
ifeq ($(ENVIRONMENT),$(VENV))
$(BIN)/python: | .venv/bin/python
else
$(BIN)/python:
	@echo "No Python in $(ENVIRONMENT): activate an environment that has one, or deactivate it to use .venv" >&2; exit 1
endif

.PHONY: install-git-hooks
install-git-hooks: setup-dev ## Check style before each commit, run everything before each push
	@"$(VENV)/bin/pre-commit" install --hook-type pre-commit --hook-type pre-push

.PHONY: lock
lock: setup-dev ## Update Pipfile.lock (needs Python 3.11)
	@scripts/lock.sh "$(VENV)/bin"

##@ Train, serve, measure

.PHONY: train-local
train-local: environment ## Train the committed model on this machine
	@"$(BIN)/linear-regressor" train --model-save-path models/simple_linear_regressor.joblib

.PHONY: train
train: jobs-build ## Train in the jobs image (project mounted as a volume)
	@"$(DOCKER)" run --rm --init --user "$$(id -u):$$(id -g)" --volume "$(CURDIR):/project" --workdir /project \
		$(JOBS_IMAGE) linear-regressor train --model-save-path models/simple_linear_regressor.joblib

.PHONY: serve
serve: server-build ## Build the server image and run it in the background as container linear_regressor
	@url=$$(scripts/serve_container.sh $(SERVER_IMAGE) $(CONTAINER) "$(PORT)") && scripts/say_curl.sh "$$url"

.PHONY: server-build
server-build: engine ## Build the server image
	@$(BUILD_PACKAGE) --file server.Dockerfile --tag $(SERVER_IMAGE) .

.PHONY: server-build-postgresql
server-build-postgresql: engine ## Build the server image with the client of PostgreSQL, for a feedback store
	@$(BUILD_PACKAGE) --build-arg CATEGORIES="$(SERVER_CATEGORIES)" --file server.Dockerfile --tag $(POSTGRESQL_IMAGE) .

.PHONY: jobs-build
jobs-build: engine ## Build the image for jobs: training, promotion, retraining, monitoring and the pipeline
	@$(BUILD_PACKAGE) --file jobs.Dockerfile --tag $(JOBS_IMAGE) .

.PHONY: server-logs
server-logs: engine ## Follow the log of the server container
	@"$(DOCKER)" logs --follow $(CONTAINER)

.PHONY: server-stop-clean server-stop-cleam
server-stop-clean server-stop-cleam: engine ## Stop and remove the server container
	@"$(DOCKER)" stop $(CONTAINER) >/dev/null 2>&1 || true
	@"$(DOCKER)" rm --force $(CONTAINER) >/dev/null 2>&1 || true

.PHONY: benchmark
benchmark: environment ## Measure training and serving against their references
	@"$(BIN)/python" benchmark.py training
	@"$(BIN)/python" benchmark.py serving

.PHONY: benchmark-peers
benchmark-peers: environment ## Install the libraries that benchmark compares whole processes with, in build/tools
	@mkdir -p build/tools
	@scripts/tool_environment.sh "$(BIN)/python" benchmarks/peers.txt build/tools/peers

.PHONY: benchmark-images
benchmark-images: environment engine ## Measure size, start and memory of the server image beside images of peers (10 minutes, 3 GB)
	@"$(BIN)/python" benchmark.py images $(if $(BASE),--base $(BASE))

.PHONY: benchmark-scaling
benchmark-scaling: environment ## Measure scaling in rows (to 50 million), columns and workers (minutes, 6 GB in build/scaling)
	@"$(BIN)/python" benchmark.py scaling --rows 50000000

.PHONY: benchmark-drift
benchmark-drift: environment ## Measure false alarms and delays of the tests of drift beside other detectors (half an hour)
	@scripts/tool_environment.sh "$(BIN)/python" benchmarks/river.txt build/tools/river
	@"$(BIN)/python" benchmark.py drift --river build/tools/river/bin/python

.PHONY: benchmark-verification
benchmark-verification: environment ## Count findings about clean data sets, and measure which changes verify finds (half an hour)
	@"$(BIN)/python" benchmark.py verification

.PHONY: load-test
load-test: environment ## 60 s of full load with reloads, killed workers and SIGTERM; reports each failure
	@"$(BIN)/python" benchmark.py load-test

##@ Test

.PHONY: test-local
test-local: check-all test-coverage ## All checks and tests in the current environment, with coverage

.PHONY: pytest test-parallel
pytest: test-parallel ## All tests, without coverage
	@scripts/run_tests.sh "$(BIN)/python" $(SERIAL_TESTS)

test-parallel: environment axe ## All tests but those of a server under time limits, without coverage
	@$(call compile_package,$(ENVIRONMENT))
	@scripts/run_tests.sh "$(BIN)/python" $(IN_PARALLEL) $(PARALLEL_TESTS)

.PHONY: test-fast
test-fast: environment ## Unit tests, which start no process (at most 2 minutes on 2 CPUs)
	@"$(BIN)/python" -m pytest $(IN_PARALLEL) linear_regressor tests/unit

.PHONY: test-behaviour
test-behaviour: environment ## Behaviour tests of models: direction, invariance, minimum function, order of rows
	@"$(BIN)/python" -m pytest $(IN_PARALLEL) tests/behaviour

.PHONY: test-tracking
test-tracking: environment ## Tracking on a real MLflow server, which is installed in build/tools (530 MB)
	@mkdir -p build/tools
	@scripts/tool_environment.sh "$(BIN)/python" conformance/clients/mlflow.txt build/tools/mlflow
	@"$(BIN)/python" -m pytest tests/process/test_tracking_server.py

.PHONY: test-large
test-large: environment ## Tests with 10 and 50 million rows (minutes, 14 GB in build/large)
	@"$(BIN)/python" -m pytest large

.PHONY: test-real-data
test-real-data: environment ## Train on 41 real data sets as they are, and compare the slopes with LAPACK (a minute)
	@"$(BIN)/python" -m tests.real_data

.PHONY: test-wild-data
test-wild-data: environment ## Train on and predict 50 real files with warts, with pandas as referee (2 minutes, 50 MB)
	@"$(BIN)/python" -m tests.wild_data

.PHONY: axe
axe: build/tools/axe/.installed ## Get axe-core, which checks that pages are accessible, into build/tools (160 KB)

build/tools/axe/.installed: tests/axe.txt | $(BIN)/python
	@"$(BIN)/python" -m pip --disable-pip-version-check install --quiet --no-deps --upgrade --target $(@D) --requirement $< && \
		touch $@ || echo "axe-core could not be downloaded: its tests are skipped, except where CI is set"

.PHONY: test-coverage
test-coverage: environment axe ## All tests, with branch coverage of at least 95 %
	@$(call compile_package,$(ENVIRONMENT))
	@COVERAGE_PATCH= scripts/run_tests.sh "$(BIN)/python" $(IN_PARALLEL) $(MEASURED) $(PARALLEL_TESTS)
	@scripts/run_tests.sh "$(BIN)/python" $(MEASURED) --cov-append $(SERIAL_TESTS)
	@"$(BIN)/python" -m coverage report
	@"$(BIN)/python" -m coverage xml

.PHONY: test-serving
test-serving: server-build ## Test the server image in a container
	@scripts/test_server_image.sh $(SERVER_IMAGE) $(BASE)

.PHONY: test-serving-postgresql
test-serving-postgresql: server-build-postgresql ## Test the server image with the client of PostgreSQL
	@BUDGET=125 scripts/test_server_image.sh $(POSTGRESQL_IMAGE) $(BASE)
	@"$(DOCKER)" run --rm --entrypoint python $(POSTGRESQL_IMAGE) -c 'import psycopg'

.PHONY: test-local-docker
test-local-docker: builder-build ## All checks and tests in the builder image, without coverage, then test-serving
	@$(IN_BUILDER) make check-all $(BUILDER_TESTS)
	@$(MAKE) test-serving

.PHONY: package
package: environment ## Build the wheel and the source distribution in build/dist
	@scripts/build_package.sh "$(BIN)/python"

.PHONY: test-package
test-package: package ## Install both into empty environments of PACKAGE_PYTHONS, and train and serve without the checkout
	@scripts/test_package.sh $(or $(PACKAGE_PYTHONS),"$(BIN)/python")

.PHONY: test-service
test-service: ## Test the running service at SERVICE_URL
	@scripts/test_local_server.sh "$(SERVICE_URL)"

.PHONY: openapi
openapi: environment ## Update docs/openapi.json from the service with the committed model
	@mkdir -p build
	@"$(BIN)/python" scripts/describe_service.py >build/openapi.json
	@mv build/openapi.json docs/openapi.json

.PHONY: check-openapi
check-openapi: ## Check docs/openapi.json with Spectral and Redocly CLI (needs Node.js and npm)
	@scripts/check_openapi.sh

.PHONY: docs
docs: environment ## Build the documentation site in build/docs/html; a broken link is an error
	@mkdir -p build/tools
	@scripts/tool_environment.sh "$(BIN)/python" docs/site/requirements.txt build/tools/docs
	@scripts/build_docs.sh "$(BIN)/python"

.PHONY: docs-archive
docs-archive: ## Pack the built site for GitHub Pages, build/docs/artifact.tar
	@tar --dereference --hard-dereference --directory build/docs/html --create --file build/docs/artifact.tar .

.PHONY: page-picture
page-picture: environment ## Update docs/page.png, a picture of the page with the committed model (needs Chromium)
	@PYTHONPATH=. "$(BIN)/python" scripts/picture_page.py

.PHONY: conformance
conformance: environment ## Test all contracts of the server at URL (sends SERVICE_TOKEN as bearer token)
	@CONFORMANCE_URL="$(URL)" "$(BIN)/python" -m pytest --ignore conformance/clients conformance

.PHONY: test-clients
test-clients: environment ## Test third-party clients, each in its own environment in build/tools
	@mkdir -p build/tools
	@scripts/test_clients.sh "$(BIN)" $(CLIENTS)

##@ Check

# mypy and bandit take most of the time, and each uses one CPU
.PHONY: check-all
check-all: environment ## All checks of source text: style, types, security, imports (two at a time)
	@$(MAKE) --jobs 2 check-types check-security check-style-all check-imports

.PHONY: check-style-all
check-style-all: check-lint check-imports check-dockerfiles check-workflows check-shell check-yaml check-secrets ## All linters

.PHONY: check-lint
check-lint: environment ## Python style, import order and docstrings (flake8, ruff, numpydoc)
	@"$(BIN)/flake8" $(PYTHON_SOURCES)
	@"$(BIN)/ruff" check --quiet $(PYTHON_SOURCES)
	@find linear_regressor -name '*.py' -exec "$(BIN)/numpydoc" lint {} +

.PHONY: check-types
check-types: environment ## Types of package, tests and scripts (mypy --strict)
	@"$(BIN)/mypy" --strict

.PHONY: check-imports
check-imports: environment ## Import contracts of setup.cfg (import-linter)
	@"$(BIN)/lint-imports" setup.cfg --no-cache --no-logo

.PHONY: check-security
check-security: check-workflows check-secrets ## Insecure code (bandit), workflows (zizmor) and secrets
	@"$(BIN)/bandit" --quiet --exclude pipelines/tests --recursive linear_regressor scripts benchmarks infra/checks infra/capacity.py pipelines \
		main.py benchmark.py

.PHONY: check-dockerfiles
check-dockerfiles: environment ## Dockerfiles (hadolint)
	@"$(BIN)/hadolint" $(DOCKERFILES)

.PHONY: check-workflows
check-workflows: environment ## GitHub workflows and issue forms (actionlint, zizmor, schemas)
	@"$(BIN)/actionlint" .github/workflows/*.yml
	@"$(BIN)/python" scripts/check_workflows.py
	@"$(BIN)/zizmor" --quiet --no-progress --offline --persona auditor .github
	@"$(BIN)/check-jsonschema" --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@"$(BIN)/check-jsonschema" --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@"$(BIN)/check-jsonschema" --quiet --builtin-schema vendor.github-issue-forms $(ISSUE_FORMS)
	@"$(BIN)/check-jsonschema" --quiet --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml

.PHONY: check-shell
check-shell: environment ## Shell scripts (shellcheck)
	@"$(BIN)/shellcheck" --external-sources $(SHELL_SOURCES)

.PHONY: check-yaml
check-yaml: environment ## YAML files (yamllint)
	@"$(BIN)/yamllint" --strict .

.PHONY: check-secrets
check-secrets: environment ## Secrets in tracked and untracked files (detect-secrets)
	@scripts/check_secrets.sh "$(BIN)"

.PHONY: infra-tools infra-check infra-validate infra-plan infra-drift infra-plan-comment jobs-check
infra-tools: environment ## Install the tools of infra-check into build/tools (820 MB)
	@mkdir -p build/tools
	@scripts/tool_environment.sh "$(BIN)/python" infra/checks/requirements.txt build/tools/infra
	@scripts/tool_environment.sh "$(BIN)/python" infra/checks/checkov.txt build/tools/checkov

infra-check: infra-tools ## Terraform files, service YAML, dashboard: format, names, policies, logic; then planted faults
	@scripts/check_infra.sh
	@"$(BIN)/python" -m pytest infra

infra-plan: ## Plan what Terraform would do to prod, in build/plan/plan.md (GitHub Actions)
	@scripts/plan_infra.sh plan

infra-drift: ## Fail if prod differs from the Terraform files (GitHub Actions)
	@scripts/plan_infra.sh drift

infra-plan-comment: ## Write build/plan/plan.md as a comment of PULL_REQUEST (GitHub Actions)
	@scripts/comment_plan.sh

jobs-check: ## Check that the scheduled Cloud Run jobs GCP_JOBS ran, and succeeded (GitHub Actions)
	@python3 -m scripts.check_jobs

infra-validate: ## Terraform files with the google provider, which is downloaded (GitHub Actions)
	@scripts/validate_infra.sh

.PHONY: audit
audit: .venv/bin/python ## Known vulnerabilities of all locked packages (asks the package index, so run by GitHub Actions)
	@scripts/audit.sh .venv/bin/python

##@ Everything on one machine (docs/system-test.md)

.PHONY: up
up: engine ## Start service, feedback store, Prometheus and Alertmanager in containers (images: make server-build-postgresql jobs-build)
	@compose=$$(scripts/find_compose.sh) && scripts/make_password.sh && PORT="$(PORT)" $$compose up --detach
	@echo "The service is at http://127.0.0.1:$(PORT)"

.PHONY: down
down: engine ## Stop and remove these containers; the volumes with models, feedback and metrics stay
	@compose=$$(scripts/find_compose.sh) && STORE_PASSWORD=- $$compose down

.PHONY: replace
replace: engine ## Replace the running instance by one of SERVICE_IMAGE without a failed request: upgrade or roll back
	@scripts/replace_server.sh "$(or $(SERVICE_IMAGE),$(POSTGRESQL_IMAGE))"

.PHONY: test-system
test-system: environment engine ## Test them together: alerts, retraining, upgrade, killed database (10 minutes)
	@scripts/find_compose.sh >/dev/null
	@"$(BIN)/python" -m pytest --exitfirst tests/system/test_stack.py

.PHONY: test-layers
test-layers: environment engine ## Build the server and jobs images twice without cache, and compare the files of each layer
	@"$(BIN)/python" -m pytest tests/system/test_layers.py

##@ Pipeline from data to a promoted model

.PHONY: pipeline-tools
pipeline-tools: environment ## Install the tools of the pipeline into build/tools (120 MB)
	@mkdir -p build/tools
	@scripts/tool_environment.sh "$(BIN)/python" pipelines/requirements.txt build/tools/pipelines >&2

.PHONY: pipeline-compile
pipeline-compile: pipeline-tools ## Update pipelines/pipeline.yaml and schedule_*.json; fail if one was stale
	@build/tools/pipelines/bin/python -m pipelines.compile

.PHONY: pipeline-yaml
pipeline-yaml: pipeline-tools ## Print the pipeline with the jobs image IMAGE, for Kubeflow or Vertex AI Pipelines
	@build/tools/pipelines/bin/python -m pipelines.compile --image "$(IMAGE)"

.PHONY: pipeline-schedule
pipeline-schedule: pipeline-tools ## Print a schedule of it by SETTINGS (as pipelines/schedule.yaml) for PLATFORM kubeflow or vertex
	@build/tools/pipelines/bin/python -m pipelines.compile --image "$(IMAGE)" --schedule "$(PLATFORM)" --settings "$(SETTINGS)"

.PHONY: pipeline-local
pipeline-local: pipeline-compile jobs-build ## Run the pipeline in containers: to a promotion, refused, stopped and killed
	@"$(BIN)/python" -m pytest $(IN_PARALLEL) --ignore pipelines/tests/test_vertex.py pipelines/tests

.PHONY: pipeline-vertex
pipeline-vertex: environment ## Check the schedule with Vertex AI's types and client, without an account (300 MB in build/tools)
	@mkdir -p build/tools
	@scripts/tool_environment.sh "$(BIN)/python" pipelines/vertex.txt build/tools/vertex
	@"$(BIN)/python" -m pytest pipelines/tests/test_vertex.py

##@ Containers and deployment

.PHONY: builder-build
builder-build: engine ## Build the builder image (development environment from Pipfile.lock)
	@$(BUILD) --file builder.Dockerfile --tag $(BUILDER_IMAGE) .

.PHONY: docker-entry-bash
docker-entry-bash: builder-build ## Open a shell in the builder image (project mounted as a volume)
	@$(IN_BUILDER:--rm=--rm --interactive --tty) bash

.PHONY: service-sign-in
# Whoever starts a deployment chooses IMAGE: make must not expand it, nor the shell parse it.
service-sign-in: ## Sign the container client in to the registry of IMAGE (GitHub Actions)
	@[[ "$${IMAGE:-}" =~ ^[a-z0-9][a-z0-9.:-]*/ ]] || { echo "NOT RUN: no image; the workflows set IMAGE (docs/deployment.md)" >&2; exit 1; }
	@gcloud auth configure-docker "$${IMAGE%%/*}" --quiet

.PHONY: service-push
service-push: server-build-postgresql ## Push the server image with the client of PostgreSQL to IMAGE (GitHub Actions)
	@"$(DOCKER)" tag $(POSTGRESQL_IMAGE) "$(IMAGE)"
	@"$(DOCKER)" push "$(IMAGE)"

.PHONY: images-push images-join
images-push: engine ## Push the built images as IMAGE and IMAGE_JOBS, and print their names by digest (GitHub Actions)
	@scripts/push_image.sh server $(POSTGRESQL_IMAGE) "$(IMAGE)"
	@scripts/push_image.sh jobs $(JOBS_IMAGE) "$(IMAGE_JOBS)"

images-join: ## Join the pushed SERVER_IMAGES and JOBS_IMAGES of both architectures into IMAGE and IMAGE_JOBS (GitHub Actions)
	@python3 -m scripts.join_images server "$(IMAGE)" $(SERVER_IMAGES)
	@python3 -m scripts.join_images jobs "$(IMAGE_JOBS)" $(JOBS_IMAGES)

.PHONY: service-verify
service-verify: ## Verify that build.yml built IMAGE and IMAGE_JOBS from main (GitHub Actions)
	@scripts/verify_images.sh

.PHONY: sbom image-sbom
sbom: | $(BIN)/python ## Write the bills of materials of both images' locked packages into build/sbom (CycloneDX)
	@mkdir -p build/tools
	@scripts/tool_environment.sh "$(BIN)/python" scripts/sbom.txt build/tools/sbom
	@scripts/write_sbom.sh "$(BIN)/python" server $(SERVER_CATEGORIES)
	@scripts/write_sbom.sh "$(BIN)/python" jobs $(JOBS_CATEGORIES)

image-sbom: engine sbom ## Compare them with the built server and jobs images, and add the packages of Debian
	@"$(DOCKER)" run --rm --interactive --entrypoint python $(POSTGRESQL_IMAGE) - <scripts/image_inventory.py | \
		"$(BIN)/python" -m scripts.image_sbom build/sbom/server.cdx.json
	@"$(DOCKER)" run --rm --interactive --entrypoint python $(JOBS_IMAGE) - <scripts/image_inventory.py | \
		"$(BIN)/python" -m scripts.image_sbom build/sbom/jobs.cdx.json

.PHONY: image-audit
image-audit: engine ## Fail if security updates of Debian are pending in the built server and jobs images
	@scripts/audit_image.sh $(POSTGRESQL_IMAGE)
	@scripts/audit_image.sh $(JOBS_IMAGE)

.PHONY: release-files github-release
# build.yml downloads the bill of each architecture into a folder of its own; make sbom writes one here
release-files: ## Collect wheel, source distribution and bills of materials in build/release (after package and sbom)
	@rm -rf build/release && mkdir -p build/release
	@cp build/dist/* build/release
	@if ! compgen -G 'build/sbom/sbom-*' >/dev/null; then cp build/sbom/*.cdx.json build/release; else \
		for folder in build/sbom/sbom-*; do for name in server jobs; do \
			cp "$$folder/$$name.cdx.json" "build/release/$$name-$${folder#*sbom-}.cdx.json"; done; done; fi

github-release: ## Create the GitHub release of a version that is new in CHANGELOG.md, of build/release (GitHub Actions)
	@scripts/github_release.sh build/release

.PHONY: service-yaml
service-yaml: ## Print the Cloud Run service for 'gcloud run services replace -' (docs/infrastructure.md)
	@PATH="$(BIN):$$PATH" python3 scripts/service_yaml.py

.PHONY: store-migrate service-candidate service-share service-promote service-roll-back
store-migrate: ## Give the migration of GCP_JOBS the image IMAGE_JOBS and migrate the feedback store (GitHub Actions)
	@python3 scripts/rollout.py migrate

service-candidate: ## Start IMAGE as a revision without traffic, at a URL of its own (GitHub Actions)
	@python3 scripts/rollout.py candidate

service-share: ## Send 10 % of the traffic to CANDIDATE_REVISION (GitHub Actions)
	@python3 scripts/rollout.py share

service-promote: ## Send all traffic to CANDIDATE_REVISION, and give the other jobs IMAGE_JOBS (GitHub Actions)
	@python3 scripts/rollout.py promote

service-roll-back: ## Send all traffic to STABLE_REVISION (GitHub Actions)
	@python3 scripts/rollout.py roll-back

.PHONY: change-certificate canary
change-certificate: environment ## Certify the largest change of a prediction from STABLE_URL to CANDIDATE_URL
	@"$(BIN)/python" -m scripts.change_certificate

canary: environment ## Test sequentially whether CANDIDATE_URL fails more often or is slower than STABLE_URL (5 minutes)
	@"$(BIN)/python" -m scripts.canary

.PHONY: service-deploy
service-deploy: ## Deploy the pushed IMAGE with all traffic at once, for a new region (docs/runbook.md)
	@scripts/deploy_service.sh

.PHONY: clean
clean: ## Remove .venv, build, reports and caches
	@rm -rf .venv build reports .mypy_cache .pytest_cache .hypothesis *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- shared by the targets above ----------------------------------------------------------------------------------

# Tests in tests/server measure time, which load from other tests would disturb, so they run alone.
IN_PARALLEL = --numprocesses $(TEST_PROCESSES) --dist worksteal
# the report and its limit come after the last test
MEASURED = --cov --cov-report= --cov-fail-under=0
PARALLEL_TESTS = linear_regressor scripts benchmarks tests/unit tests/behaviour tests/process tests/cluster tests/repository
SERIAL_TESTS = tests/server

# What an image is made from; the Dockerfiles have the labels that never change. REPOSITORY_URL comes from a workflow.
VERSION = $(shell sed -n 's/^version = //p' setup.cfg)
REVISION = $(shell git rev-parse HEAD 2>/dev/null)
LABELS = --label org.opencontainers.image.version=$(VERSION) \
	$(if $(REVISION),--label org.opencontainers.image.revision=$(REVISION)) \
	$(if $(REPOSITORY_URL),--label org.opencontainers.image.source=$(REPOSITORY_URL))
BUILD = "$(DOCKER)" build $(if $(BASE),--build-arg BASE=$(BASE)) $(LABELS)
BUILD_PACKAGE = $(BUILD) $(if $(REVISION),--build-arg CODE_COMMIT=$(REVISION))
IN_BUILDER = "$(DOCKER)" run --rm --init --user "$$(id -u):$$(id -g)" --volume "$(CURDIR):/project" $(BUILDER_IMAGE)
export DOCKER

# The project itself has no hash in the lock: install it by path, after its dependencies.
PIP_INSTALL_PROJECT = -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation

# Without a C compiler the server runs without the parsers in C.
install_fast = mkdir -p build && scripts/install_locked.sh "$(1)/bin/python" fast >build/install_fast.log 2>&1 || \
	echo "The parsers in C could not be built (see build/install_fast.log): the server uses the slower Python parsers"

# Commands then start 0.1 s faster where PYTHONDONTWRITEBYTECODE is set, as in many images; tests start hundreds.
compile_package = "$(1)/bin/python" -m compileall -q linear_regressor

.PHONY: environment
environment:
	@test -x "$(BIN)/pytest" || { echo "No development environment in $(ENVIRONMENT): run 'make setup-dev' first" >&2; exit 1; }

.PHONY: engine
engine:
	@scripts/find_engine.sh
