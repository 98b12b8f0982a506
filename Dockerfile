# Two stages: the first builds the package from locked, hash-checked parts into a virtual environment,
# the second holds that environment and nothing to build with.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/build && python -m venv /opt/cds
COPY requirements.lock requirements-build.lock ./
RUN /opt/cds/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY cds_service cds_service
COPY fhir_fixtures fhir_fixtures
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/cds/bin/pip install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.11-slim
COPY --from=build /opt/cds /opt/cds
ENV PATH=/opt/cds/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# What the service keeps lies in one folder; without a volume there it lasts as long as the container.
RUN install --directory --owner=10001 --group=10001 --mode=0700 /data
ENV CDS_DATABASE_URL=sqlite:////data/cds-service.db
# A number, so that an orchestrator can see that the process is not root; it owns no other file and needs no home.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["cds-service"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
