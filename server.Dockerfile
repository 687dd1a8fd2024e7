# The server: runtime dependencies from the lock, the package, the trained model. Nothing that trains, nothing that builds.
# No syntax line, no heredoc, no mount: any client and any builder can build it, without fetching a frontend.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# gunicorn_h1c comes as source, pysimdjson too where it has no wheel; versions are those of the base's own Debian release
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
RUN python3 -m venv /opt/server
COPY Pipfile.lock ./
COPY scripts/install_locked.sh scripts/locked_requirements.py scripts/
RUN scripts/install_locked.sh /opt/server/bin/python default fast
COPY setup.cfg setup.py README.md LICENSE ./
COPY linear_regressor linear_regressor
# pip compiles what it installs; build tools and NumPy's own tests (17 MB) have no place in a server
RUN /opt/server/bin/python -m pip install --quiet --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/server/bin/python -m pip uninstall --quiet --yes cython wheel setuptools pip \
 && find /opt/server/lib/python3*/site-packages/numpy -type d -name tests -prune -exec rm -rf {} +

FROM ${BASE}
# One thread a multiplication: gunicorn's threads are the parallelism. Nothing is written: the root may be read-only.
ENV PATH=/opt/server/bin:$PATH \
    OPENBLAS_NUM_THREADS=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=build /opt/server /opt/server
COPY scripts/healthcheck.py ./
COPY models/simple_linear_regressor.joblib models/
# a number: platforms that refuse root cannot look a name up
USER 65532:65532
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s --retries=3 CMD ["python", "/app/healthcheck.py"]
CMD ["linear-regressor", "serve", "--host", "0.0.0.0"]
