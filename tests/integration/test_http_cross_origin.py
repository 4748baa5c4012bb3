"""CORS: what a page of another origin may ask, send and read, with ``*`` and with listed origins."""

from __future__ import annotations

import pytest

from adapters.http.rate_limit import RateLimit
from tests.integration.http_service import WALLET, BrokenReader, http_service
from tests.scenario import ALICE

APP = "https://app.example.com"
OTHER = "https://evil.example.com"

PREFLIGHT = {"access-control-request-method": "GET", "access-control-request-headers": "authorization, if-none-match"}


def test_any_origin_may_read_without_credentials() -> None:
    """With ``*`` every page may read, and no browser will send it a user's cookie for that."""
    with http_service(cors_origins=("*",)) as service:
        service.scenario.open(ALICE)
        answer = service.get(WALLET, ALICE, origin=OTHER)

    assert "*" == answer.headers["access-control-allow-origin"]
    assert "access-control-allow-credentials" not in answer.headers


def test_a_listed_origin_may_read_with_credentials() -> None:
    """With a list, a listed page may read with the user's cookie, and caches tell pages apart."""
    with http_service(cors_origins=("https://first.example.com", APP)) as service:
        service.scenario.open(ALICE)
        answer = service.get(WALLET, ALICE, origin=APP)

    assert APP == answer.headers["access-control-allow-origin"]
    assert "true" == answer.headers["access-control-allow-credentials"]
    assert "Authorization, Cookie, Origin" == answer.headers["vary"]


@pytest.mark.parametrize("origin", [OTHER, "null", f"{APP}.evil.com", "http://app.example.com", f"{APP}:8443"])
def test_no_other_origin_may_read(origin: str) -> None:
    """With a list, an origin that is not on it, or only similar, gets no permission."""
    with http_service(cors_origins=(APP,)) as service:
        answer = service.get(WALLET, origin=origin)

    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origins", [("*",), (APP,)])
def test_a_request_without_an_origin_is_left_alone(origins: tuple[str, ...]) -> None:
    """Servers, and pages of the gateway's own origin, see nothing of CORS."""
    with http_service(cors_origins=origins) as service:
        answer = service.get(WALLET)

    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(("origins", "credentials"), [(("*",), None), ((APP,), "true")])
def test_a_preflight_allows_what_a_client_needs(origins: tuple[str, ...], credentials: str | None) -> None:
    """A browser that asks first may then send a token and an entity tag."""
    with http_service(cors_origins=origins) as service:
        answer = service.client.options(WALLET, headers={"origin": APP, **PREFLIGHT})

    assert 200 == answer.status_code
    assert origins[0] == answer.headers["access-control-allow-origin"]
    assert credentials == answer.headers.get("access-control-allow-credentials")
    assert {"GET", "HEAD"} == set(answer.headers["access-control-allow-methods"].split(", "))
    assert {"Authorization", "If-None-Match", "X-Request-ID"} <= set(
        answer.headers["access-control-allow-headers"].split(", ")
    )


def test_a_preflight_for_writing_is_refused() -> None:
    """Nothing can be written, so no page is told that it may try."""
    with http_service() as service:
        answer = service.client.options(WALLET, headers={"origin": APP, "access-control-request-method": "DELETE"})

    assert 400 == answer.status_code


def test_preflights_cost_nothing() -> None:
    """A preflight is not counted, and a page may read why its next request is refused."""
    with http_service(rate_limit=RateLimit(1, 60_000)) as service:
        preflights = [service.client.options(WALLET, headers={"origin": APP, **PREFLIGHT}) for _ in range(3)]
        counted, refused = (service.get(WALLET, origin=APP) for _ in range(2))

    assert [200, 200, 200] == [answer.status_code for answer in preflights]
    assert 401 == counted.status_code
    assert (429, "*") == (refused.status_code, refused.headers["access-control-allow-origin"])


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("OPTIONS", {}, 405),
        ("OPTIONS", {"origin": APP}, 405),
        ("OPTIONS", {"access-control-request-method": "GET"}, 405),
        ("GET", {"origin": APP, "access-control-request-method": "GET"}, 401),
    ],
)
def test_what_only_looks_like_a_preflight_counts(method: str, headers: dict[str, str], status: int) -> None:
    """A request without all that a browser sends with a preflight, or with another method, is one like any other."""
    with http_service(rate_limit=RateLimit(1, 60_000)) as service:
        statuses = [service.client.request(method, WALLET, headers=headers).status_code for _ in range(2)]

    assert [status, 429] == statuses


def test_a_page_may_read_errors_and_our_headers() -> None:
    """Even a 500 can be read by a page, with the headers that help a client."""
    with http_service(reader=BrokenReader()) as service:
        answer = service.get(WALLET, ALICE, origin=APP)

    assert (500, "*") == (answer.status_code, answer.headers["access-control-allow-origin"])
    assert {"ETag", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "X-Request-ID"} <= set(
        answer.headers["access-control-expose-headers"].split(", ")
    )
