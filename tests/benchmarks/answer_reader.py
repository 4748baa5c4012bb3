"""The client of every drain: reads the answers as the transactions service does, and says when the last one came.

::

    python -m tests.benchmarks.answer_reader AMQP_URL QUEUE COUNT

Says ``{"ready": true}`` once it consumes, and after COUNT answers what it has read. It parses each answer and acks it
by itself, as a service does. Clock: ``monotonic_ns``, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from aio_pika.abc import AbstractConnection
from aiormq.abc import DeliveredMessage

from adapters.rabbitmq.connection import connected
from tests.benchmarks.fast_loop import run_fast

PREFETCH = 1_000

GRACE_S = 0.2
"""How long it listens after the last expected answer, seconds: one too many is told as well."""


@dataclass(slots=True)
class Reading:
    """What was read so far. Answers are told apart by their message id: one may come twice, and counts once."""

    expected: int
    answers: dict[str, bytes] = field(default_factory=dict)
    transactions: set[str] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    contradicted: int = 0
    first_ns: int = 0
    last_ns: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, message_id: str, body: bytes) -> None:
        """Read one answer."""
        answer = json.loads(body)
        if self.answers.setdefault(message_id, body) is not body:
            self.repeated += 1
            self.contradicted += self.answers[message_id] != body
            return
        self.last_ns = time.monotonic_ns()
        self.first_ns = self.first_ns or self.last_ns
        self.transactions.add(answer["transactionId"])
        self.statuses[answer["status"].lower()] += 1
        if len(self.answers) == self.expected:
            self.done.set()

    def result(self) -> dict[str, object]:
        """Give what was read, as JSON takes it."""
        return {
            "answers": len(self.answers),
            "transactions": len(self.transactions),
            "statuses": dict(self.statuses),
            "repeated": self.repeated,
            "contradicted": self.contradicted,
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
        }


async def read(connection: AbstractConnection, queue: str, count: int) -> None:
    """Read ``count`` answers, and whatever comes right behind them."""
    reading = Reading(count)
    channel = connection.channel(publisher_confirms=False)
    await channel.initialize(timeout=10)
    await channel.set_qos(prefetch_count=PREFETCH)
    underlay = await channel.get_underlay_channel()

    async def take(message: DeliveredMessage) -> None:
        reading.take(message.header.properties.message_id or "", message.body)
        await underlay.basic_ack(message.delivery_tag or 0, wait=False)

    await underlay.basic_consume(queue, take)
    say({"ready": True})
    await reading.done.wait()
    await asyncio.sleep(GRACE_S)
    say(reading.result())


def say(line: dict[str, object]) -> None:
    """Write one line of JSON to whoever has started this program."""
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


async def run(url: str, queue: str, count: int) -> None:
    """Connect, read, and end."""
    async with connected(url, "answer reader") as connection:
        await read(connection, queue, count)


def main() -> None:
    """Run it as its own process."""
    url, queue, count = sys.argv[1:]
    run_fast(run(url, queue, int(count)))


if __name__ == "__main__":
    main()
