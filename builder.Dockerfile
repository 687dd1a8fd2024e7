# The development environment from Pipfile.lock. The project is mounted at /project; run as the owner of its files.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE}
# compilers for source distributions, git for checks, make for the targets, curl for the test of the server;
# the base image's Debian release determines their versions
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends curl g++ gcc git libc6-dev make \
 && rm -rf /var/lib/apt/lists/* \
 && git config --system --add safe.directory /project
# The make targets use the activated environment. Any user may run the image, so HOME is /tmp.
ENV VIRTUAL_ENV=/opt/builder \
    PATH=/opt/builder/bin:$PATH \
    HOME=/tmp \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /project
RUN python3 -m venv /opt/builder
COPY Pipfile.lock ./
COPY scripts/install_locked.sh scripts/locked_requirements.py scripts/
RUN scripts/install_locked.sh /opt/builder/bin/python default fast training dask tracing store postgresql tracking develop
COPY setup.cfg setup.py README.md LICENSE ./
COPY linear_regressor linear_regressor
RUN python -m pip install --quiet --no-deps --no-build-isolation --editable .
CMD ["make", "help"]
