"""Who is asking: where a token is looked for, and what is remembered of one that was verified."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from structlog.testing import capture_logs

from adapters.http.auth import Unauthorized, VerifiedTokens
from adapters.http.tokens import LEEWAY_S, VerifiedToken
from tests.integration.jwks_endpoint import (
    ALICE,
    BOB,
    ISSUER,
    KEY,
    NOW,
    STRANGER_KEY,
    Service,
    claims,
    signed,
)


@pytest.fixture
def decode_count(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many times the library has checked a signature."""
    calls: list[str] = []
    decode = jwt.decode

    def counting_decode(value: str, key: RSAKey, **options: object) -> jwt.Token:
        calls.append(value)
        return decode(value, key, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(jwt, "decode", counting_decode)
    return lambda: len(calls)


ALICES = signed(claims(sub=ALICE))
BOBS = signed(claims(sub=BOB))
BAD = signed(claims(exp=NOW - 60))


@pytest.mark.parametrize(
    ("authorization", "cookies", "user_id"),
    [
        pytest.param(f"Bearer {ALICES}", {"mint_session": BOBS, "access.token": BOBS}, ALICE, id="bearer-first"),
        pytest.param(None, {"access.token": BOBS, "mint_session": ALICES}, ALICE, id="mint_session-second"),
        pytest.param(None, {"access.token": ALICES}, ALICE, id="access.token-last"),
        pytest.param(f"Bearer {BAD}", {"mint_session": ALICES}, ALICE, id="bad-bearer-good-cookie"),
        pytest.param("Bearer", {"mint_session": BAD, "access.token": ALICES}, ALICE, id="two-bad-one-good"),
        pytest.param("Basic YWxpY2U6c2VjcmV0", {"access.token": ALICES}, ALICE, id="other-scheme"),
        pytest.param(f"bearer   {ALICES} ", {}, ALICE, id="scheme-in-lower-case"),
    ],
)
async def test_first_token_that_verifies_wins(
    service: Service, authorization: str | None, cookies: dict[str, str], user_id: str
) -> None:
    """Bearer counts before mint_session and that before access.token; a bad token stops none behind it."""
    assert user_id == await service.authenticator.user_id(authorization, cookies)


@pytest.mark.parametrize(
    ("authorization", "cookies"),
    [(None, {}), ("", {}), (ALICES, {}), (f"Basic {ALICES}", {}), (None, {"session": ALICES})],
)
async def test_no_token_is_unauthorized(service: Service, authorization: str | None, cookies: dict[str, str]) -> None:
    """A request without a token in one of the three places is refused, and no key is fetched for it."""
    with pytest.raises(Unauthorized, match="no token"):
        await service.authenticator.user_id(authorization, cookies)

    assert 0 == service.endpoint.request_count


async def test_refusal_names_each_source_and_quotes_nothing(service: Service) -> None:
    """The refusal tells an operator what failed where; no part of a token and no claim is in it or behind it."""
    stranger = signed(claims(sub="mallory"), STRANGER_KEY)

    with capture_logs() as logs, pytest.raises(Unauthorized) as refused:
        await service.authenticator.user_id(f"Bearer {BAD}", {"mint_session": stranger, "access.token": "x"})

    text = f"{refused.value!r} {refused.value.__cause__!r} {refused.value.__context__!r} {logs}"
    assert "Bearer: expired_token" in text
    assert "mint_session: its signature" in text
    assert "access.token: it is not" in text
    secrets = {ALICE, "mallory", ISSUER, *BAD.split("."), *stranger.split(".")}
    assert not [secret for secret in secrets if secret in text]


async def test_known_token_is_not_verified_again(service: Service, decode_count: Callable[[], int]) -> None:
    """The second request with the same token costs no signature check."""
    token = signed(claims())

    first, second = await service.bearer(token), await service.bearer(token)

    assert ALICE == first == second
    assert 1 == decode_count()


async def test_known_token_ends_at_its_exp(service: Service, decode_count: Callable[[], int]) -> None:
    """From exp on nothing is taken from memory: within the leeway it is verified each time, after it refused."""
    token = signed(claims(exp=NOW + 60))
    await service.bearer(token)

    service.unix.now = NOW + 60
    await service.bearer(token)
    await service.bearer(token)
    service.unix.now = NOW + 60 + LEEWAY_S

    assert 3 == decode_count()
    assert "expired" in await service.refusal(token)


async def test_refused_token_is_not_remembered(service: Service) -> None:
    """A token that was refused as not yet valid is accepted when its time has come."""
    token = signed(claims(nbf=NOW + 60))
    await service.refusal(token)

    service.unix.now = NOW + 60

    assert ALICE == await service.bearer(token)


def test_memory_is_bounded() -> None:
    """The least recently used token is forgotten when there is no more room."""
    memory = VerifiedTokens(entries_max=2)
    alice, bob, carol = (VerifiedToken(name, "first", KEY, NOW) for name in ("alice", "bob", "carol"))

    memory.remember(b"alice", alice)
    memory.remember(b"bob", bob)
    memory.recall(b"alice")
    memory.remember(b"carol", carol)

    assert 2 == len(memory)
    assert [alice, None, carol] == [memory.recall(digest) for digest in (b"alice", b"bob", b"carol")]


def test_memory_shows_nothing() -> None:
    """A remembered token does not tell in its repr who it is about."""
    assert ALICE not in repr(VerifiedToken(ALICE, "first", KEY, NOW))
