"""The table of tokens: which are accepted, which are refused, and why."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from adapters.http.auth import TOKEN_LENGTH_MAX, Authenticator
from adapters.http.keys import PublishedKeys
from adapters.http.tokens import LEEWAY_S
from tests.integration.jwks_endpoint import (
    ALICE,
    AUDIENCE,
    BOB,
    ISSUER,
    KEY,
    NOW,
    STRANGER_KEY,
    JwksEndpoint,
    Service,
    claims,
    published,
    service_on,
    signed,
)


def base64url(content: bytes) -> str:
    """Encode as the parts of a token are."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def assembled(header: bytes, signature: Callable[[bytes], bytes]) -> str:
    """Put a token together by hand, as an attacker would: any header, any signature over good claims."""
    signing_input = f"{base64url(header)}.{base64url(json.dumps(claims()).encode())}"
    return f"{signing_input}.{base64url(signature(signing_input.encode()))}"


def signed_with_public_key_as_secret(signing_input: bytes) -> bytes:
    """Sign with what everybody can fetch."""
    return hmac.new(KEY.as_pem(private=False), signing_input, hashlib.sha256).digest()


def encrypted() -> str:
    """Encrypt good claims to the public key of the auth service."""
    header = {"alg": "RSA-OAEP", "enc": "A128GCM", "kid": "first"}
    key = RSAKey.import_key(KEY.as_pem(private=False))  # without the "use" that forbids it
    return jwe.encrypt_compact(header, json.dumps(claims()), key, algorithms=["RSA-OAEP", "A128GCM"])


@pytest.mark.parametrize(
    ("payload", "user_id"),
    [
        pytest.param(claims(), ALICE, id="documented"),
        pytest.param(claims(sub=..., aud=[AUDIENCE], user={"id": ALICE, "role": "user"}), ALICE, id="v1"),
        pytest.param(claims(aud=["mail", AUDIENCE]), ALICE, id="audience-among-others"),
        pytest.param(claims(user={"id": ALICE}), ALICE, id="both-the-same"),
        pytest.param(claims(user={"id": ALICE.upper()}), ALICE, id="both-the-same-but-for-case"),
        pytest.param(claims(user={"role": "user"}), ALICE, id="user-without-id"),
        pytest.param(claims(sub=ALICE.upper()), ALICE, id="object-id-in-upper-case"),
        pytest.param(claims(sub="Alice_B-1"), "Alice_B-1", id="other-id-keeps-its-case"),
        pytest.param(claims(sub="x" * 64), "x" * 64, id="longest-id"),
        pytest.param(claims(iat=...), ALICE, id="no-iat"),
        pytest.param(claims(exp=NOW - LEEWAY_S + 1), ALICE, id="expired-within-leeway"),
        pytest.param(claims(nbf=NOW + LEEWAY_S, iat=NOW + LEEWAY_S), ALICE, id="ahead-within-leeway"),
    ],
)
async def test_good_claims_say_who_is_asking(service: Service, payload: dict[str, object], user_id: str) -> None:
    """A token with good claims, in either vocabulary, gives its user id as wallets know it."""
    assert user_id == await service.bearer(signed(payload))


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        pytest.param(claims(exp=NOW - LEEWAY_S), "expired_token: exp", id="expired"),
        pytest.param(claims(nbf=NOW + LEEWAY_S + 1), "invalid_claim: nbf", id="not-yet-valid"),
        pytest.param(claims(iat=NOW + LEEWAY_S + 1), "invalid_claim: iat", id="issued-in-the-future"),
        pytest.param(claims(iss="other-service"), "invalid_claim: iss", id="wrong-issuer"),
        pytest.param(claims(iss=[ISSUER]), "invalid_claim: iss", id="issuer-list"),
        pytest.param(claims(iss=...), "missing_claim: iss", id="no-issuer"),
        pytest.param(claims(aud="mail-service"), "invalid_claim: aud", id="wrong-audience"),
        pytest.param(claims(aud=["mail-service"]), "invalid_claim: aud", id="wrong-audience-list"),
        pytest.param(claims(aud=[]), "invalid_claim: aud", id="empty-audience-list"),
        pytest.param(claims(aud=...), "missing_claim: aud", id="no-audience"),
        pytest.param(claims(exp=...), "missing_claim: exp", id="no-exp"),
        pytest.param(claims(exp=None), "missing_claim: exp", id="exp-null"),
        pytest.param(claims(exp=str(NOW + 60)), "invalid_claim: exp", id="exp-text"),
        pytest.param(claims(exp=float("nan")), "invalid_claim: exp", id="exp-nan"),
        pytest.param(claims(exp=float("inf")), "invalid_claim: exp", id="exp-infinite"),
        pytest.param(claims(sub=...), "user id", id="no-user-id"),
        pytest.param(claims(sub=..., user={"role": "user"}), "user id", id="user-without-id-and-no-sub"),
        pytest.param(claims(sub=""), "user id", id="empty-id"),
        pytest.param(claims(sub="x" * 65), "user id", id="id-too-long"),
        pytest.param(claims(sub="alice bob"), "user id", id="id-with-a-space"),
        pytest.param(claims(sub=ALICE + "\n"), "user id", id="id-with-a-newline"),
        pytest.param(claims(sub=7), "invalid_claim: sub", id="id-is-a-number"),
        pytest.param(claims(sub=..., user={"id": {"$gt": ""}}), "user id", id="v1-id-is-an-object"),
        pytest.param(claims(sub=..., user={"id": 7}), "user id", id="v1-id-is-a-number"),
        pytest.param(claims(user={"id": None}), "user id", id="v1-id-is-null-beside-sub"),
        pytest.param(claims(user={"id": BOB}), "user id", id="both-but-different"),
    ],
)
async def test_bad_claims_are_refused(service: Service, payload: dict[str, object], reason: str) -> None:
    """A well-signed token is refused when one claim is missing, wrong or unusable, and the reason names it."""
    assert reason in await service.refusal(signed(payload))


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("token", id="one-part"),
        pytest.param(encrypted(), id="jwe"),
        pytest.param(assembled(b'{"alg":"none","kid":"first"}', lambda _: b""), id="none-unsigned"),
        pytest.param(assembled(b'{"alg":"none","kid":"first"}', lambda _: b"x"), id="none-with-a-signature"),
        pytest.param(assembled(b'{"alg":"NONE","kid":"first"}', lambda _: b"x"), id="none-in-capitals"),
        pytest.param(
            assembled(b'{"alg":"HS256","kid":"first"}', signed_with_public_key_as_secret), id="hs256-public-key"
        ),
        pytest.param(assembled(b'{"alg":"RS384","kid":"first"}', lambda _: b"x"), id="algorithm-not-in-the-list"),
        pytest.param(assembled(b'{"alg":["RS256"],"kid":"first"}', lambda _: b"x"), id="alg-is-a-list"),
        pytest.param(assembled(b'{"kid":"first"}', lambda _: b"x"), id="no-alg"),
        pytest.param(jwt.encode({"alg": "RS256"}, claims(), KEY), id="no-kid"),
        pytest.param(assembled(b'{"alg":"RS256","kid":7}', lambda _: b"x"), id="kid-is-a-number"),
        pytest.param(assembled(b'{"alg":"RS256","kid":""}', lambda _: b"x"), id="kid-is-empty"),
        pytest.param(assembled(b'{"alg":"RS256","kid":"first","crit":["b64"],"b64":false}', lambda _: b"x"), id="crit"),
        pytest.param(assembled(b'["alg","kid"]', lambda _: b"x"), id="header-is-a-list"),
        pytest.param(assembled(b'"alg kid"', lambda _: b"x"), id="header-is-text"),
        pytest.param(assembled(b"[" * 4000, lambda _: b"x"), id="header-nested-deeply"),
        pytest.param(assembled(b"\xff\xfe", lambda _: b"x"), id="header-is-not-text"),
        pytest.param(f"A.{base64url(b'{}')}.AAAA", id="header-is-not-base64"),
        pytest.param(signed(claims(name="x" * TOKEN_LENGTH_MAX)), id="oversize"),
        pytest.param(signed(claims()) + "é", id="not-ascii"),
        pytest.param(signed(claims()) + "\n.", id="with-a-newline"),
    ],
)
async def test_bad_form_is_refused_before_any_cryptography(service: Service, token: str) -> None:
    """A token that is no JWS with an accepted algorithm and a kid is refused before a key to check it is fetched."""
    await service.refusal(token)

    assert 0 == service.endpoint.request_count


async def test_token_of_the_greatest_length_is_accepted(service: Service) -> None:
    """The size cap refuses nothing that keeps to it."""
    padding = "x" * ((TOKEN_LENGTH_MAX - len(signed(claims(name="")))) // 4 * 3)
    token = signed(claims(name=padding))

    assert TOKEN_LENGTH_MAX - 4 <= len(token) <= TOKEN_LENGTH_MAX
    assert ALICE == await service.bearer(token)


async def test_tampered_payload_is_refused(service: Service) -> None:
    """Claims that were changed after signing are refused."""
    header, _, signature = signed(claims()).split(".")
    payload = base64url(json.dumps(claims(sub=BOB)).encode())

    assert "signature" in await service.refusal(f"{header}.{payload}.{signature}")


async def test_signature_of_a_stranger_is_refused(service: Service) -> None:
    """A token signed with another key under a known kid is refused."""
    assert "signature" in await service.refusal(signed(claims(), STRANGER_KEY))


async def test_key_inside_the_header_is_not_used(service: Service) -> None:
    """A token cannot bring the key that verifies it."""
    header = {"alg": "RS256", "kid": "first", "jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}
    token = jwt.encode(header, claims(), STRANGER_KEY)

    assert "signature" in await service.refusal(token)


async def test_unknown_header_member_is_ignored(service: Service) -> None:
    """A header member that is not critical and unknown to us changes nothing."""
    header = json.dumps({"alg": "RS256", "kid": "first", "region": "eu"}).encode()
    sign = JWSRegistry.algorithms["RS256"].sign
    token = assembled(header, lambda signing_input: sign(signing_input, KEY))

    assert ALICE == await service.bearer(token)


@pytest.mark.parametrize("algorithms", [[], ["none"], ["HS256"], ["RS256", "HS512"], ["EdDSA"], ["rs256"]])
def test_algorithm_that_cannot_be_trusted_is_refused_at_construction(algorithms: list[str]) -> None:
    """An authenticator cannot be made with no algorithm, none, a MAC, or one that is not known."""
    keys = PublishedKeys("http://auth:4001/.well-known/jwks.json")

    with pytest.raises(ValueError, match="choose from ES256"):
        Authenticator(keys, issuer=ISSUER, audience=AUDIENCE, algorithms=algorithms)


@pytest.mark.parametrize(("issuer", "audience"), [("", AUDIENCE), (ISSUER, "")])
def test_blank_issuer_or_audience_is_refused_at_construction(issuer: str, audience: str) -> None:
    """An authenticator cannot be made that has nothing to compare issuer or audience with."""
    keys = PublishedKeys("http://auth:4001/.well-known/jwks.json")

    with pytest.raises(ValueError, match="JWT_ISS"):
        Authenticator(keys, issuer=issuer, audience=audience)


async def test_other_algorithm_of_the_list_is_accepted(endpoint: JwksEndpoint) -> None:
    """A deployment whose auth service signs with ES256 says so, and RS256 is then refused."""
    curve_key = ECKey.generate_key("P-256", parameters={"kid": "curve"})
    endpoint.document = published(curve_key, KEY)

    async with service_on(endpoint, algorithms=["ES256"]) as service:
        assert ALICE == await service.bearer(signed(claims(), curve_key, "ES256"))
        assert "algorithm" in await service.refusal(signed(claims()))
