# Citewell with engines of your own: `citewell api`, `citewell worker`, `citewell migrate`. See compose.yaml.
ARG PYTHON_VERSION=3.13

FROM python:${PYTHON_VERSION}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Wheels alone: there is no compiler here, and a dependency that needs one should stop the build.
COPY requirements/service.txt requirements/build.txt requirements/
RUN python -m venv --without-pip /opt/citewell \
    && python -m pip --python /opt/citewell/bin/python install --only-binary :all: -r requirements/service.txt \
    && python -m pip install --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY adapters adapters
COPY entrypoints entrypoints
COPY migrations migrations
RUN python -m hatchling build --target wheel --directory dist \
    && python -m pip --python /opt/citewell/bin/python install --no-deps --no-index dist/citewell-*.whl

FROM python:${PYTHON_VERSION}-slim
# A fixed number, so that volumes keep their owner from image to image. /data becomes a volume's first content.
RUN groupadd --gid 10001 citewell \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin citewell \
    && install --directory --owner=10001 --group=10001 --mode=0750 /data
COPY --from=build /opt/citewell /opt/citewell
ENV PATH=/opt/citewell/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    APP_HOST=0.0.0.0 \
    APP_PORT=8000 \
    APP_DATA_DIR=/data
USER 10001:10001
WORKDIR /opt/citewell
EXPOSE 8000
# For the API. Liveness, not readiness: an orchestrator that replaces what is unhealthy should not do so because
# the database is away.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['APP_PORT']}/livez\", timeout=4)"]
ENTRYPOINT ["citewell"]
CMD ["api"]
