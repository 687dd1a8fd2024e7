# The server: locked runtime dependencies, the package and the trained model; no training libraries, no build tools.
# Without syntax line, heredoc and mount, so that every builder can build it and no frontend is downloaded.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
# compilers for gunicorn_h1c and pysimdjson; the base image's Debian release determines their versions
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends g++ gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
# categories of Pipfile.lock to install; "default fast postgresql" for a feedback store in PostgreSQL
ARG CATEGORIES="default fast"
# The same files in every build: no debug information, which names temporary folders, and at the end, modules that are
# compiled without the times of their files and with sets of constants in the same order
ENV CFLAGS=-g0
WORKDIR /source
RUN python3 -m venv /opt/server
COPY Pipfile.lock ./
COPY scripts/install_locked.sh scripts/locked_requirements.py scripts/
# one word for each category
# hadolint ignore=SC2086
RUN scripts/install_locked.sh /opt/server/bin/python ${CATEGORIES}
# commit of the code, which the package keeps for the cards of models; here, so that dependencies stay in the cache
ARG CODE_COMMIT=
COPY setup.cfg setup.py README.md LICENSE ./
COPY linear_regressor linear_regressor
# remove build tools and NumPy's tests (17 MB)
RUN /opt/server/bin/python -m pip install --quiet --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/server/bin/python -m pip uninstall --quiet --yes cython wheel setuptools pip \
 && find /opt/server/lib/python3*/site-packages/numpy -type d -name tests -prune -exec rm -rf {} + \
 && PYTHONHASHSEED=0 /opt/server/bin/python -m compileall -q -f --invalidation-mode unchecked-hash /opt/server/lib

FROM ${BASE}
LABEL org.opencontainers.image.title="linear_regressor server" \
      org.opencontainers.image.description="Serves a linear regression over HTTP" \
      org.opencontainers.image.licenses="MIT"
# One BLAS thread: requests already run in parallel. Nothing is written, so the root file system may be read-only.
ENV PATH=/opt/server/bin:$PATH \
    OPENBLAS_NUM_THREADS=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY --from=build /opt/server /opt/server
COPY scripts/healthcheck.py ./
COPY models/simple_linear_regressor.joblib models/
# numeric, because platforms that reject root cannot resolve a name
USER 65532:65532
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s --retries=3 CMD ["python", "/app/healthcheck.py"]
CMD ["linear-regressor", "serve", "--host", "0.0.0.0"]
