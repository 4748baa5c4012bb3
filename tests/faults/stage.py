"""Builds scenes, and lets none end unchecked.

``staged`` gives a ``Scene``; when its block ends well, everything must come to rest, and the one checker runs. The seed
is printed, so that pytest shows it when a test fails; WALLET_TEST_SEED repeats it. ``WALLET_TEST_MONGO_DRIVER=pymongo``
plays any of them with the other driver.
"""

from __future__ import annotations

import json
import os
import random
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adapters.http.development_key import DevelopmentKey
from adapters.mongo.driver import Driver
from tests.e2e.deployment import KEY_FILE, QUICK
from tests.faults.checker import check_all
from tests.faults.client import Client
from tests.faults.evidence import gather
from tests.faults.history import History
from tests.faults.load import Load
from tests.faults.scene import REST_S, Scene, Servers
from tests.fixtures.driver import DRIVER_SETTING, chosen_driver
from tests.fixtures.wallet_process import WalletProcess
from tests.tcp_proxy import tcp_proxy

SEED_VARIABLE = "WALLET_TEST_SEED"

RETRY_DELAYS_MS = (50, 500, 5_000)
"""Short first waits, so that scenes are quick, and a last one that a fault of ours cannot outlast unnoticed."""

HEARTBEAT_S = 2
"""Heartbeat that the services ask for (default 10), so that a broker that hangs is noticed soon."""


@dataclass(frozen=True, slots=True)
class Stage:
    """
    Where the scenes of one test are played.

    ``checked`` is told the names of the invariants that held. Without ``seed`` each scene has one of its own. All
    services use ``driver``.
    """

    servers: Servers
    folder: Path
    checked: Callable[[tuple[str, ...]], None]
    seed: int | None = None
    driver: Driver = field(default_factory=chosen_driver)

    @asynccontextmanager
    async def scene(  # noqa: PLR0913 - each is one independent property of a scene
        self,
        *,
        services: int = 1,
        settings: Mapping[str, str] | None = None,
        users: int = 10,
        late: int = 2,
        started: bool = True,
        rest_s: float = REST_S,
    ) -> AsyncIterator[Scene]:
        """
        Build a scene; at the end wait for rest (at most ``rest_s``) and check.

        Its processes are ready and its wallets are open and funded; with ``started=False`` neither is.
        """
        async with AsyncExitStack() as stack:
            scene = await self._build(stack, services, settings or {}, users, late)
            if started:
                await scene.start()
                await scene.open()
            yield scene
            await scene.rest(rest_s)
            self.checked(check_all(await gather(scene)))

    async def _build(
        self, stack: AsyncExitStack, services: int, settings: Mapping[str, str], users: int, late: int
    ) -> Scene:
        seed = self.seed if self.seed is not None else drawn_seed()
        print(f"{SEED_VARIABLE}={seed}")  # noqa: T201 - pytest shows it when the test fails
        chance = random.Random(seed)  # noqa: S311 - draws a test, guards nothing
        vhost = database = f"wallet_{uuid.uuid4().hex[:12]}"
        folder = self.folder / vhost
        folder.mkdir()
        self.servers.rabbitmq.add_vhosts(vhost)
        stack.callback(self.servers.rabbitmq.delete_vhosts, vhost)
        stack.callback(self.servers.mongo.drop_database, database)
        stack.callback(self.servers.heal)
        history = History(folder / "history.jsonl")
        stack.callback(history.close)
        to_mongod = await stack.enter_async_context(tcp_proxy(self.servers.mongod.url(database)))
        to_rabbitmq = await stack.enter_async_context(tcp_proxy(self.servers.rabbitmq.url(vhost)))
        key = DevelopmentKey.load_or_create(folder / KEY_FILE)
        key_set = folder / "key.jwks.json"
        key_set.write_text(json.dumps(key.jwks()), encoding="utf-8")
        given = {
            "DATABASE_URL": f"{to_mongod.url}&directConnection=true",
            "RABBITMQ_URL": f"{to_rabbitmq.url}?heartbeat={HEARTBEAT_S}",
            "JWKS_ENDPOINT": key_set.as_uri(),
            DRIVER_SETTING: self.driver.value,
            **QUICK,
            "WALLET_RETRY_DELAYS_MS": ",".join(map(str, RETRY_DELAYS_MS)),
            **settings,
        }
        processes = []
        for index in range(services):
            its_folder = folder / f"service-{index}"
            its_folder.mkdir()
            told = {"WALLET_FAULT_INJECTION": "on", "WALLET_FAULT_HISTORY": str(folder / f"service-{index}.history")}
            processes.append(await stack.enter_async_context(WalletProcess(its_folder, {**given, **told})))
        client = await stack.enter_async_context(Client(self.servers.rabbitmq.url(vhost), history))
        return Scene(
            chance=chance,
            servers=self.servers,
            vhost=vhost,
            books=self.servers.mongo.get_database(database),
            to_mongod=to_mongod,
            to_rabbitmq=to_rabbitmq,
            client=client,
            history=history,
            services=processes,
            key=key,
            folder=folder,
            settings=given,
            load=Load(chance, users, late),
        )


def drawn_seed() -> int:
    """Give the seed that WALLET_TEST_SEED asks for, or a new one."""
    return int(os.environ.get(SEED_VARIABLE, random.SystemRandom().randrange(2**32)))
