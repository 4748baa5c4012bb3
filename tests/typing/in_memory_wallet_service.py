"""The types of the wallet in memory, as a type checker of a neighbour sees them; see `public_names.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_type

from wallet_core import (
    Currency,
    Handled,
    Money,
    Policy,
    Statement,
    Subject,
    TransactionFinalized,
    TransactionRecord,
    Vocabulary,
)
from wallet_core.audit import Finding
from wallet_core.memory import DeadLettered, Published, Waiting
from wallet_core.testing import InMemoryWalletService, WalletClock


async def events(service: InMemoryWalletService, message: Mapping[str, object]) -> None:
    """Events go in as calls or as messages; a finalization may come at once."""
    assert_type(await service.complete_topup("t1", "ada", 1_000), TransactionFinalized | None)
    assert_type(
        await service.complete_transfer("t2", "ada", "ben", Money(1, Currency("USD", 2))), TransactionFinalized | None
    )
    assert_type(await service.fail("t1", "why"), TransactionFinalized | None)
    assert_type(await service.deliver("user.signup", message), TransactionFinalized | None)
    assert_type(await service.deliver(Subject.SIGNUP, b"{}"), TransactionFinalized | None)
    assert_type(await service.release(), list[TransactionFinalized])
    await service.signup(1)  # type: ignore[arg-type]
    await service.complete_topup("t1", "ada", 10.5)  # type: ignore[arg-type]
    await service.complete_topup("t1", "ada", Decimal("10.5"))  # type: ignore[arg-type]
    await service.deliver("user.signup", "{}")  # type: ignore[arg-type]


def looks(service: InMemoryWalletService) -> None:
    """What came of it is read without awaiting; an empty look does not make the next one empty."""
    assert service.finalizations == []
    assert_type(service.finalizations, list[TransactionFinalized])
    (answer,) = service.finalizations
    assert_type(answer, TransactionFinalized)
    assert_type(service.published, list[Published])
    assert_type(service.handled, list[Handled])
    assert_type(service.waiting, list[Waiting])
    assert_type(service.dead_letters, list[DeadLettered])
    assert_type(service.balance("ada"), Money)
    assert_type(service.statement("ada", limit=10, before_sequence=None), Statement)
    assert_type(service.transaction("t1"), TransactionRecord)
    assert_type(service.audit(), list[Finding])
    service.finalizations = []  # type: ignore[misc]


def clock(service: InMemoryWalletService) -> None:
    """The clock is moved by the test."""
    assert_type(service.clock, WalletClock)
    assert_type(service.clock.now(), datetime)
    service.clock.advance(timedelta(seconds=1))
    service.clock.advance(1)  # type: ignore[arg-type]


def choices(policy: Policy) -> None:
    """What a deployment decides, and what its neighbours speak."""
    InMemoryWalletService()
    InMemoryWalletService(policy)
    InMemoryWalletService(policy=policy, clock=WalletClock(), vocabulary=Vocabulary.V1, retry_delays_ms=(10, 20))
    InMemoryWalletService(policy, WalletClock())  # type: ignore[call-arg]
