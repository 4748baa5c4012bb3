"""The public keys: how they come, stay and go."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from adapters.http.key_set import KEY_SET_BYTES_MAX
from adapters.http.keys import KEY_SET_AGE_MAX_S, REFETCH_INTERVAL_S, KeysUnavailable
from tests.integration.jwks_endpoint import (
    ALICE,
    BOB,
    KEY,
    NEXT_KEY,
    STRANGER_KEY,
    WAIT_S_MAX,
    Service,
    claims,
    published,
    signed,
    until,
)


async def test_first_requests_share_one_fetch(service: Service) -> None:
    """Twenty requests at once, before any key is known, cost the endpoint one request."""
    answers = await asyncio.gather(*(service.bearer(signed(claims(jti=str(n)))) for n in range(20)))

    assert [ALICE] * 20 == answers
    assert 1 == service.endpoint.request_count


async def test_unknown_kid_costs_one_fetch_per_interval(service: Service) -> None:
    """However many tokens with an unknown kid arrive, the endpoint is asked once per 10 s."""
    stranger = signed(claims(), NEXT_KEY)
    await service.bearer(signed(claims()))
    counts = []

    for seconds in (REFETCH_INTERVAL_S - 0.1, 0.1, REFETCH_INTERVAL_S - 0.1, 0.1):
        service.monotonic.now += seconds
        await asyncio.gather(*(service.refusal(stranger) for _ in range(5)))
        counts.append(service.endpoint.request_count)

    assert [1, 2, 2, 3] == counts


async def test_rotated_key_is_found(service: Service) -> None:
    """A token under a new kid is accepted once the key set has been fetched again, and the old one goes on."""
    await service.bearer(signed(claims()))
    service.endpoint.document = published(KEY, NEXT_KEY)
    service.monotonic.now += REFETCH_INTERVAL_S

    assert BOB == await service.bearer(signed(claims(sub=BOB), NEXT_KEY))
    assert ALICE == await service.bearer(signed(claims()))


async def test_removed_key_is_refused_from_the_next_fetch_on(service: Service) -> None:
    """A token that was verified, and remembered, is refused when its key has left the endpoint."""
    token = signed(claims())
    await service.bearer(token)
    service.endpoint.document = published(NEXT_KEY)
    service.monotonic.now += REFETCH_INTERVAL_S

    await service.bearer(signed(claims(sub=BOB), NEXT_KEY))

    assert "publishes no key" in await service.refusal(token)


async def test_key_replaced_under_its_kid_is_refused(service: Service) -> None:
    """A token remembered from the old key of a kid is not good for the new key of the same kid."""
    token = signed(claims())
    await service.bearer(token)
    service.endpoint.document = published(STRANGER_KEY, NEXT_KEY)
    service.monotonic.now += REFETCH_INTERVAL_S

    await service.bearer(signed(claims(sub=BOB), NEXT_KEY))

    assert "signature" in await service.refusal(token)


async def test_old_set_is_fetched_again_while_nobody_waits(service: Service) -> None:
    """A set of ten minutes is fetched again at use; the request is answered while the endpoint still thinks."""
    token = signed(claims())
    await service.bearer(token)
    service.monotonic.now += KEY_SET_AGE_MAX_S
    service.endpoint.document = published(NEXT_KEY)
    service.endpoint.answering.clear()

    async with asyncio.timeout(WAIT_S_MAX / 2):
        meanwhile = await service.bearer(token)
        await until(lambda: service.endpoint.request_count == 2)
    service.endpoint.answering.set()
    await until(lambda: service.keys.held("second") is not None)

    assert ALICE == meanwhile
    assert "publishes no key" in await service.refusal(token)


async def test_young_set_is_not_fetched_again(service: Service) -> None:
    """A known kid asks nothing of the endpoint before the set is ten minutes old."""
    await service.bearer(signed(claims()))

    service.monotonic.now += KEY_SET_AGE_MAX_S - 0.1
    await service.bearer(signed(claims(sub=BOB)))

    assert "jwks-fetch" not in {task.get_name() for task in asyncio.all_tasks()}
    assert 1 == service.endpoint.request_count


async def test_keys_are_kept_while_the_endpoint_is_away(service: Service) -> None:
    """An endpoint that fails takes no key with it; the failure is logged without a word of a token."""
    token = signed(claims())
    await service.bearer(token)
    service.endpoint.status = 503
    service.monotonic.now += KEY_SET_AGE_MAX_S

    with capture_logs() as logs:
        await service.refusal(signed(claims(sub=BOB), NEXT_KEY))
        answer = await service.bearer(token)

    assert ALICE == answer
    assert [("warning", "jwks_unreadable", "the endpoint answered 503", ["first"])] == [
        (log["log_level"], log["event"], log["reason"], log["kids_kept"]) for log in logs
    ]
    assert 2 == service.endpoint.request_count


async def test_empty_set_takes_every_key_back(service: Service) -> None:
    """An endpoint that publishes no usable key any more takes back all it gave: nobody can be verified."""
    token = signed(claims())
    await service.bearer(token)
    service.endpoint.document = b'{"keys": []}'
    service.monotonic.now += REFETCH_INTERVAL_S

    with pytest.raises(KeysUnavailable):
        await service.bearer(signed(claims(), NEXT_KEY))
    with pytest.raises(KeysUnavailable):
        await service.bearer(token)


@pytest.mark.parametrize(
    ("status", "document"),
    [
        pytest.param(503, published(KEY), id="status-503"),
        pytest.param(302, published(KEY), id="redirect"),
        pytest.param(200, b"", id="empty"),
        pytest.param(200, b"<html>", id="not-json"),
        pytest.param(200, b"[" * 20_000, id="nested-deeply"),
        pytest.param(200, b"[]", id="list"),
        pytest.param(200, b'{"keys": {}}', id="keys-is-an-object"),
        pytest.param(200, published(KEY) + b" " * KEY_SET_BYTES_MAX, id="too-large"),
        pytest.param(200, b'{"keys": [null, {}, {"kid": "first"}]}', id="no-usable-entry"),
    ],
)
async def test_no_key_was_ever_fetched(service: Service, status: int, document: bytes) -> None:
    """Without any key nobody is told to be unauthorized; one attempt per 10 s, and the first good one ends it."""
    service.endpoint.status, good, service.endpoint.document = status, service.endpoint.document, document
    token = signed(claims())

    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await service.bearer(token)
    attempts = service.endpoint.request_count
    service.endpoint.status, service.endpoint.document = 200, good
    service.monotonic.now += REFETCH_INTERVAL_S

    assert 1 == attempts
    assert ALICE == await service.bearer(token)


async def test_client_that_hangs_up_does_not_end_the_fetch(service: Service) -> None:
    """A request that is cancelled during the shared fetch leaves it to the others."""
    service.endpoint.answering.clear()
    hasty = asyncio.create_task(service.bearer(signed(claims())))
    patient = asyncio.create_task(service.bearer(signed(claims(sub=BOB))))
    await until(lambda: service.endpoint.request_count == 1)

    hasty.cancel()
    await asyncio.wait({hasty}, timeout=WAIT_S_MAX)
    service.endpoint.answering.set()

    assert hasty.cancelled()
    assert BOB == await asyncio.wait_for(patient, WAIT_S_MAX)
    assert 1 == service.endpoint.request_count


async def test_closing_ends_a_running_fetch(service: Service) -> None:
    """Shutdown does not wait for an endpoint that does not answer."""
    service.endpoint.answering.clear()
    waiting = asyncio.create_task(service.bearer(signed(claims())))
    await until(lambda: service.endpoint.request_count == 1)

    async with asyncio.timeout(WAIT_S_MAX / 2):
        await service.keys.aclose()
        await asyncio.wait({waiting})

    assert waiting.cancelled()
