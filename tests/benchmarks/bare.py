"""The reference of every read: a wallet's bytes from plain Starlette, ``GET /x``.

::

    python -m tests.benchmarks.bare PORT
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

BODY = (
    b'{"id":"6b0285bec22d9ec07288eb33","userId":"6b0285bee1edde1902db933f","balance":100000.0,'
    b'"createdAt":"2026-11-22T06:03:42.979Z","updatedAt":"2026-11-22T06:05:08.257Z","currency":"USD","version":7}'
)


async def get(_: Request) -> Response:
    """Give always the same."""
    return Response(BODY, media_type="application/json")


def main() -> None:
    """Serve until killed."""
    (port,) = sys.argv[1:]
    app = Starlette(routes=[Route("/x", get)])
    uvicorn.run(app, host="127.0.0.1", port=int(port), access_log=False, log_level="error")


if __name__ == "__main__":
    main()
