"""The answers of the service, taken from ``transaction.finalized.q`` and read by the oracles, every one of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from pamqp.commands import Basic

from adapters.rabbitmq.topology import FINALIZED_QUEUE
from tests.neighbour import EVENTUALLY_S, Neighbour, eventually
from tests.oracle import DocumentedReader, ReadAnswer, V1Reader
from wallet_core import Vocabulary

_V1_STATUSES = ("Completed", "Failed")


@dataclass(frozen=True, slots=True)
class Answer:
    """One published answer: as bytes, as a dict, and as its reader understood it."""

    body: bytes
    properties: Basic.Properties
    message: dict[str, object]
    read: ReadAnswer
    vocabulary: Vocabulary


@dataclass(slots=True)
class Answers:
    """The transactions service, as far as it reads our answers: all it ever read, in order."""

    neighbour: Neighbour
    all: list[Answer] = field(default_factory=list)
    _v1_reader: V1Reader = field(default_factory=V1Reader)
    _documented_reader: DocumentedReader = field(default_factory=DocumentedReader)

    async def look(self) -> None:
        """Read what has come. Raises UnreadableAnswer for a body that its reader would choke on."""
        for fetched in await self.neighbour.fetch_all(FINALIZED_QUEUE):
            self.all.append(self._read(fetched.body, fetched.properties))

    async def about(self, transaction_id: str, count: int = 1, timeout_s: float = EVENTUALLY_S) -> list[Answer]:
        """Wait for at least so many answers about a transaction, and give all of them, the latest last."""

        async def have_come() -> bool:
            await self.look()
            return len(self._about(transaction_id)) >= count

        await eventually(have_come, f"{count} answers about {transaction_id}", timeout_s)
        return self._about(transaction_id)

    async def last(self, transaction_id: str, revision: int = 1) -> Answer:
        """Wait for an answer of this revision; it must be the latest about its transaction."""

        async def has_come() -> bool:
            await self.look()
            return any(answer.message["revision"] == revision for answer in self._about(transaction_id))

        await eventually(has_come, f"answer {revision} about {transaction_id}")
        latest = self._about(transaction_id)[-1]
        assert revision == latest.message["revision"]
        return latest

    def _about(self, transaction_id: str) -> list[Answer]:
        return [answer for answer in self.all if answer.read.transaction_id == transaction_id]

    def _read(self, body: bytes, properties: Basic.Properties) -> Answer:
        message = json.loads(body)
        if message.get("status") in _V1_STATUSES:
            return Answer(body, properties, message, self._v1_reader.read(body), Vocabulary.V1)
        return Answer(body, properties, message, self._documented_reader.read(body), Vocabulary.DOCUMENTED)
