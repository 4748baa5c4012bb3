"""``wallet token``: a token of our own for trying things out, signed with a local key."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import orjson

from adapters.http.development_key import DevelopmentKey
from entrypoints.screen import fail, hint, print_plain
from entrypoints.settings import Settings


def token(
    settings: Settings, user_id: str, key_file: Path, claims: Literal["documented", "v1"], lifetime_s: int
) -> int:
    """Print a token, and say which JWKS_ENDPOINT makes a service accept it; 2 for an unusable user id or key file."""
    published = key_file.with_suffix(".jwks.json")
    try:
        key = DevelopmentKey.load_or_create(key_file)
        signed = key.token(user_id, settings.jwt_iss, settings.jwt_aud, lifetime_s, claims)
        published.write_bytes(orjson.dumps(key.jwks()))
    except (ValueError, OSError) as error:
        fail(str(error))
        return 2
    print_plain(signed)
    hint(f"A service started with JWKS_ENDPOINT={published.resolve().as_uri()} accepts it.")
    return 0
