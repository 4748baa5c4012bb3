"""A replica set of three private mongods, each reachable only through a proxy of its own.

::

    clients ──┬─> proxy 0 ─> mongod 0        what the set calls the address of a member is its proxy's: so a partition
              ├─> proxy 1 ─> mongod 1        parts the members from each other, while clients still reach every one
              └─> proxy 2 ─> mongod 2

The set's defaults are the weakest there are (write concern 1, read concern local): who relies on them loses money here.

Everything is synchronous. The proxies run on a loop in a thread of their own, so a test that blocks on a driver does
not stop them; ``look`` goes past them. Bounds: loopback only; every wait has a deadline; no member outlives us.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import pymongo
from anyio.from_thread import BlockingPortal, start_blocking_portal
from bson import ObjectId
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from adapters.embedded import Mongod
from adapters.embedded.free_port import LOOPBACK
from tests.faults.member_proxy import MemberProxy, member_proxy
from tests.tcp_proxy import TcpProxy

Document = dict[str, object]

NAME = "rs0"

MEMBERS = 3

ELECTION_TIMEOUT_MS = 2_000
"""How long a primary without a majority stays one, and when the others elect another (default 10 s)."""

HEARTBEAT_INTERVAL_MS = 250
"""How often members look at each other (default 2 s)."""

HEARTBEAT_TIMEOUT_S = 2
"""When a look without an answer has failed (default 10 s)."""

SETTLE_TIMEOUT_S = 60.0
"""Longest wait for a start, an election, a rollback; measured 1 to 4 s on two cores."""

_ANSWER_TIMEOUT_MS = 1_000
_POLL_S = 0.05

_PRIMARY, _SECONDARY = 1, 2
"""States of a member, as the server numbers them."""

_AWAY = 0
"""The state of a member that does not answer."""


class ReplicaSet:
    """Three members and what can happen to them. Use it as a ``with`` block."""

    def __init__(
        self, folder: Path, *, election_timeout_ms: int = ELECTION_TIMEOUT_MS, extra_args: tuple[str, ...] = ()
    ) -> None:
        """Describe the set; nothing is started. ``extra_args`` go to each mongod's command line."""
        self.members = tuple(
            Mongod(folder / f"member-{index}", replica_set=NAME, fault_injection=True, extra_args=extra_args)
            for index in range(MEMBERS)
        )
        self._election_timeout_ms = election_timeout_ms
        self._proxies: tuple[MemberProxy, ...] = ()
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    def url(self, database: str = "") -> str:
        """Give the connection string of the whole set, with ``database`` as its default database."""
        hosts = ",".join(f"{LOOPBACK}:{proxy.port}" for proxy in self._proxies)
        return f"mongodb://{hosts}/{database}?replicaSet={NAME}"

    def start(self) -> None:
        """Start the members and the proxies, initiate the set, and wait until it is whole."""
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal("asyncio"))
            for member in self.members:
                stack.callback(member.kill)
                member.launch()
            proxying = [member_proxy(member, self._others(member)) for member in self.members]
            self._proxies = tuple(stack.enter_context(self._portal.wrap_async_context_manager(one)) for one in proxying)
            self._initiate()
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """End the members, frozen or not, and the proxies."""
        self._stack.close()

    def primary(self) -> Mongod:
        """
        Wait for a primary, and give it.

        Two call themselves so while a partition is young; the one elected later is the one that a majority follows.
        """
        self._wait(lambda: bool(self._primaries()), "has a primary")
        return self._primaries()[-1]

    def successor_of(self, member: Mongod) -> Mongod:
        """Wait until another member than this one is the primary elected last, and give it."""
        self._wait(lambda: self._primaries()[-1:] not in ([], [member]), "has another primary")
        return self._primaries()[-1]

    def secondaries(self) -> tuple[Mongod, ...]:
        """Give the members beside the primary, dead and frozen ones too."""
        return self._others(self.primary())

    def kill_primary(self) -> Mongod:
        """End the primary as a crash would, and give it: ``restart`` brings it back."""
        primary = self.primary()
        primary.kill()
        return primary

    def restart(self, member: Mongod) -> None:
        """Start a killed member again; it finds its place in the set by itself."""
        member.launch()

    def freeze_primary(self) -> Mongod:
        """Make the primary hang, and give it: its ``thaw`` lets it go on."""
        primary = self.primary()
        primary.freeze()
        return primary

    def step_down(self) -> Mongod:
        """Let the primary hand over to another member, until that has happened, and give it."""
        primary = self.primary()
        with self.look(primary) as client:
            client.admin.command({"replSetStepDown": 60, "secondaryCatchUpPeriodSecs": 10})
            self.successor_of(primary)
            client.admin.command({"replSetFreeze": 0})  # or it would stand in no election for those 60 s
        return primary

    def step_up(self, member: Mongod) -> None:
        """Let a member stand for election at once, whatever it knows of another primary, until it has won."""

        def has_won() -> bool:
            with self.look(member) as client:
                client.admin.command({"replSetStepUp": 1, "skipDryRun": True})
            return member in self._primaries()

        self._wait(has_won, f"has {member.port} as its primary")

    def partition_primary(self) -> Mongod:
        """Let nothing pass between the primary and the others any more, and give it; clients still reach all three."""
        primary = self.primary()
        for link in self._links_of(primary):
            self._run(link.hold)
        return primary

    def heal(self) -> None:
        """End every partition, thaw and restart every member, and wait until the set is whole."""
        for proxy in self._proxies:
            for link in proxy.links.values():
                self._run(link.release)
        for member in self.members:
            if member.is_running:
                member.thaw()
            else:
                self.restart(member)
        self.wait_whole()

    def wait_whole(self) -> None:
        """Wait until there is one primary, and the two others follow it: what it does not know is rolled back there."""

        def is_whole() -> bool:
            states, terms = zip(*map(self._state_and_term, self.members), strict=True)
            return sorted(states) == [_PRIMARY, _SECONDARY, _SECONDARY] and len(set(terms)) == 1

        self._wait(is_whole, "is whole")

    def look(self, member: Mongod) -> MongoClient[Document]:
        """Connect to one member alone, past its proxy and whatever its state; use the client by ``with``."""
        return MongoClient[Document](
            host=LOOPBACK,
            port=member.port,
            directConnection=True,
            tz_aware=True,
            appname="test",
            serverSelectionTimeoutMS=_ANSWER_TIMEOUT_MS,
            connectTimeoutMS=_ANSWER_TIMEOUT_MS,
            socketTimeoutMS=SETTLE_TIMEOUT_S * 1_000,
        )

    def __enter__(self) -> Self:
        """Start the set."""
        self.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the set."""
        self.stop()

    def _initiate(self) -> None:
        members = [{"_id": index, "host": f"{LOOPBACK}:{proxy.port}"} for index, proxy in enumerate(self._proxies)]
        settings = {
            "electionTimeoutMillis": self._election_timeout_ms,
            "heartbeatIntervalMillis": HEARTBEAT_INTERVAL_MS,
            "heartbeatTimeoutSecs": HEARTBEAT_TIMEOUT_S,
        }
        with self.look(self.members[0]) as client:
            client.admin.command({"replSetInitiate": {"_id": NAME, "members": members, "settings": settings}})
        self.step_up(self.members[0])
        self.wait_whole()
        weakest = {"defaultWriteConcern": {"w": 1}, "defaultReadConcern": {"level": "local"}}
        with MongoClient[Document](self.url(), appname="test") as client:
            client.admin.command({"setDefaultRWConcern": 1, **weakest})

    def _primaries(self) -> list[Mongod]:
        """Give the members that call themselves primary, the one elected last at the end."""
        elected: list[tuple[ObjectId, Mongod]] = []
        for member in self.members:
            hello = self._ask(member, {"hello": 1})
            if hello.get("isWritablePrimary"):
                elected.append((cast("ObjectId", hello["electionId"]), member))
        return [member for _, member in sorted(elected, key=lambda pair: pair[0])]

    def _state_and_term(self, member: Mongod) -> tuple[int, int]:
        """Give a member's state and the term of the last write that it has: each primary begins its own with one."""
        status = self._ask(member, {"replSetGetStatus": 1})
        if not status:
            return _AWAY, 0
        return cast("int", status["myState"]), cast("Any", status["optimes"])["appliedOpTime"]["t"]

    def _ask(self, member: Mongod, command: Document) -> Document:
        """Give a member's answer; nothing when it is dead, frozen, or not in the mood."""
        if not member.is_running:
            return {}
        try:
            with pymongo.timeout(_ANSWER_TIMEOUT_MS / 1_000), self.look(member) as client:
                return client.admin.command(command)
        except PyMongoError:
            return {}

    def _others(self, member: Mongod) -> tuple[Mongod, ...]:
        return tuple(other for other in self.members if other is not member)

    def _links_of(self, member: Mongod) -> list[TcpProxy]:
        """Give all that leads from the others to a member, and from it to them."""
        links: list[TcpProxy] = []
        for target, proxy in zip(self.members, self._proxies, strict=True):
            links += [link for source, link in proxy.links.items() if member.port in (target.port, source)]
        return links

    def _run(self, change: Callable[[], None]) -> None:
        """Change a proxy on the loop that it runs on."""
        if self._portal is not None:
            self._portal.call(change)

    def _wait(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds; a member that is busy with an election may refuse to answer meanwhile."""
        deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
        while True:
            with suppress(PyMongoError):
                if is_so():
                    return
            assert time.monotonic() < deadline_s, f"not within {SETTLE_TIMEOUT_S} s: the set {what}; {self._view()}"
            time.sleep(_POLL_S)

    def _view(self) -> str:
        """Tell a person what each member says of itself."""
        seen = {member.port: self._state_and_term(member) for member in self.members}
        return f"(state, term) by port {seen}"
