"""Name every path that we answer. Source: the contract, but for the statement and the readiness."""

from __future__ import annotations

WALLET_PATH = "/api/v1/wallet/user"
STATEMENT_PATH = "/api/v1/wallet/user/transactions"
WALLET_HEALTH_PATH = "/api/v1/wallet/health"
HEALTH_PATH = "/health"
READINESS_PATH = "/health/ready"
METRICS_PATH = "/metrics"
OPENAPI_PATH = "/openapi.json"
DOCUMENTATION_PATH = "/api-docs"

GATEWAY_PREFIX = "/api/v1/wallet/"
"""What the gateway routes here."""

PROBE_PATHS = frozenset({WALLET_HEALTH_PATH, HEALTH_PATH, READINESS_PATH, METRICS_PATH})
"""What orchestrators and Prometheus ask every few seconds: their success is logged at debug."""
