"""The key set: from an endpoint or a file, and what in it is taken for a key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from structlog.testing import capture_logs

from adapters.http import key_set
from adapters.http.key_set import KEY_SET_BYTES_MAX, parse_key_set
from adapters.http.keys import REFETCH_INTERVAL_S, KeysUnavailable, PublishedKeys
from tests.integration.jwks_endpoint import KEY, NEXT_KEY, WAIT_S_MAX, Clock, JwksEndpoint, published


@pytest.fixture
def endpoint() -> Iterator[JwksEndpoint]:
    """Run an endpoint that publishes one key."""
    with JwksEndpoint(published(KEY)) as running:
        yield running


def test_bad_entries_cost_the_others_nothing() -> None:
    """Only public RSA and EC keys for signatures with a kid are taken; all else is ignored, with a reason."""
    curve_key = ECKey.generate_key("P-256", parameters={"kid": "curve"})
    private = NEXT_KEY.as_dict(private=True)
    public = {**NEXT_KEY.as_dict(private=False), "kid": "other"}
    with pytest.warns(match="2048"):
        small = RSAKey.generate_key(1024, parameters={"kid": "small"}).as_dict(private=False)
    entries = [
        KEY.as_dict(private=False),
        curve_key.as_dict(private=False),
        {**public, "use": "enc"},
        {**public, "key_ops": ["encrypt"]},
        {**public, "key_ops": "verify"},
        {name: value for name, value in public.items() if name != "kid"},
        {**public, "kid": "first"},
        private,
        OctKey.generate_key(256, parameters={"kid": "secret"}).as_dict(private=True),
        small,
        {**public, "n": "???"},
        {**public, "e": 65537},
        {**curve_key.as_dict(private=False), "kid": "off-curve", "x": "AAAA"},
        {"kty": "EC", "crv": "secp256k1", "kid": "bitcoin", "x": "AAAA", "y": "AAAA"},
        {"kty": "AKP", "kid": "post-quantum", "alg": "ML-DSA-44", "pub": "AAAA"},
        None,
    ]

    keys, ignored = parse_key_set(json.dumps({"keys": entries}).encode())

    assert {"first": KEY.thumbprint(), "curve": curve_key.thumbprint()} == {
        kid: key.thumbprint() for kid, key in keys.items()
    }
    assert [
        "entry 2: it is not for signatures",
        "entry 3: it is not for signatures",
        "entry 4: it is not for signatures",
        "entry 5: it has no kid",
        "entry 7: it is a private or symmetric key; whoever published it must replace it",
        "entry 8: it is a private or symmetric key; whoever published it must replace it",
        "entry 9: its numbers are not a sound key",
        "entry 10: its numbers are not a sound key",
        "entry 11: it is not a complete RSA or EC key",
        "entry 12: its numbers are not a sound key",
        "entry 13: it is not a complete RSA or EC key",
        "entry 14: it is not a complete RSA or EC key",
        "entry 15: it is not an object",
    ] == ignored


async def test_nobody_listens_at_the_endpoint() -> None:
    """A refused connection is no key, and the log does not hold the password of the address."""
    with JwksEndpoint(b"") as gone:
        address = gone.url.replace("http://", "http://wallet:secret@")
    keys = PublishedKeys(address)

    with capture_logs() as logs, pytest.raises(KeysUnavailable) as unavailable:
        await keys.find("first")
    await keys.aclose()

    assert ["the endpoint cannot be reached: ConnectError"] == [log["reason"] for log in logs]
    assert "secret" not in f"{logs} {unavailable.value!r} {keys!r}"


async def test_endpoint_that_does_not_answer_in_time_is_away(
    endpoint: JwksEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetch ends after its timeout, whatever the endpoint does."""
    monkeypatch.setattr(key_set, "FETCH_TIMEOUT_S", 0.05)
    endpoint.answering.clear()
    keys = PublishedKeys(endpoint.url)

    with capture_logs() as logs, pytest.raises(KeysUnavailable):
        await asyncio.wait_for(keys.find("first"), WAIT_S_MAX / 2)
    await keys.aclose()

    assert ["jwks_unreadable"] == [log["event"] for log in logs]


async def test_endpoint_that_drips_is_away(endpoint: JwksEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timeout is for the fetch as a whole: an endpoint that sends a byte now and then does not stretch it."""
    monkeypatch.setattr(key_set, "FETCH_TIMEOUT_S", 0.2)
    endpoint.byte_interval_s = 0.02
    keys = PublishedKeys(endpoint.url)

    with capture_logs() as logs, pytest.raises(KeysUnavailable):
        await asyncio.wait_for(keys.find("first"), WAIT_S_MAX / 2)
    await keys.aclose()

    assert ["the endpoint cannot be reached: TimeoutError"] == [log["reason"] for log in logs]


async def test_password_in_the_address_is_sent_and_not_logged(
    endpoint: JwksEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """Credentials of the address reach the endpoint as a header, and no log of ours or of the HTTP client."""
    caplog.set_level("DEBUG")
    keys = PublishedKeys(endpoint.url.replace("http://", "http://wallet:secret@"))

    with capture_logs() as logs:
        key = await keys.find("first")
    await keys.aclose()

    assert key is not None
    assert ["Basic d2FsbGV0OnNlY3JldA=="] == endpoint.authorizations
    assert "HTTP Request: GET http://127.0.0.1" in caplog.text
    assert not [text for text in ("secret", "d2FsbGV0OnNlY3JldA") if text in f"{logs} {caplog.text}"]


async def test_key_set_in_a_file(tmp_path: Path) -> None:
    """A file URL serves in place of an endpoint, for development; a missing or huge file is an endpoint away."""
    file = tmp_path / "jwks with space.json"
    monotonic = Clock(0.0)
    keys = PublishedKeys(file.as_uri(), monotonic=monotonic)

    with pytest.raises(KeysUnavailable):
        await keys.find("first")
    file.write_bytes(published(KEY) + b" " * KEY_SET_BYTES_MAX)
    monotonic.now += REFETCH_INTERVAL_S
    with pytest.raises(KeysUnavailable):
        await keys.find("first")
    file.write_bytes(published(KEY))
    monotonic.now += REFETCH_INTERVAL_S
    found = [await keys.find("first") is not None, await keys.find("second") is not None]
    await keys.aclose()

    assert [True, False] == found


@pytest.mark.parametrize(
    "address",
    [
        "",
        "jwks.json",
        "ftp://me:secret@auth/jwks",
        "http://",
        "http://me:secret@auth:port/",
        "http://me:secret@auth:99999/",
        "file://elsewhere/jwks.json",
    ],
)
def test_address_that_is_none_is_refused_at_construction(address: str) -> None:
    """An endpoint that cannot be asked is refused at once, without quoting it: it may hold a password."""
    with pytest.raises(ValueError, match="must be an http") as refused:
        PublishedKeys(address)

    assert "secret" not in repr(refused.value)
