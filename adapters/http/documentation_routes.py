"""Serve the documentation: the OpenAPI document, and the page that shows it.

Both are made when somebody asks for the first time, in a thread: they need 40 MB and half a second that a service which
nobody looks at does not spend.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.http.conditional import conditional_response, entity_tag
from adapters.http.endpoint import Endpoint
from adapters.http.errors import ErrorStyle
from adapters.http.paths import DOCUMENTATION_PATH, OPENAPI_PATH

_HEADERS = ((b"cache-control", b"no-cache"),)
"""Keep it, but ask: the next release may have another one."""


@dataclass(frozen=True, slots=True)
class _Made:
    document: bytes
    document_tag: str
    page: bytes
    page_tag: str
    page_policy: str


class DocumentationRoutes:
    """Serves the documentation of a deployment that answers errors in one style."""

    def __init__(self, error_style: ErrorStyle) -> None:
        """Take the style of the errors that the document describes."""
        self._error_style = error_style
        self._made: asyncio.Task[_Made] | None = None

    def routes(self) -> list[Route]:
        """Give the routes. The gateway's ``/api-docs/wallet/`` arrives here with its slash."""
        return [
            Route(OPENAPI_PATH, Endpoint(self.document), methods=["GET"]),
            Route(DOCUMENTATION_PATH, Endpoint(self.page), methods=["GET"]),
            Route(f"{DOCUMENTATION_PATH}/", Endpoint(self.page), methods=["GET"]),
        ]

    async def document(self, request: Request) -> Response:
        """Answer with the OpenAPI document."""
        made = await self._all()
        return conditional_response(
            request, made.document, made.document_tag, media_type="application/json", headers=_HEADERS
        )

    async def page(self, request: Request) -> Response:
        """Answer with the interactive page."""
        made = await self._all()
        headers = (*_HEADERS, (b"content-security-policy", made.page_policy.encode("ascii")))
        return conditional_response(request, made.page, made.page_tag, media_type="text/html", headers=headers)

    async def _all(self) -> _Made:
        if self._made is None:
            self._made = asyncio.create_task(asyncio.to_thread(_make, self._error_style), name="api-documentation")
        return await asyncio.shield(self._made)


def _make(error_style: ErrorStyle) -> _Made:
    from adapters.http.documentation import openapi_document  # noqa: PLC0415 - its import is what costs, see above
    from adapters.http.documentation_page import documentation_page  # noqa: PLC0415

    document = openapi_document(error_style)
    page = documentation_page(document)
    body = orjson.dumps(document)
    return _Made(body, entity_tag(body), page.html, entity_tag(page.html), page.policy)
