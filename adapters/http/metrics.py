"""Count and time HTTP requests for Prometheus, under the names and labels that the system's dashboards query.

Bounds: a label takes few values. The route is a template, never a path that a client made up (``unmatched`` instead);
the method is one of those that HTTP defines, or ``other``.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

UNMATCHED = "unmatched"
"""The route of a path that we do not know."""

OTHER_METHOD = "other"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})
"""Source: RFC 9110, section 9, and RFC 5789 (PATCH)."""

BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The default buckets of Prometheus' clients, with three more below 5 ms, where a read of one document lies."""

_LABELS = ("method", "route", "status_code")


class HttpMetrics:
    """The three metrics of the contract. One instance for each registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them. Raises ValueError if the registry has them already."""
        self._total = Counter("http_requests_total", "HTTP requests answered.", _LABELS, registry=registry)
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time from the first line of a request to the end of its answer.",
            _LABELS,
            registry=registry,
            buckets=BUCKETS_S,
        )
        self.active = 0
        """Requests that are being answered; read when somebody asks for the metrics."""
        active = Gauge("active_connections", "Connections with a request that is being answered.", registry=registry)
        active.set_function(lambda: self.active)
        # Looking a child up by its labels costs as much as counting; there are few of them, see the bounds above.
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count one answered request. ``route`` must be a template or UNMATCHED."""
        key = (method if method in METHODS else OTHER_METHOD, route, status)
        children = self._children.get(key)
        if children is None:
            labels = (key[0], route, str(status))
            children = self._children[key] = (self._total.labels(*labels), self._duration.labels(*labels))
        total, duration = children
        total.inc()
        duration.observe(duration_s)
