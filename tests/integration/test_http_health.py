"""Health and readiness: what gateways, containers and orchestrators ask, without a token and without end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from adapters.http.rate_limit import RateLimit
from adapters.http.readiness import Readiness
from tests.integration.http_service import HttpService, http_service, is_up


@pytest.fixture
def service() -> Iterator[HttpService]:
    """Run the service with everything that it depends on."""
    with http_service() as running:
        yield running


async def is_down() -> str | None:
    """Be a component that is away."""
    return "connection refused"


async def hangs() -> str | None:
    """Be a component that never answers."""
    await asyncio.Event().wait()
    return None


async def has_a_defect() -> str | None:
    """Be a check that fails instead of answering."""
    raise ZeroDivisionError


def test_the_gateway_is_told_that_the_service_answers(service: HttpService) -> None:
    """The health of the contract has its three fields, the time among them."""
    answer = service.get("/api/v1/wallet/health")

    assert 200 == answer.status_code
    assert ('{"status":"healthy","service":"wallet-service","timestamp":"2025-01-15T11:00:05.000Z"}') == answer.text


def test_the_container_is_told_that_the_process_is_alive(service: HttpService) -> None:
    """The health check of v1's containers gets what it expects."""
    answer = service.get("/health")

    assert (200, {"status": "ok", "service": "wallet"}) == (answer.status_code, answer.json())


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/api/v1/wallet/health", "/metrics"])
def test_head_is_enough(service: HttpService, path: str) -> None:
    """HEAD is answered like GET: ``wget --spider`` asks so."""
    assert 200 == service.client.head(path).status_code


def test_ready_lists_what_is_up(service: HttpService) -> None:
    """With everything there, readiness is 200 and says so for each component."""
    answer = service.get("/health/ready")

    assert 200 == answer.status_code
    assert {
        "status": "ready",
        "components": {"mongodb": {"status": "up"}, "rabbitmq": {"status": "up"}},
    } == answer.json()


def test_ready_says_what_is_down() -> None:
    """While a component is away, readiness is 503 and names it with the reason; the process itself stays healthy."""
    with http_service(readiness_checks={"mongodb": is_up, "rabbitmq": is_down}) as service:
        answer = service.get("/health/ready")

        assert 200 == service.get("/health").status_code
        assert 200 == service.get("/api/v1/wallet/health").status_code

    assert 503 == answer.status_code
    assert {
        "status": "unavailable",
        "components": {"mongodb": {"status": "up"}, "rabbitmq": {"status": "down", "reason": "connection refused"}},
    } == answer.json()


def test_a_check_with_a_defect_is_not_ready() -> None:
    """A check that fails instead of giving a reason is a 500: whoever asks does not take that for ready."""
    with http_service(readiness_checks={"mongodb": has_a_defect, "rabbitmq": is_up}) as service:
        assert 500 == service.get("/health/ready").status_code
        assert 500 == service.get("/health/ready").status_code


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics", "/api/v1/wallet/health"])
def test_health_is_never_kept(service: HttpService, path: str) -> None:
    """No cache may answer for us."""
    assert "no-store" == service.get(path).headers["cache-control"]


def test_health_has_no_limit() -> None:
    """However often somebody asks for health or metrics, the answer comes, and nothing is counted."""
    with http_service(rate_limit=RateLimit(1, 60_000)) as service:
        answers = [service.get(path) for path in ("/health", "/health/ready", "/metrics") for _ in range(3)]

    assert {200} == {answer.status_code for answer in answers}
    assert not any("ratelimit-limit" in answer.headers for answer in answers)


async def test_a_component_that_hangs_is_down_in_time() -> None:
    """A check that does not answer counts as down when its time is up, and holds no other one up."""
    readiness = Readiness({"mongodb": hangs, "rabbitmq": is_down, "other": is_up}, timeout_s=0.01)

    reasons = await readiness.reasons()

    assert {"mongodb": "no answer within 0.01 s", "rabbitmq": "connection refused", "other": None} == reasons


async def test_those_who_ask_together_share_one_round() -> None:
    """A flood of questions is one for each component, though one who asked has hung up; the next flood asks again."""
    count = 0
    has_begun, may_answer = asyncio.Event(), asyncio.Event()

    async def counted() -> str | None:
        nonlocal count
        count += 1
        has_begun.set()
        await may_answer.wait()
        return None

    readiness = Readiness({"mongodb": counted})
    asked = [asyncio.create_task(readiness.reasons()) for _ in range(50)]
    await has_begun.wait()
    asked[0].cancel()
    may_answer.set()
    answers = await asyncio.gather(*asked[1:])

    assert [{"mongodb": None}] * 49 == answers
    assert 1 == count
    assert {"mongodb": None} == await readiness.reasons()
    assert 2 == count
