# The development environment from the lock. The project is mounted over /project; whose files they are, runs it.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE}
# compilers for what comes as source, git for the checks that ask it, make for the targets, curl for the server's test;
# versions are those of the base's own Debian release
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl g++ gcc git libc6-dev make \
 && rm -rf /var/lib/apt/lists/* \
 && git config --system --add safe.directory /project
# An activated environment: the targets use it and make none of their own. Any user may run it, so home is /tmp.
ENV VIRTUAL_ENV=/opt/builder \
    PATH=/opt/builder/bin:$PATH \
    HOME=/tmp \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /project
RUN python3 -m venv /opt/builder
COPY Pipfile.lock ./
COPY scripts/install_locked.sh scripts/locked_requirements.py scripts/
RUN scripts/install_locked.sh /opt/builder/bin/python default fast training dask tracing develop
COPY setup.cfg setup.py README.md LICENSE ./
COPY linear_regressor linear_regressor
RUN python -m pip install --quiet --no-deps --no-build-isolation --editable .
CMD ["make", "help"]
