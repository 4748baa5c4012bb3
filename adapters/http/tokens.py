"""Verify one token: its form, the key it names, its signature, its claims, and the user id they hold.

Shape: ``TokenVerifier.verify(token)`` goes through these in that order and stops at the first that fails, with
``TokenRefused``. Everything before the signature is cheap and reads nothing but the header.

Rules (contract, "Authentication"): a JWS of three parts, so an encrypted token (five parts) and an unsigned one (empty
after the last dot) end before any cryptography; an algorithm from a fixed list of asymmetric ones; a ``kid`` that the
endpoint knows (a token without one is refused: the auth service sets it, and guessing a key is no business of ours);
``iss``, ``aud`` and ``exp`` must be there and right; ``nbf`` and ``iat`` must not lie ahead.

Bounds: what ``auth`` passes on is at most TOKEN_LENGTH_MAX long. No text here quotes a token or a claim's value.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import BadSignatureError, ClaimError, JoseError
from joserfc.jws import JWSRegistry

from adapters.http.key_set import PublicKey
from adapters.http.keys import PublishedKeys
from wallet_core.fields import usable_id

LEEWAY_S = 30
"""How far the clocks of the auth service and this one may differ, seconds. With none, a clock that is a moment behind
refuses a token just issued. NTP keeps hosts within 1 s; a host that lost it drifts 1-4 s a day, so 30 s last a week."""

ALGORITHMS_DEFAULT = ("RS256",)
"""What the auth service signs with. Source: the contract."""

ALGORITHMS_USABLE = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"},
)
"""Signatures with an RSA or EC key pair. Source: RFC 7518, section 3.1, without ``none`` and without the MACs (HS256
and its kin), under which anybody who has the public key could sign."""

_COMPACT_JWS = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
"""Three parts of base64url, none of them empty. Source: RFC 7515, section 3.1."""


class TokenRefused(Exception):
    """The token proves nothing. The text says which check failed, for an operator; it quotes no token and no claim."""


@dataclass(frozen=True, slots=True, repr=False)
class VerifiedToken:
    """Who a token is about, the key that proved it, and the instant from which it is worth nothing (Unix seconds)."""

    user_id: str
    kid: str
    key: PublicKey
    expires_at: float


class TokenVerifier:
    """Verifies tokens of one issuer for one audience."""

    def __init__(
        self,
        keys: PublishedKeys,
        *,
        issuer: str,
        audience: str,
        algorithms: Collection[str] = ALGORITHMS_DEFAULT,
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        Fix what is accepted. ``now`` gives Unix seconds.

        Raises ValueError for a blank issuer or audience, no algorithm, or one outside ALGORITHMS_USABLE: each of these
        would accept more than somebody meant to.
        """
        if not issuer or not audience:
            raise ValueError("set the issuer and the audience that tokens must name (JWT_ISS, JWT_AUD)")
        unusable = sorted(set(algorithms) - ALGORITHMS_USABLE)
        if unusable or not algorithms:
            usable = ", ".join(sorted(ALGORITHMS_USABLE))
            raise ValueError(f"token algorithms {unusable or 'missing'}: choose from {usable}")
        self._keys = keys
        self._algorithms = frozenset(algorithms)
        # Header members that nobody knows are ignored, as RFC 7515 section 4 demands; "crit" is refused in _kid_of.
        self._signatures = JWSRegistry(algorithms=self._algorithms, strict_check_header=False)
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )

    async def verify(self, token: str) -> VerifiedToken:
        """Verify a token. Raises TokenRefused, and KeysUnavailable when there is no key to verify anything with."""
        kid = self._kid_of(token)
        key = await self._keys.find(kid)
        if key is None:
            raise TokenRefused("the auth service publishes no key of its kid")
        claims = self._claims_of(token, key)
        expires_at: float = claims["exp"]  # a finite number: the claims registry accepts nothing else
        return VerifiedToken(_user_id_of(claims), kid, key, expires_at)

    def _kid_of(self, token: str) -> str:
        """Read the header and give the id of the key that it names."""
        parts = _COMPACT_JWS.fullmatch(token)
        if parts is None:
            raise TokenRefused("it is not a signed token of three parts")
        try:
            header: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
        except (ValueError, RecursionError) as error:
            raise TokenRefused("its header cannot be read") from error
        # RFC 7515 section 4.1.11: "crit" names extensions that must be understood. We understand none.
        if not isinstance(header, dict) or "crit" in header:
            raise TokenRefused("its header is not one that we understand")
        algorithm: object = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise TokenRefused("its algorithm is not accepted")
        kid: object = header.get("kid")
        if not isinstance(kid, str) or not kid:
            raise TokenRefused("it names no key (kid)")
        return kid

    def _claims_of(self, token: str, key: PublicKey) -> jwt.Claims:
        """Check signature and claims. The library's decode checks the signature alone, so validate always follows."""
        try:
            claims = jwt.decode(token, key, registry=self._signatures).claims
            self._claims.validate(claims)
        except BadSignatureError as error:
            raise TokenRefused("its signature does not fit") from error
        except ClaimError as error:
            raise TokenRefused(f"{error.error}: {error.claim}") from error
        except (JoseError, ValueError, RecursionError) as error:
            raise TokenRefused("it cannot be decoded") from error
        return claims


def _user_id_of(claims: Mapping[str, object]) -> str:
    """Read ``sub`` (documented) and ``user.id`` (v1): each that is there must be usable, and both must be the same."""
    user = claims.get("user")
    stated = [claims["sub"]] if "sub" in claims else []
    if isinstance(user, dict) and "id" in user:
        stated.append(user["id"])
    user_ids = {usable_id(value) for value in stated}
    user_id = user_ids.pop() if len(user_ids) == 1 else None
    if user_id is None:
        raise TokenRefused("its user id is missing, not usable, or not the same in sub and user.id")
    return user_id
