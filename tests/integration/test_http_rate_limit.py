"""The rate limit: who counts as one client, what is counted, and what a client is told about it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from adapters.http.client_address import ClientAddresses, Network
from adapters.http.rate_limit import RateLimit
from adapters.http.rate_windows import RateWindows
from tests.integration.http_service import PEER, PRIVATE_RANGES, WALLET, edge_around, http_service
from tests.integration.jwks_endpoint import Clock
from tests.scenario import ALICE, BOB

GATEWAY = "10.0.0.5"


def client_of(peer: str | None, *forwarded_for: str, trusted: tuple[Network, ...] = PRIVATE_RANGES) -> str:
    """Tell which client a request from this peer, with these headers, counts for."""
    headers = [(b"host", b"wallet"), *((b"x-forwarded-for", value.encode("latin-1")) for value in forwarded_for)]
    client = None if peer is None else (peer, 50_000)
    return ClientAddresses(trusted).client_of({"type": "http", "client": client, "headers": headers})


def test_a_client_over_the_limit_is_refused_and_told_when_to_come_back() -> None:
    """The request over the limit is a 429 with the time until the window ends; the error has the documented shape."""
    with http_service(rate_limit=RateLimit(2, 900_000)) as service:
        service.scenario.open(ALICE)
        answers = [service.get(WALLET, ALICE) for _ in range(3)]

    assert [200, 200, 429] == [answer.status_code for answer in answers]
    assert {"error": "Too Many Requests"} == answers[2].json()
    assert ["1", "0", "0"] == [answer.headers["ratelimit-remaining"] for answer in answers]
    assert "900" == answers[2].headers["retry-after"] == answers[2].headers["ratelimit-reset"]
    assert {("2", "2;w=900")} == {
        (answer.headers["ratelimit-limit"], answer.headers["ratelimit-policy"]) for answer in answers
    }


def test_the_error_has_v1s_shape_when_asked() -> None:
    """A 429 follows the style of the deployment like every other error."""
    with http_service(rate_limit=RateLimit(1, 60_000), error_style="v1") as service:
        service.get(WALLET)

        assert {"error": {"message": "Too Many Requests", "status": 429}} == service.get(WALLET).json()


def test_failed_requests_count() -> None:
    """Guessing tokens uses the limit up like anything else, unknown paths too."""
    with http_service(rate_limit=RateLimit(2, 60_000)) as service:
        statuses = [service.get(path).status_code for path in (WALLET, "/nothing", WALLET)]

    assert [401, 404, 429] == statuses


def test_users_behind_the_gateway_are_told_apart() -> None:
    """From a trusted peer, each address that it forwards has a limit of its own."""
    with http_service(rate_limit=RateLimit(1, 60_000), peer=GATEWAY) as service:
        service.scenario.open(ALICE, BOB)
        alice = [service.get(WALLET, ALICE, x_forwarded_for="198.51.100.1").status_code for _ in range(2)]
        bob = service.get(WALLET, BOB, x_forwarded_for="198.51.100.2").status_code

    assert ([200, 429], 200) == (alice, bob)


def test_a_stranger_cannot_pretend_to_be_many() -> None:
    """From any other peer the header is ignored."""
    with http_service(rate_limit=RateLimit(1, 60_000), peer=PEER) as service:
        statuses = [service.get("/openapi.json", x_forwarded_for=f"198.51.100.{n}").status_code for n in range(2)]

    assert [200, 429] == statuses


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        (PEER, ["198.51.100.1"], PEER),
        (GATEWAY, [], GATEWAY),
        (GATEWAY, ["198.51.100.1"], "198.51.100.1"),
        (GATEWAY, ["1.1.1.1, 2.2.2.2 ,198.51.100.1"], "198.51.100.1"),
        (GATEWAY, ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        (GATEWAY, ["198.51.100.1:54321"], "198.51.100.1"),
        (GATEWAY, ["::ffff:198.51.100.1"], "198.51.100.1"),
        (GATEWAY, ["10.0.0.77"], "10.0.0.77"),
        ("::ffff:10.0.0.5", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::5", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        (GATEWAY, ["[2001:db8:1:2::9]:443"], "2001:db8:1:2::/64"),
        (GATEWAY, ["fe80::1%eth0"], "fe80::/64"),
        ("2001:db8::1", ["198.51.100.1"], "2001:db8::/64"),
        (GATEWAY, [""], GATEWAY),
        (GATEWAY, ["198.51.100.1,"], GATEWAY),
        (GATEWAY, ["unknown"], GATEWAY),
        (GATEWAY, ["_hidden, \xff"], GATEWAY),
        (GATEWAY, ["1" * 100_000], GATEWAY),
        ("testclient", ["198.51.100.1"], "testclient"),
        (None, ["198.51.100.1"], "local"),
    ],
)
def test_the_client_is_the_last_hop_that_a_trusted_peer_has_seen(
    peer: str | None, forwarded_for: list[str], client: str
) -> None:
    """Only the last hop counts, and only from a trusted peer; what is no address counts for the peer itself."""
    assert client == client_of(peer, *forwarded_for)


def test_no_peer_is_trusted_unless_listed() -> None:
    """With no trusted proxies every peer counts for itself, and with others the default ones do."""
    assert "127.0.0.1" == client_of("127.0.0.1", "198.51.100.1", trusted=())
    assert GATEWAY == client_of(GATEWAY, "198.51.100.1", trusted=(ip_network("192.0.2.0/24"),))


async def answer(_request: Request) -> Response:
    """Answer with something."""
    return PlainTextResponse("here you are")


def limited(limit: RateLimit, clock: Clock) -> TestClient:
    """Build a client of a service with nothing but the limit."""
    app = edge_around(Starlette(routes=[Route("/", answer)]), rate_limit=limit, now=clock)
    return TestClient(app, client=(PEER, 50_000))


def test_a_new_window_begins_when_the_old_one_has_ended() -> None:
    """The window begins with the first request and ends by the clock; what was refused in it does not prolong it."""
    clock = Clock(1_000.0)
    client = limited(RateLimit(1, 10_000), clock)

    statuses = [client.get("/").status_code]
    for now in (1_004.0, 1_009.9, 1_010.0, 1_010.1):
        clock.now = now
        statuses.append(client.get("/").status_code)

    assert [200, 429, 429, 200, 429] == statuses


def test_the_headers_count_down() -> None:
    """The reset is told in whole seconds, never 0, so that waiting as long as told is enough."""
    clock = Clock(1_000.0)
    client = limited(RateLimit(5, 10_000), clock)

    told = []
    for now in (1_000.0, 1_003.5, 1_009.999):
        clock.now = now
        told.append(client.get("/").headers["ratelimit-reset"])

    assert ["10", "7", "1"] == told


def test_a_window_of_part_of_a_second_is_raised() -> None:
    """A window in milliseconds is raised to whole seconds, the unit of the headers."""
    assert (1, 2, 900) == tuple(RateLimit(1, window_ms).window_s for window_ms in (1_000, 1_001, 900_000))


def test_only_so_many_clients_are_remembered() -> None:
    """However many addresses ask, no more than the bound are kept; whose window ends first is forgotten first."""
    windows = RateWindows(60, clients_max=2, now=(clock := Clock(0.0)))
    for client in ("first", "second", "first", "third"):
        clock.now += 1
        windows.count(client)

    counts = [windows.count(client)[0] for client in ("third", "second", "first")]

    assert [2, 2, 1] == counts
    assert 2 == len(windows)


def test_a_window_that_has_ended_makes_room_first() -> None:
    """A client that comes back after its window is the youngest again."""
    windows = RateWindows(60, clients_max=2, now=(clock := Clock(0.0)))
    for client, now in (("first", 0.0), ("second", 30.0), ("first", 61.0), ("third", 62.0)):
        clock.now = now
        windows.count(client)

    assert [2, 2, 1] == [windows.count(client)[0] for client in ("third", "first", "second")]
