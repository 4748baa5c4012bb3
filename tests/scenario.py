"""A wallet service in memory, driven by the messages of its neighbours: what most tests speak in.

``Scenario`` is the pure core over the adapters in memory. ``post`` hands over one batch of events, as a message each;
``publish`` runs the relay, and lets the reader of each vocabulary read what came out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from tests.oracle import DocumentedReader, V1Reader
from wallet_core import (
    Entry,
    Linked,
    Money,
    Outcome,
    OutcomeKind,
    Policy,
    Relay,
    Request,
    SetAside,
    TransactionFinalized,
    TransactionRecord,
    Vocabulary,
    Wallet,
    post_all,
    request_of,
)
from wallet_core.memory import ManualClock, MemoryBus, MemoryStore
from wallet_core.ports import Clock
from wallet_core.testing.books import BooksCopy, copy_of
from wallet_core.testing.events import (
    ALICE,
    BOB,
    CAROL,
    USD,
    Event,
    Message,
    failed,
    failed_as,
    signup,
    topup,
    topup_v1,
    transaction_id,
    transfer,
    transfer_v1,
)

__all__ = [
    "ALICE",
    "BOB",
    "CAROL",
    "USD",
    "Event",
    "Message",
    "Scenario",
    "failed",
    "failed_as",
    "minor",
    "sample",
    "signup",
    "topup",
    "topup_v1",
    "transaction_id",
    "transfer",
    "transfer_v1",
]

ROUNDS_MAX = 1_000
SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> Message:
    """Read one of the contract's sample messages, numbers as the service reads them."""
    message: Message = json.loads((SAMPLES / f"{name}.json").read_bytes(), parse_float=Decimal, parse_int=Decimal)
    return message


def minor(amount: str) -> int:
    """Give an amount of dollars in cents."""
    return Money.from_major(Decimal(amount), USD).amount_minor


class Scenario:
    """The service over empty books in memory, at the instant of the contract's first sample."""

    def __init__(self, policy: Policy | None = None, store_of: Callable[[Clock], MemoryStore] = MemoryStore) -> None:
        """Start with nothing; the policy is dollars, and everything else as by default."""
        self.policy = policy or Policy(USD)
        self.clock = ManualClock()
        self.store = store_of(self.clock)
        self.bus = MemoryBus(self.clock)
        self.v1_reader = V1Reader()
        self.documented_reader = DocumentedReader()
        self._relay = Relay(self.store, self.bus, "relay", self.clock.monotonic_s)
        self._read_count = 0

    def requests(self, events: Sequence[Event], *, wait_is_over: bool = False) -> list[Request]:
        """Read the events; each must have a usable id."""
        requests: list[Request] = []
        for event in events:
            request = request_of(event.subject, event.message, self.policy.currency)
            assert not isinstance(request, SetAside), f"{event} has no usable id: {request.detail}"
            if wait_is_over and isinstance(request, Linked):
                request = request._replace(wait_is_over=True)
            requests.append(request)
        return requests

    def post(self, *events: Event, wait_is_over: bool = False) -> tuple[Outcome, ...]:
        """Post the events as one batch."""
        requests = self.requests(events, wait_is_over=wait_is_over)
        return asyncio.run(post_all(requests, self.store, self.clock, self.policy))

    def post_one(self, event: Event, *, wait_is_over: bool = False) -> Outcome:
        """Post one event."""
        (outcome,) = self.post(event, wait_is_over=wait_is_over)
        return outcome

    def open(self, *user_ids: str) -> None:
        """Open wallets."""
        outcomes = self.post(*map(signup, user_ids))
        assert {outcome.kind for outcome in outcomes} == {OutcomeKind.OPENED}

    def fund(self, user_id: str, amount: object, id_: str = transaction_id(0xF00D)) -> None:
        """Top up a wallet."""
        assert self.post_one(topup(id_, user_id, amount)).kind is OutcomeKind.APPLIED

    def wallet(self, user_id: str) -> Wallet:
        """Give a user's wallet, which must exist."""
        wallet = asyncio.run(self.store.wallet_of(user_id))
        assert wallet is not None
        return wallet

    def balance(self, user_id: str) -> int:
        """Give a user's balance in cents."""
        return self.wallet(user_id).balance_minor

    def entries(self, user_id: str) -> Sequence[Entry]:
        """Give a user's entries, oldest first."""
        return self.store.entries_of(self.wallet(user_id).id)

    def record(self, id_: str) -> TransactionRecord | None:
        """Give what is recorded about a transaction."""
        return next((record for record in self.store.transactions() if record.id == id_), None)

    def known(self, id_: str) -> TransactionRecord:
        """Give what is recorded about a transaction, which must be known."""
        record = self.record(id_)
        assert record is not None
        return record

    def answer(self, id_: str) -> TransactionFinalized:
        """Give the latest recorded answer about a transaction, which must have one."""
        answer = self.known(id_).answer
        assert answer is not None
        return answer

    def backlog(self) -> int:
        """Count the rows of the outbox."""
        rows, _ = asyncio.run(self.store.backlog())
        return rows

    def publish_all(self) -> list[Message]:
        """Publish until nothing waits, and give the new bodies. The bus must be there."""
        bodies: list[Message] = []
        for _ in range(ROUNDS_MAX):
            if not self.backlog():
                return bodies
            bodies += self.publish()
        raise AssertionError(f"something still waits in the outbox after {ROUNDS_MAX} rounds")

    def publish(self) -> list[Message]:
        """Publish what waits, let the readers read it, and give the new bodies."""
        asyncio.run(self._relay.publish_pending())
        new = self.bus.published[self._read_count :]
        self._read_count = len(self.bus.published)
        bodies: list[Message] = [json.loads(published.body) for published in new]
        for published, body in zip(new, bodies, strict=True):
            is_v1 = self.answer(str(body["transactionId"])).vocabulary is Vocabulary.V1
            (self.v1_reader if is_v1 else self.documented_reader).read(published.body)
        return bodies

    def final_state(self) -> BooksCopy:
        """Give everything that the books hold now."""
        return copy_of(self.store)
