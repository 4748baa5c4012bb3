"""Answer what a client may keep but must ask about each time: entity tag, If-None-Match, 304."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

TAG_BYTES = 16
"""Length of an entity tag's digest. Two bodies of one address share a tag with a probability of 2^-128."""

_IF_NONE_MATCH = b"if-none-match"


def entity_tag(body: bytes) -> str:
    """
    Give the tag of a body: a digest of its bytes, so it is a strong one (RFC 9110, section 8.8.1).

    Another user's wallet, another version or another form of the same wallet never share it.
    """
    return f'"{blake2b(body, digest_size=TAG_BYTES).hexdigest()}"'


def conditional_response(
    request: Request, body: bytes, tag: str, *, media_type: str, headers: Iterable[tuple[bytes, bytes]]
) -> Response:
    """Give ``body``, or 304 without it when the client says that it already holds what has this tag."""
    known = [value for name, value in request.scope["headers"] if name == _IF_NONE_MATCH]
    if known and _matches(b",".join(known).decode("latin-1"), tag):
        response = Response(status_code=HTTPStatus.NOT_MODIFIED)
    else:
        response = Response(body, media_type=media_type)
    response.raw_headers += [(b"etag", tag.encode("ascii")), *headers]
    return response


def _matches(if_none_match: str, tag: str) -> bool:
    """Compare as RFC 9110 section 13.1.2 demands: any of the list, weak ones count as well, ``*`` is everything."""
    listed = {item.strip().removeprefix("W/") for item in if_none_match.split(",")}
    return tag in listed or "*" in listed
