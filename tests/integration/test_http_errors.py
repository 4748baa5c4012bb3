"""Errors over HTTP: one table, two shapes, nothing about our insides, and the headers of every other answer."""

from __future__ import annotations

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from adapters.http.errors import Errors, ErrorStyle
from adapters.http.rate_limit import RateLimit
from adapters.mongo.errors import ConnectionLost
from tests.integration.http_service import (
    ISSUER,
    STATEMENT,
    WALLET,
    AwayReader,
    BrokenReader,
    http_service,
)
from tests.scenario import ALICE

STYLES: tuple[ErrorStyle, ...] = ("documented", "v1")


def body(style: ErrorStyle, status: int, message: str) -> object:
    """Give the body of an error as the contract has it."""
    return {"error": message} if style == "documented" else {"error": {"message": message, "status": status}}


@pytest.mark.parametrize("style", STYLES)
def test_every_error_has_the_shape_of_the_deployment(style: ErrorStyle) -> None:
    """Whatever goes wrong on the way, the body has the one shape that was set, as JSON that no cache keeps."""
    with http_service(error_style=style) as service:
        service.scenario.open(ALICE)
        answers = {
            (400, "limit is empty: give a value, or leave the parameter out"): service.get(
                f"{STATEMENT}?limit=", ALICE
            ),
            (401, "Unauthorized"): service.get(WALLET),
            (404, "Wallet not found"): service.get(WALLET, "f" * 24),
            (404, "Not Found"): service.get("/api/v1/wallet/nothing"),
            (405, "Method Not Allowed"): service.client.post(WALLET),
        }

    for (status, message), answer in answers.items():
        assert (status, body(style, status, message)) == (answer.status_code, answer.json())
        assert "application/json" == answer.headers["content-type"]
        assert "no-store" == answer.headers["cache-control"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("path", [WALLET, STATEMENT])
def test_a_database_that_is_away_is_a_503(style: ErrorStyle, path: str) -> None:
    """While the database is away, a client is told when to ask again, and an operator why it had to."""
    with http_service(reader=AwayReader(), error_style=style) as service, capture_logs() as lines:
        answer = service.get(path, ALICE)

    assert (503, body(style, 503, "Service Unavailable")) == (answer.status_code, answer.json())
    assert "5" == answer.headers["retry-after"]
    assert ["StoreUnavailable"] == [line["error"] for line in lines if line["event"] == "http_unavailable"]


def test_an_outage_that_a_store_has_its_own_error_for_is_a_503_too() -> None:
    """A store may say more exactly what has happened: its error counts as the one in the table that it is a kind of."""
    with http_service(reader=AwayReader(ConnectionLost)) as service:
        answer = service.get(WALLET, ALICE)

    assert (503, "5") == (answer.status_code, answer.headers["retry-after"])


def test_a_missing_key_set_is_a_503_and_not_the_clients_fault() -> None:
    """Without a single key nobody can be verified: that is no 401, which would sign every user out."""
    with http_service(jwks=b"") as service:
        answer = service.get(WALLET, ALICE)

    assert (503, {"error": "Service Unavailable"}) == (answer.status_code, answer.json())
    assert "10" == answer.headers["retry-after"]


@pytest.mark.parametrize("style", STYLES)
def test_a_defect_is_a_500_without_details(style: ErrorStyle) -> None:
    """What nobody has foreseen is logged with all that is known, and tells the client nothing."""
    with http_service(reader=BrokenReader(), error_style=style) as service, capture_logs() as lines:
        answer = service.get(WALLET, ALICE)

    assert (500, body(style, 500, "Internal Server Error")) == (answer.status_code, answer.json())
    assert ALICE not in answer.text
    (line,) = (line for line in lines if line["event"] == "http_unexpected_error")
    assert line["exc_info"]


def test_the_service_goes_on_after_a_defect() -> None:
    """One broken request costs the next one nothing, and is counted as what it was."""
    with http_service(reader=BrokenReader()) as service:
        service.get(WALLET, ALICE)

        assert 200 == service.get("/health").status_code
        assert 1 == service.metric("http_requests_total", method="GET", route=WALLET, status_code="500")


async def sent_before_failing(app: ASGIApp, scope_type: str, reason: str) -> list[Message]:
    """Let ``Errors`` stand around an application that fails, which it must pass on; give what was sent until then."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": f"{scope_type}.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    with pytest.raises(RuntimeError, match=reason):
        await Errors(app, "documented")({"type": scope_type}, receive, send)
    return sent


async def test_an_answer_that_has_begun_is_not_answered_again() -> None:
    """What breaks in the middle of an answer is left to the server, which cuts it: no second head follows the first."""

    async def breaks(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("in the middle")

    sent = await sent_before_failing(breaks, "http", "in the middle")

    assert [200] == [message["status"] for message in sent]


async def test_what_fails_outside_a_request_is_nobodys_answer() -> None:
    """A start that fails is the server's to tell: there is no client, and an answer to none would hide it."""

    async def fails(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("cannot start")

    assert [] == await sent_before_failing(fails, "lifespan", "cannot start")


@pytest.mark.parametrize(
    "path", ["/nothing", WALLET, "/health", "/health/ready", "/metrics", "/api-docs", "/openapi.json"]
)
def test_every_answer_has_the_security_headers(path: str) -> None:
    """Good or bad, each answer tells a browser not to sniff, frame, script or leak, and each of it once."""
    with http_service() as service:
        headers = service.get(path).headers

    assert {
        "content-security-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "referrer-policy",
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-options",
    } <= headers.keys()
    assert all(1 == len(headers.get_list(name)) for name in headers)
    assert "'none'" in headers["content-security-policy"].partition(";")[0]
    assert "server" not in headers


def test_errors_have_them_too() -> None:
    """A 500 and a 429 carry the security headers and the correlation id like any other answer."""
    with http_service(reader=BrokenReader(), rate_limit=RateLimit(1, 60_000)) as service:
        broken = service.get(WALLET, ALICE)
        refused = service.get(WALLET, ALICE)

    assert [500, 429] == [broken.status_code, refused.status_code]
    for answer in (broken, refused):
        assert "nosniff" == answer.headers["x-content-type-options"]
        assert answer.headers["x-request-id"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_nothing_can_be_written(method: str) -> None:
    """Every method but GET and HEAD is refused, with the ones that work."""
    with http_service() as service:
        answer = service.client.request(method, WALLET, content=b'{"balance": 1000000}')

    assert 405 == answer.status_code
    assert {"GET", "HEAD"} == set(answer.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "path", ["//", "/health/", f"{WALLET}/", "/API/V1/WALLET/USER", "/health%2Fready/..", "/%00", "/..%2f"]
)
def test_a_path_is_taken_literally(path: str) -> None:
    """A path that is only similar to one of ours is unknown; nothing redirects to a host that a client cannot reach."""
    with http_service() as service:
        answer = service.client.get(path, follow_redirects=False)

    assert (404, {"error": "Not Found"}) == (answer.status_code, answer.json())


def test_a_reason_is_for_the_operator_alone() -> None:
    """Why a token was refused stands in the log, not in the answer, and never with the token."""
    with http_service() as service, capture_logs() as lines:
        token = service.key.token(ALICE, ISSUER, "another-service")
        answer = service.get(WALLET, authorization=f"Bearer {token}")

    assert {"error": "Unauthorized"} == answer.json()
    (line,) = (line for line in lines if line["event"] == "http_unauthorized")
    assert "aud" in line["reason"]
    assert token not in str(lines)
