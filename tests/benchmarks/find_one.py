"""A reference of the wallet read: Starlette and one ``find_one`` per request, ``GET /x/{user id}``; nothing else.

::

    python -m tests.benchmarks.find_one PORT DRIVER DATABASE_URL
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from bson import ObjectId
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import AsyncMongoClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.mongo.driver import when_ready
from tests.benchmarks.servers import MOTOR


def application(driver: str, url: str) -> Starlette:
    """Serve the wallets of a database."""
    wallets: Any = None

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        nonlocal wallets
        client: Any = (AsyncIOMotorClient if driver == MOTOR else AsyncMongoClient)(url)  # it belongs to this loop
        wallets = client.get_default_database()["wallets"]
        yield
        await when_ready(client.close())

    async def get(request: Request) -> Response:
        wallet = await wallets.find_one({"userId": ObjectId(request.path_params["user_id"])})
        body = {"id": str(wallet["_id"]), "userId": str(wallet["userId"]), "balance": wallet["balanceMinor"] / 100}
        return Response(orjson.dumps(body), media_type="application/json")

    return Starlette(routes=[Route("/x/{user_id}", get)], lifespan=lifespan)


def main() -> None:
    """Serve until killed."""
    port, driver, url = sys.argv[1:]
    uvicorn.run(application(driver, url), host="127.0.0.1", port=int(port), access_log=False, log_level="error")


if __name__ == "__main__":
    main()
