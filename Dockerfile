# The wallet service. `docker build -t wallet-service .`; compose.yaml runs it beside MongoDB and RabbitMQ.
# Python 3.11 is what the tests run on.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src

# Packages first: this layer is built again only when the lock changes.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/wallet \
    && /opt/wallet/bin/pip install --require-hashes -r requirements.lock \
    && pip install --require-hashes -r requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY adapters adapters
COPY entrypoints entrypoints
COPY wallet_core wallet_core
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && /opt/wallet/bin/pip install --no-deps --no-index /dist/wallet_service-*.whl


FROM python:3.11-slim-bookworm
LABEL org.opencontainers.image.title="wallet-service" org.opencontainers.image.licenses="MIT"

# wget: health checks of the systems that this service joins call it inside the image. Debian's stable release fixes its version.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin wallet

COPY --from=build /opt/wallet /opt/wallet
ENV PATH=/opt/wallet/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/wallet
USER 10001

EXPOSE 4003
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["sh", "-c", "wget --quiet --tries=1 --timeout=2 --spider \"http://localhost:${PORT:-4003}/health\""]

CMD ["wallet", "run"]
