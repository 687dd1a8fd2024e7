# Stand-ins for the images of compose.yaml that are not built from this project, for tests where no registry can be
# reached: the same programs from Debian, with the users, folders and entry points of the images they stand for.
ARG BASE=python:3.13-slim-bookworm

# postgres:15
FROM ${BASE} AS postgresql
# the base image's Debian release determines the versions; without the setting, the package makes a cluster of its own
# hadolint ignore=DL3008
RUN groupadd --system --gid 999 postgres \
 && useradd --system --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \
 && apt-get update \
 && apt-get install --yes --no-install-recommends postgresql-common \
 && sed --in-place 's/#create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
 && apt-get install --yes --no-install-recommends postgresql-15 \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner 999 --group 999 --mode 700 /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:$PATH \
    PGDATA=/var/lib/postgresql/data
COPY start_postgresql.sh /usr/local/bin/
VOLUME /var/lib/postgresql/data
USER 999:999
STOPSIGNAL SIGINT
ENTRYPOINT ["start_postgresql.sh"]
CMD ["postgres"]

# prom/prometheus
FROM ${BASE} AS prometheus
# the base image's Debian release determines the version
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends prometheus \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner 65534 --group 65534 /prometheus
USER 65534:65534
ENTRYPOINT ["prometheus"]

# prom/alertmanager
FROM ${BASE} AS alertmanager
# the base image's Debian release determines the version
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends prometheus-alertmanager \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner 65534 --group 65534 /alertmanager
USER 65534:65534
ENTRYPOINT ["prometheus-alertmanager"]

# haproxy
FROM ${BASE} AS gateway
# the base image's Debian release determines the version
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends haproxy \
 && rm -rf /var/lib/apt/lists/*
USER 65534:65534
STOPSIGNAL SIGUSR1
CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
