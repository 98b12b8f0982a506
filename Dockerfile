# Two stages: the first builds the package from locked, hash-checked parts into a virtual environment,
# the second holds that environment and nothing to build with. From the same base image and the same sources the
# environment is the same byte by byte (make check-image). A tag is not the same base for ever: name it by digest,
#   docker build --build-arg BASE=python@sha256:… --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) \
#     --output type=docker,rewrite-timestamp=true .
# which this file cannot do for you: it was written where no registry is reached.
ARG BASE=python:3.11-slim
FROM ${BASE} AS build
ARG SOURCE_DATE_EPOCH=1767225600
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md requirements.lock requirements-build.lock ./
COPY release/install release/install
COPY cds_service cds_service
COPY fhir_fixtures fhir_fixtures
RUN SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} release/install /opt/cds

FROM ${BASE}
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
