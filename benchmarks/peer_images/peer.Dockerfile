# A server that `benchmark.py images` compares ours with: its packages from PEER.txt, and the line fitted with them.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE}
ARG PEER
# nothing is sent anywhere while the server starts
ENV BENTOML_DO_NOT_TRACK=True \
    DO_NOT_TRACK=true \
    PYTHONUNBUFFERED=1
WORKDIR /app
COPY ${PEER}.txt requirements.txt
RUN python3 -m pip install --quiet --no-cache-dir --requirement requirements.txt
COPY *.py ./
RUN python3 save_model.py "${PEER}"
