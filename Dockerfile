# One image in three shapes: --target gateway, dashboard, worker. They differ in what is asked to
# know whether they are well, and in what they run unless told otherwise.

FROM python:3.11.13-slim-bookworm AS build
COPY requirements/production.txt /
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes --only-binary :all: -r /production.txt \
    && /opt/venv/bin/pip uninstall --yes pip setuptools
COPY pyproject.toml deploy/install.py /
RUN /opt/venv/bin/python -I /install.py /pyproject.toml /app

FROM python:3.11.13-slim-bookworm AS base
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin widget-auth
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    WIDGET_AUTH_DATA_DIR=/tmp/widget-auth
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY . .
USER 10001:10001
ENTRYPOINT ["python", "-m"]

FROM base AS gateway
EXPOSE 8401
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "deploy.healthy", "http://127.0.0.1:8401/readyz"]
CMD ["cli.main", "gateway", "--host", "0.0.0.0"]

FROM base AS dashboard
EXPOSE 8402
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "deploy.healthy", "http://127.0.0.1:8402/api/v1/openapi.json"]
CMD ["cli.main", "dashboard", "--host", "0.0.0.0"]

FROM base AS worker
HEALTHCHECK --interval=60s --timeout=20s --start-period=30s \
    CMD ["python", "-m", "deploy.healthy", "worker"]
CMD ["celery", "-q", "-A", "workers.app", "worker", "-P", "solo", "-Q", "verification", \
    "--without-mingle", "--without-gossip", "--without-heartbeat"]
