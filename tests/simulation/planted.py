"""Broken parts, each with one safety line removed: the simulation must find every one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from adapters.rabbitmq.acknowledgement import Acknowledgement, Unsettled
from tests.simulation.broker import Arrival
from tests.simulation.broker_port import BrokerPort, Park
from tests.simulation.database import Begun, SimulatedDatabase
from tests.simulation.process import Hand, WalletProcess
from tests.simulation.simulation import Parts
from tests.simulation.watched_intake import WatchedIntake
from wallet_core import (
    DeadLetterReason,
    Handled,
    Outcome,
    OutcomeKind,
    Plan,
    Relay,
    Request,
    StoreUnavailable,
    TransactionFinalized,
)
from wallet_core.ports import PendingRow


class AckingTooSoon(WalletProcess):
    """Acks a batch before it is handled."""

    async def _handle(self, hand: Hand, batch: Sequence[Arrival]) -> Sequence[Handled]:
        await self._ack(hand, batch)
        return await super()._handle(hand, batch)


class Forgetful(WalletProcess):
    """Acks what should wait or be set aside, and parks nothing."""

    async def _settle(
        self,
        hand: Hand,
        batch: Sequence[Arrival],
        handled: Sequence[Handled],  # noqa: ARG002 - that is the bug
    ) -> None:
        await self._ack(hand, batch)


class ImpatientParking(WalletProcess):
    """Acks a parked message before its copy is confirmed."""

    async def _settle(self, hand: Hand, batch: Sequence[Arrival], handled: Sequence[Handled]) -> None:
        await super()._settle(hand, batch, handled)
        await self._ack(hand, batch)


class AckingMany(Unsettled):
    """Acks everything up to the last settled tag, holes or not."""

    def settle(self, tags: Collection[int]) -> list[Acknowledgement]:
        """Forget the prefix rule."""
        super().settle(tags)
        return [Acknowledgement(max(tags), multiple=True)] if tags else []


class AckingOverHoles(WalletProcess):
    """Uses ``multiple`` without the prefix rule."""

    unsettled_type = AckingMany


class LosingIntake(WatchedIntake):
    """Forgets an event once it is isolated."""

    async def _post_apart(self, requests: Sequence[Request]) -> Sequence[Outcome | None]:
        outcomes = await super()._post_apart(requests)
        isolated = DeadLetterReason.ISOLATED_ERROR
        return [Outcome(OutcomeKind.NOTHING) if one and one.dead_letter is isolated else one for one in outcomes]


class Optimist(WatchedIntake):
    """Takes a commit whose end is unknown for done."""

    async def _post_once(self, requests: Sequence[Request], plan: Plan | None = None) -> Sequence[Outcome]:
        try:
            return await super()._post_once(requests, plan)
        except StoreUnavailable:
            return [Outcome(OutcomeKind.APPLIED)] * len(requests)


class UnguardedWallets(SimulatedDatabase):
    """Replaces a wallet without looking at its version, and an entry at a taken sequence."""

    def _check_unchanged(self, begun: Begun) -> None:
        begun.books.wallets.written, written = {}, begun.books.wallets.written
        begun.books.journal.appended, appended = [], begun.books.journal.appended
        try:
            super()._check_unchanged(begun)
        finally:
            begun.books.wallets.written, begun.books.journal.appended = written, appended


class DoubleTransactions(SimulatedDatabase):
    """Has no unique index on the transaction's id."""

    def _check_unchanged(self, begun: Begun) -> None:
        begun.books.journal.written, written = {}, begun.books.journal.written
        try:
            super()._check_unchanged(begun)
        finally:
            begun.books.journal.written = written


class BlindRelay(Relay):
    """Does not compare revisions after the confirm."""

    async def _publish(
        self,
        answers: Sequence[TransactionFinalized],
        rows: Sequence[PendingRow],  # noqa: ARG002 - that is the bug
    ) -> set[str]:
        taken = await self._bus.publish_many(answers) if answers else []
        return {answer.transaction_id for answer, is_taken in zip(answers, taken, strict=True) if not is_taken}


class TrustingRelay(Relay):
    """Removes a row whether or not the broker has confirmed its answers."""

    async def _publish(self, answers: Sequence[TransactionFinalized], rows: Sequence[PendingRow]) -> set[str]:
        await super()._publish(answers, rows)
        return set()


class CarelessRelay(Relay):
    """Puts nothing back after a round that was late and has broken off."""

    async def _put_back(self) -> None:
        pass


class LawlessRelay(Relay):
    """Publishes without the lease."""

    async def _holds_lease(self) -> bool:
        await super()._holds_lease()
        return True

    def _has_overslept(self) -> bool:
        return False


class HeartlessPort(BrokerPort):
    """Never waits for a late signup to the end."""

    async def may_come(self) -> bool:
        """Say no."""
        return False


class UnconfirmedPort(BrokerPort):
    """Takes a park for confirmed whatever the broker says."""

    async def park(self, park: Park) -> bool:
        """Say yes."""
        await super().park(park)
        return True


BUGS: Mapping[str, Parts] = {
    "ack before the commit": Parts(process=AckingTooSoon),
    "parks forgotten": Parts(process=Forgetful),
    "ack before the park is confirmed": Parts(process=ImpatientParking),
    "park taken for confirmed": Parts(broker_port=UnconfirmedPort),
    "ack of many over a hole": Parts(process=AckingOverHoles),
    "isolated event lost": Parts(intake=LosingIntake),
    "unknown commit taken for done": Parts(intake=Optimist),
    "no version guard": Parts(database=UnguardedWallets),
    "no unique transaction id": Parts(database=DoubleTransactions),
    "no revision check": Parts(relay=BlindRelay),
    "nothing put back": Parts(relay=CarelessRelay),
    "row removed unconfirmed": Parts(relay=TrustingRelay),
    "no lease check": Parts(relay=LawlessRelay),
    "no guard for late signups": Parts(broker_port=HeartlessPort),
}
"""What each part lacks."""
