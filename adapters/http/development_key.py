"""Keep a signing key of our own, for development: what the auth service is to a deployment, this file is to a laptop.

Used by ``wallet token``, the demo and the tests. A deployment never needs it: it verifies and does not sign.

Shape: ``load_or_create(path)`` gives the key, ``jwks()`` its public half as the endpoint would publish it (write it to
a file and name that as ``JWKS_ENDPOINT=file:///...``), ``token()`` a JWT in either vocabulary.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from joserfc import jwt
from joserfc.jwk import KeyParameters, KeySet, KeySetSerialization, RSAKey

from wallet_core.fields import usable_id

KEY_SIZE_BITS = 2048
"""The least that RS256 allows. Source: RFC 7518, section 3.3."""

LIFETIME_S = 3600
"""How long a development token lives unless told otherwise, seconds: an hour of trying things out."""

_PARAMETERS: KeyParameters = {"use": "sig", "alg": "RS256"}


@dataclass(frozen=True, slots=True)
class DevelopmentKey:
    """An RSA key pair in a file. Its ``kid`` is its RFC 7638 thumbprint, so the same file always has the same one."""

    _key: RSAKey = field(repr=False)

    @classmethod
    def load_or_create(cls, path: Path) -> DevelopmentKey:
        """
        Read the key in this file, or make one (mode 0600) when there is no file. A file is never overwritten.

        Raises ValueError when the file holds something else, and OSError when it cannot be read or made.
        """
        if not path.exists():
            _create(path)
        try:
            key = RSAKey.import_key(path.read_bytes(), parameters=_PARAMETERS)
        except ValueError as error:
            raise ValueError(
                f"{path} holds no RSA key in PEM; name another file, or remove it to get a new key"
            ) from error
        if not key.is_private:
            raise ValueError(f"{path} holds a public key, which cannot sign; name another file")
        key.ensure_kid()
        return cls(key)

    def jwks(self) -> KeySetSerialization:
        """Give the public half as a JWK set."""
        return KeySet([self._key]).as_dict(private=False)

    def token(
        self,
        user_id: str,
        issuer: str,
        audience: str,
        lifetime_s: int = LIFETIME_S,
        claims: Literal["documented", "v1"] = "documented",
    ) -> str:
        """
        Sign a token for a user, valid from now on, in the documented form or as v1's auth service writes it.

        Raises ValueError for a user id that no reader of ours would accept.
        """
        if usable_id(user_id) is None:
            raise ValueError(f"user id {user_id!r} is not usable: 1 to 64 letters, digits, '_' or '-'")
        issued_at = int(time.time())
        payload: dict[str, object] = {"iss": issuer, "iat": issued_at, "exp": issued_at + lifetime_s}
        if claims == "v1":
            payload |= {"aud": [audience], "user": {"id": user_id}}
        else:
            payload |= {"aud": audience, "sub": user_id}
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, payload, self._key, algorithms=["RS256"])


def _create(path: Path) -> None:
    """Write a new key beside the path and link it there: a reader sees a whole key or none, and a file there stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = RSAKey.generate_key(KEY_SIZE_BITS, private=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".development-key-")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.as_pem(private=True))
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was faster: its key is the one that counts
    finally:
        Path(draft).unlink()
