"""``wallet demo``: private servers, the service, a story, and then the service to play with until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import httpx2
import orjson
from dependency_injector import providers
from rich.table import Table

from adapters.embedded import EmbeddedServerError
from adapters.embedded.free_port import free_ports
from adapters.http.development_key import DevelopmentKey
from adapters.mongo.audit import MongoAudit
from entrypoints.commands.audit import summary_lines
from entrypoints.container import Container
from entrypoints.demo.in_process import use_memory_for_books, use_memory_for_events
from entrypoints.demo.neighbours import InProcessNeighbours, Neighbours, rabbit_neighbours
from entrypoints.demo.scenario import Person, story
from entrypoints.demo.servers import Servers, private_servers
from entrypoints.demo.story_observer import StoryObserver
from entrypoints.demo.telling import Telling
from entrypoints.log import configure_log
from entrypoints.screen import console, fail, print_plain
from entrypoints.service import Part, Service
from entrypoints.settings import Settings, load_settings
from entrypoints.start_refused import StartRefused
from entrypoints.stop_signal import StopSignal

TOKEN_LIFETIME_S = 24 * 60 * 60
"""A day: longer than anybody looks at a demo."""

READY_LOOK_S = 0.05
"""How often it is asked whether it is ready."""

READY_TIMEOUT_S = 30.0
"""Longest wait for the service to be ready; the servers run already, so it takes a second."""


async def show(*, exits: bool, data: Path | None, port: int) -> int:
    """
    Run the demo; 2 if it could not start.

    With ``exits``: 0 if every step came as told and the audit found nothing, 1 if not. Else it stays, and ends with 0.
    """
    stop = StopSignal()
    stop.listen()
    console.print("[bold]wallet demo[/]  starting private servers, this takes some seconds …")
    try:
        async with private_servers(data) as servers:
            return await Demo(servers, port).run(stop, exits=exits)
    except* EmbeddedServerError as group:
        for error in group.exceptions:
            fail(str(error))
    except* StartRefused as group:
        fail(f"{group.exceptions[0]}\nThe demo takes another port with --port, or a free one with --port 0.")
    return 2


class Demo:
    """The service on given servers, and the story told to it."""

    def __init__(self, servers: Servers, port: int) -> None:
        """Wire the service: what has no server is in memory."""
        self._servers = servers
        self._key = DevelopmentKey.load_or_create(servers.data_dir / "key.pem")
        self._settings = self._load_settings(port)
        self._container = Container(settings=self._settings)
        self._observer = StoryObserver(
            self._container.registry(), self._container.answers_wait(), self._container.steps()
        )
        self._container.event_observer.override(providers.Object(self._observer))
        self._store = None if servers.database_url else use_memory_for_books(self._container)
        self._bus = None if servers.rabbitmq_url else use_memory_for_events(self._container)

    async def run(self, stop: StopSignal, *, exits: bool) -> int:
        """Start, tell, and stay until the stop, or end at once if ``exits``."""
        with self._log_file.open("a", encoding="utf-8") as log:
            configure_log("info", "json", log)
            service = asyncio.create_task(Service(self._container, Part.RUN).run(stop))
            telling = asyncio.create_task(self._tell(exits=exits))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({service, telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            telling.cancel()
            await asyncio.wait({telling})
            stopping.cancel()
            await service
        return telling.result() if exits and not telling.cancelled() else 0

    @property
    def _log_file(self) -> Path:
        return self._servers.data_dir / "service.log"

    @property
    def _base_url(self) -> str:
        return f"http://127.0.0.1:{self._settings.port}"

    def _load_settings(self, port: int) -> Settings:
        """Give the service's settings; what the demo does not say has its default."""
        key_set = self._servers.data_dir / "key.jwks.json"
        key_set.write_bytes(orjson.dumps(self._key.jwks()))
        environ = {"HOST": "127.0.0.1", "PORT": str(port or free_ports(1)[0]), "JWKS_ENDPOINT": key_set.as_uri()}
        if self._servers.database_url:
            environ["DATABASE_URL"] = self._servers.database_url
        if self._servers.rabbitmq_url:
            environ["RABBITMQ_URL"] = self._servers.rabbitmq_url
        return load_settings(environ)

    async def _tell(self, *, exits: bool) -> int:
        """Tell the story, show where the money is, and check the books."""
        self._introduce()
        scenario = story()
        async with self._neighbours() as neighbours, httpx2.AsyncClient(base_url=self._base_url, timeout=5.0) as http:
            await self._until_ready(http)
            telling = Telling(neighbours, self._observer.handled)
            is_told = await telling.tell(scenario.steps)
            await self._print_balances(http, scenario.people)
        is_clean = await self._audit()
        if not exits:
            self._print_what_to_try(scenario.people[0])
            await telling.tell_further()
        return 0 if is_told and is_clean else 1

    def _introduce(self) -> None:
        mongodb, rabbitmq = self._servers.database_url, self._servers.rabbitmq_url
        console.print(f"  MongoDB   {mongodb or 'none found: the books are in memory'}", soft_wrap=True)
        console.print(f"  RabbitMQ  {rabbitmq or 'none found: an in-process bus takes its place'}", soft_wrap=True)
        console.print(f"  HTTP      {self._base_url}/api-docs", soft_wrap=True)
        console.print(f"  log       {self._log_file}\n", soft_wrap=True)

    @asynccontextmanager
    async def _neighbours(self) -> AsyncIterator[Neighbours]:
        if self._bus is not None:
            yield InProcessNeighbours(self._bus)
            return
        async with rabbit_neighbours(self._settings.rabbitmq_url.reveal(), self._container.topology()) as neighbours:
            yield neighbours

    async def _until_ready(self, http: httpx2.AsyncClient) -> None:
        async with asyncio.timeout(READY_TIMEOUT_S):
            while True:
                try:
                    if (await http.get("/health/ready")).status_code == httpx2.codes.OK:
                        return
                except httpx2.TransportError:
                    pass  # the port is bound before the server listens to it
                await asyncio.sleep(READY_LOOK_S)

    async def _print_balances(self, http: httpx2.AsyncClient, people: Sequence[Person]) -> None:
        table = Table("owner", "balance", "entries", box=None, header_style="bold", padding=(0, 3, 0, 2))
        table.columns[1].justify = table.columns[2].justify = "right"
        for person in people:
            answer = await http.get("/api/v1/wallet/user", headers={"Cookie": f"mint_session={self._token(person)}"})
            wallet = json.loads(answer.text, parse_float=Decimal)
            table.add_row(person.name, f"{wallet['balance']} {wallet['currency']}", str(wallet["version"]))
        console.print()
        console.print(table)

    async def _audit(self) -> bool:
        """Recompute the books, say what was found, and tell whether they are clean."""
        if self._store is not None:
            findings, summary = self._store.audit()
        else:
            books = MongoAudit(self._container.database())
            async with aclosing(books.findings()) as found:
                findings = [finding async for finding in found]
            summary = books.summary
        console.print("\n[bold]wallet audit[/]")
        for finding in findings:
            console.print(f"  [red]{finding.check.value}[/] {finding.subject}: {finding.text}", soft_wrap=True)
        for line in summary_lines(summary, self._settings.wallet_currency):
            console.print(f"  {line}", soft_wrap=True)
        return not findings

    def _print_what_to_try(self, person: Person) -> None:
        console.print(f"\nIn another terminal, read {person.name}'s wallet and statement:\n")
        print_plain(f"export TOKEN={self._token(person)}")
        for path in ("/api/v1/wallet/user", "/api/v1/wallet/user/transactions"):
            print_plain(f'curl -s -H "Cookie: mint_session=$TOKEN" {self._base_url}{path}')
        if self._servers.database_url and self._servers.rabbitmq_url:
            console.print("\nor type the operator's commands, such as 'wallet dead-letters list', after this line:\n")
            print_plain(f"export DATABASE_URL='{self._servers.database_url}' RABBITMQ_URL={self._servers.rabbitmq_url}")
        console.print("\nCtrl-C ends everything. Until then, each event that comes in shows here.\n")

    def _token(self, person: Person) -> str:
        settings = self._settings
        return self._key.token(person.user_id, settings.jwt_iss, settings.jwt_aud, TOKEN_LIFETIME_S)
