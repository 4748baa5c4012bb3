"""What an operator sees of HTTP: the dashboards' metrics, one line in the log per request, one id for all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from adapters.http.correlation_id import with_correlation_id
from adapters.http.rate_limit import RateLimit
from tests.integration.http_service import STATEMENT, WALLET, HttpService, edge_around, http_service
from tests.scenario import ALICE


@pytest.fixture
def service() -> Iterator[HttpService]:
    """Run the service with Alice's wallet."""
    with http_service() as running:
        running.scenario.open(ALICE)
        yield running


def test_requests_are_counted_and_timed_by_route(service: HttpService) -> None:
    """The dashboards' metrics have the labels method, route and status code."""
    service.get(WALLET, ALICE)
    service.get(f"{STATEMENT}?limit=1", ALICE)
    service.get(f"{STATEMENT}?limit=0", ALICE)
    service.client.head(WALLET)

    for method, route, status in (
        ("GET", WALLET, 200),
        ("GET", STATEMENT, 200),
        ("GET", STATEMENT, 400),
        ("HEAD", WALLET, 401),
    ):
        labels = {"method": method, "route": route, "status_code": str(status)}
        assert 1 == service.metric("http_requests_total", **labels)
        assert 1 == service.metric("http_request_duration_seconds_count", **labels)
        assert 0 < service.metric("http_request_duration_seconds_sum", **labels) < 1


def test_strangers_cannot_make_labels(service: HttpService) -> None:
    """However many paths and methods somebody invents, they are one route and one method."""
    for number in range(20):
        service.client.request(f"BREW{number}", f"/pot/{number}")
    service.client.request("BREW", WALLET)

    assert 20 == service.metric("http_requests_total", method="other", route="unmatched", status_code="404")
    assert 1 == service.metric("http_requests_total", method="other", route=WALLET, status_code="405")
    assert "BREW" not in service.get("/metrics").text


def test_what_never_reaches_a_route_is_counted_under_it() -> None:
    """A request that the limit or CORS answers counts for the route that it was meant for."""
    with http_service(rate_limit=RateLimit(1, 60_000)) as service:
        for path in (WALLET, WALLET, "/nothing"):
            service.get(path)
        preflight = {"origin": "https://app.example.com", "access-control-request-method": "GET"}
        service.client.options(WALLET, headers=preflight)

        assert 1 == service.metric("http_requests_total", method="GET", route=WALLET, status_code="429")
        assert 1 == service.metric("http_requests_total", method="GET", route="unmatched", status_code="429")
        assert 1 == service.metric("http_requests_total", method="OPTIONS", route=WALLET, status_code="200")


def test_the_request_for_metrics_is_an_active_one(service: HttpService) -> None:
    """``active_connections`` counts the requests that are being answered: here the one that asks."""
    assert 1 == service.metric("active_connections")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("*/*", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text")],
)
def test_prometheus_gets_the_form_it_asks_for(service: HttpService, accept: str, content_type: str) -> None:
    """Old and new scrapers are both served."""
    answer = service.get("/metrics", accept=accept)

    assert answer.headers["content-type"].startswith(content_type)
    assert "active_connections" in answer.text


async def test_a_request_that_ends_without_an_answer_is_counted_as_ours() -> None:
    """When an application breaks, or its client goes away before it answers, that is a 500 and nothing stays active."""
    registry = CollectorRegistry()

    async def breaks(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise asyncio.CancelledError

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(_message: Message) -> None:
        """Swallow it."""

    edge = edge_around(breaks, registry=registry)
    with pytest.raises(asyncio.CancelledError):
        await edge({"type": "http", "method": "GET", "path": "/", "headers": []}, receive, send)

    labels = {"method": "GET", "route": "unmatched", "status_code": "500"}
    assert 1 == registry.get_sample_value("http_requests_total", labels)
    assert 0 == registry.get_sample_value("active_connections")


def test_a_request_is_one_line_in_the_log(service: HttpService) -> None:
    """The line says what was asked and how it ended, and nothing that could hold a secret or a person."""
    token = service.token(ALICE)
    with capture_logs(processors=[with_correlation_id]) as lines:
        answer = service.get(
            f"{WALLET}?token={token}",
            x_request_id="trace-1",
            cookie=f"mint_session={token}",
            x_forwarded_for="192.0.2.9",
        )

    assert 200 == answer.status_code
    (line,) = (line for line in lines if line["event"] == "http_request")
    assert 0 < line.pop("duration_ms") < 1_000
    assert {
        "event": "http_request",
        "log_level": "info",
        "method": "GET",
        "route": WALLET,
        "status": 200,
        "correlation_id": "trace-1",
    } == line
    assert token not in str(lines)


@pytest.mark.parametrize(("ready", "level"), [(True, "debug"), (False, "info")])
def test_what_is_asked_every_few_seconds_is_logged_when_it_fails(ready: bool, level: str) -> None:  # noqa: FBT001
    """A probe that finds everything well is a line for who looks closely; a failed one is a line like any other."""

    async def check() -> str | None:
        return None if ready else "away"

    with http_service(readiness_checks={"mongodb": check}) as service, capture_logs() as lines:
        service.get("/health/ready")

    (line,) = (line for line in lines if line["event"] == "http_request")
    assert level == line["log_level"]


def test_every_line_about_a_request_has_its_id(service: HttpService) -> None:
    """Lines of any module that are logged during a request carry its correlation id, and no other one's."""
    with capture_logs(processors=[with_correlation_id]) as lines:
        service.get(WALLET, x_request_id="trace-1")
        service.get(WALLET, x_request_id="trace-2")

    assert [(event, id_) for id_ in ("trace-1", "trace-2") for event in ("http_unauthorized", "http_request")] == [
        (line["event"], line["correlation_id"]) for line in lines
    ]


def test_an_id_that_is_given_comes_back(service: HttpService) -> None:
    """A gateway's id is kept and returned."""
    assert "5f2b:trace_1.a-Z" == service.get(WALLET, x_request_id="5f2b:trace_1.a-Z").headers["x-request-id"]


@pytest.mark.parametrize("given", ["", "x" * 65, "two words", 'quote"', "<b>", "\xe9"])
def test_an_id_that_could_do_harm_is_replaced(service: HttpService, given: str) -> None:
    """An id that is empty, long, or could garble a log is replaced by one of ours."""
    answer = service.client.get(WALLET, headers=[(b"x-request-id", given.encode("latin-1"))])

    made = answer.headers["x-request-id"]
    assert made != given
    assert 32 == len(made)
    assert made.isalnum()
