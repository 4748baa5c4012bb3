"""Which servers the demo runs on: private ones where their programs are found, memory where not."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.embedded import Mongod, RabbitMQ, find_mongod, find_rabbitmq

TRANSACTION_LIFETIME = ("--setParameter", "transactionLifetimeLimitSeconds=15")
"""As in operation: a transaction that nobody ends blocks its wallets no longer than this (default: 60 s)."""


@dataclass(frozen=True, slots=True)
class Servers:
    """What was started. An address of None means: in memory."""

    database_url: str | None
    rabbitmq_url: str | None
    data_dir: Path


@asynccontextmanager
async def private_servers(data: Path | None) -> AsyncIterator[Servers]:
    """Start what this machine has, both at once; stop it and, unless ``data`` is given, remove what it wrote."""
    async with AsyncExitStack() as stack:
        if data is None:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="wallet-demo-", ignore_cleanup_errors=True))
            )
        else:
            folder = data
            folder.mkdir(parents=True, exist_ok=True)
        mongod = Mongod(folder / "mongod", extra_args=TRANSACTION_LIFETIME) if find_mongod() else None
        rabbitmq = RabbitMQ(folder / "rabbitmq") if find_rabbitmq() else None
        for server in (mongod, rabbitmq):
            if server is not None:
                stack.push_async_callback(asyncio.to_thread, server.stop)
        async with asyncio.TaskGroup() as starting:
            for server in (mongod, rabbitmq):
                if server is not None:
                    starting.create_task(asyncio.to_thread(server.start))
        yield Servers(
            mongod.url("mint_wallet") if mongod else None, rabbitmq.url() if rabbitmq else None, folder.resolve()
        )
