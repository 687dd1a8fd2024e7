# Training, evaluation, promotion, retraining and monitoring as jobs: locked dependencies of training, stores and
# buckets, and the package; no model, no development tools, no build tools.
# Without syntax line, heredoc and mount, so that every builder can build it and no frontend is downloaded.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# categories of Pipfile.lock to install
ARG CATEGORIES="default training store postgresql"
WORKDIR /source
RUN python3 -m venv /opt/jobs
COPY Pipfile.lock ./
COPY scripts/install_locked.sh scripts/locked_requirements.py scripts/
# one word for each category
# hadolint ignore=SC2086
RUN scripts/install_locked.sh /opt/jobs/bin/python ${CATEGORIES}
# commit of the code, which the package keeps for the cards of models; here, so that dependencies stay in the cache
ARG CODE_COMMIT=
COPY setup.cfg setup.py README.md LICENSE ./
COPY linear_regressor linear_regressor
# compiled again, so that the same files come from every build: see server.Dockerfile
RUN /opt/jobs/bin/python -m pip install --quiet --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/jobs/bin/python -m pip uninstall --quiet --yes cython wheel setuptools pip \
 && PYTHONHASHSEED=0 /opt/jobs/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /opt/jobs/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="linear_regressor jobs" \
      org.opencontainers.image.description="Trains, verifies, promotes, retrains and monitors a linear regression" \
      org.opencontainers.image.licenses="MIT"
# Any user may run the image, and jobs of the pipeline write to their mounted folders only, so HOME is /tmp.
ENV PATH=/opt/jobs/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=build /opt/jobs /opt/jobs
COPY scripts/run_pipeline.sh ./
# a new volume that is mounted here takes this owner
RUN install --directory --owner 65532 --group 65532 /models
# numeric, because platforms that reject root cannot resolve a name
USER 65532:65532
# no entry point: engines and pipelines give the command and its arguments
CMD ["linear-regressor", "--help"]
