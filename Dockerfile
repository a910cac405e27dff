# The inference service. For the processor:  docker build -t keepone-inference .
# For CUDA: docker build --build-arg BASE=pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime -t keepone-inference .
ARG BASE=python:3.12-slim
FROM ${BASE}
WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY connectors connectors
COPY dedupe_core dedupe_core
COPY feedback feedback
COPY dedupe_app dedupe_app
COPY launchd launchd
RUN pip install --no-cache-dir ".[clip,inference]" && useradd --create-home keepone && install -d -o keepone /data
USER keepone
VOLUME /data
EXPOSE 8085
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8085/v2/health/ready')"]
ENTRYPOINT ["keepone", "--data", "/data", "inference", "--host", "0.0.0.0"]
