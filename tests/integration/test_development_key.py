"""The development key: a key pair that stands in for the auth service."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import pytest

from adapters.http.auth import Authenticator, Unauthorized
from adapters.http.development_key import DevelopmentKey
from adapters.http.keys import PublishedKeys
from adapters.http.tokens import LEEWAY_S
from tests.integration.jwks_endpoint import ALICE, AUDIENCE, ISSUER, KEY, JwksEndpoint, published


@pytest.fixture
def endpoint() -> Iterator[JwksEndpoint]:
    """Run an endpoint that publishes one key."""
    with JwksEndpoint(published(KEY)) as running:
        yield running


@pytest.mark.parametrize("vocabulary", ["documented", "v1"])
async def test_its_tokens_verify_against_its_key_set(
    endpoint: JwksEndpoint, tmp_path: Path, vocabulary: Literal["documented", "v1"]
) -> None:
    """A development token says who is asking, in either vocabulary, to a service that reads the matching key set."""
    key = DevelopmentKey.load_or_create(tmp_path / "key.pem")
    endpoint.document = json.dumps(key.jwks()).encode()
    token = key.token(ALICE, ISSUER, AUDIENCE, claims=vocabulary)
    keys = PublishedKeys(endpoint.url)

    user_id = await Authenticator(keys, issuer=ISSUER, audience=AUDIENCE).user_id(None, {"mint_session": token})
    await keys.aclose()

    assert ALICE == user_id


async def test_its_tokens_end(endpoint: JwksEndpoint, tmp_path: Path) -> None:
    """A development token lives as long as it was asked to."""
    key = DevelopmentKey.load_or_create(tmp_path / "key.pem")
    endpoint.document = json.dumps(key.jwks()).encode()
    token = key.token(ALICE, ISSUER, AUDIENCE, lifetime_s=-LEEWAY_S)
    keys = PublishedKeys(endpoint.url)

    with pytest.raises(Unauthorized, match="expired"):
        await Authenticator(keys, issuer=ISSUER, audience=AUDIENCE).user_id(f"Bearer {token}", {})
    await keys.aclose()


def test_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    """The key is made once, readable by its owner alone, and is the same whenever it is loaded."""
    file = tmp_path / "new folder" / "key.pem"

    first = DevelopmentKey.load_or_create(file).jwks()
    content = file.read_bytes()
    second = DevelopmentKey.load_or_create(file).jwks()

    assert first == second
    assert content == file.read_bytes()
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert 0o700 == stat.S_IMODE(file.parent.stat().st_mode)
    assert [file] == list(file.parent.iterdir())


def test_all_who_come_first_get_the_same_key(tmp_path: Path) -> None:
    """Of several that make the key at the same time one wins, and the others take its key."""
    file = tmp_path / "key.pem"

    with ThreadPoolExecutor(4) as pool:
        key_sets = list(pool.map(lambda _: DevelopmentKey.load_or_create(file).jwks(), range(4)))

    assert [key_sets[0]] * 4 == key_sets
    assert [file] == list(tmp_path.iterdir())


def test_key_set_and_repr_hold_no_private_part(tmp_path: Path) -> None:
    """What is published is public, and the key does not show itself."""
    key = DevelopmentKey.load_or_create(tmp_path / "key.pem")
    (entry,) = key.jwks()["keys"]

    assert {"kty", "n", "e", "kid", "use", "alg"} == set(entry)
    assert "DevelopmentKey()" == repr(key)


@pytest.mark.parametrize("content", [b"", b"my diary", KEY.as_pem(private=False)])
def test_file_with_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """A file that holds no private key is refused by name and stays as it was."""
    file = tmp_path / "key.pem"
    file.write_bytes(content)

    with pytest.raises(ValueError, match=r"key\.pem holds"):
        DevelopmentKey.load_or_create(file)

    assert content == file.read_bytes()


def test_unusable_user_id_is_refused(tmp_path: Path) -> None:
    """No token is signed that our own service would refuse for its user id."""
    key = DevelopmentKey.load_or_create(tmp_path / "key.pem")

    with pytest.raises(ValueError, match="not usable"):
        key.token("alice bob", ISSUER, AUDIENCE)
