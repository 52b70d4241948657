# The server in a container; no face leaves it.
#   docker build -t openfloat .
#   docker build -t openfloat:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
#   docker run --read-only --tmpfs /tmp -v openfloat:/data -p 127.0.0.1:8000:8000 -e OPENFLOAT_API_KEY=... openfloat
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=serve,provenance
WORKDIR /source
RUN python -m venv /opt/openfloat \
 && /opt/openfloat/bin/pip install --no-cache-dir --index-url "${TORCH_INDEX}" --extra-index-url https://pypi.org/simple 'torch>=2.6,<2.14'
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /opt/openfloat/bin/pip install --no-cache-dir ".[${EXTRAS}]"

FROM python:${PYTHON}
RUN useradd --uid 10001 --create-home openfloat \
 && install -d -o openfloat -g openfloat /data
COPY --from=build /opt/openfloat /opt/openfloat
ENV PATH=/opt/openfloat/bin:$PATH \
    HF_HOME=/data/hub \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["openfloat"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--data", "/data/jobs"]
