"""Reasons: why a decision ended as it did, for a person: the wallets with their numbers, and sentences.

Numbers are those that the decision was made on. Where it is not known which version of a wallet a refusal saw, they are
the least and the most that the wallet held around that time, and a sentence says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from wallet_core.commands import Credit, Linked
from wallet_core.decisions import Decision
from wallet_core.errors import BalanceLimitExceeded, InsufficientFunds, WalletSuspended
from wallet_core.fields import iso_milliseconds
from wallet_core.ledger import Direction, TransactionKind, TransactionRecord, TransactionState
from wallet_core.messages import Subject
from wallet_core.money import AMOUNT_MINOR_MAX, Currency, major_units
from wallet_core.outcome import OutcomeKind
from wallet_core.past import UNCERTAINTY, Recollection
from wallet_core.posting import WALLET_NOT_FOUND
from wallet_core.replay import Again
from wallet_core.wallet import Wallet

WAITED_MIN = timedelta(seconds=1)
"""How long a transaction must have taken to be worth a word: the shortest wait for a late signup."""


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is known to lie between two; they are equal where it is known."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Holding:
    """
    What a wallet held when a decision looked at it, and what was asked of it.

    ``wallet_id``, ``version`` and ``held_minor`` are None where there was no wallet that may be used.
    ``change_minor`` is what the transaction adds, negative for a debit. ``after_minor`` is None if nothing was posted.
    """

    user_id: str
    wallet_id: str | None
    version: Range | None
    held_minor: Range | None
    change_minor: int
    after_minor: int | None = None


def holdings_of(decision: Decision) -> tuple[Holding, ...]:
    """Give the wallets that a decision looked at, in the order of its legs."""
    if decision.entries:
        return tuple(
            Holding(
                user_id=leg.user_id,
                wallet_id=leg.wallet_id,
                version=_range_of([entry.sequence - 1]),
                held_minor=_range_of([entry.balance_after_minor - entry.signed_minor]),
                change_minor=entry.signed_minor,
                after_minor=entry.balance_after_minor,
            )
            for leg, entry in zip(decision.legs, decision.entries, strict=True)
        )
    if (
        decision.outcome not in (OutcomeKind.REFUSED, OutcomeKind.REVERSAL_DUE)
        or decision.then.state is TransactionState.VOID
    ):
        return ()
    return tuple(_holding(user_id, change_minor, decision) for user_id, change_minor in _asked(decision))


def reasons_of(again: Again, recollection: Recollection, currency: Currency) -> tuple[str, ...]:
    """Say why a decision ended as it is recorded, and how sure that is."""
    return tuple(_Telling(again, recollection, currency).sentences())


def waits_of(record: TransactionRecord, recollection: Recollection) -> Iterator[str]:
    """Say how long a transaction took to be decided, and which late signup it may have waited for."""
    completed_at = record.occurred_at
    if completed_at is None or record.recorded_at - completed_at < WAITED_MIN:
        return
    if record.state is TransactionState.VOID:
        return  # it was recorded because of its failed
    seconds = (record.recorded_at - completed_at) // timedelta(seconds=1)
    yield (
        f"Its producer completed it at {iso_milliseconds(completed_at)}; it was decided {seconds} s later, at "
        f"{iso_milliseconds(record.recorded_at)}."
    )
    for user_id, wallet in recollection.wallets.items():
        if isinstance(wallet, Wallet) and completed_at < wallet.opened_at <= record.recorded_at:
            opened_at = iso_milliseconds(wallet.opened_at)
            yield f"The wallet of {user_id} was opened in between, at {opened_at}: it may have waited for that signup."


def amount_text(amount_minor: int, code: str, currency: Currency) -> str:
    """Write an amount in major units; in minor ones if it is in a currency whose decimals are not known."""
    if code != currency.code:
        return f"{amount_minor} minor units of {code}"
    return f"{major_units(amount_minor, currency)} {code}"


class _Telling:
    """The words for one decision."""

    def __init__(self, again: Again, recollection: Recollection, currency: Currency) -> None:
        self._again = again
        self._decision = again.decision
        self._record = again.decision.then
        self._recollection = recollection
        self._currency = currency
        self._holdings = holdings_of(again.decision)

    def sentences(self) -> Iterator[str]:
        match self._decision.outcome:
            case OutcomeKind.OPENED:
                yield "Each new wallet was opened with this balance (INITIAL_WALLET_BALANCE)."
            case OutcomeKind.APPLIED:
                yield self._applied()
            case OutcomeKind.REFUSED:
                yield from self._refused()
            case OutcomeKind.VOID:
                yield "It came before its transaction.completed: nothing may complete under this id any more."
            case OutcomeKind.REVERSED:
                yield from self._reversed()
            case _:
                yield self._due()
        if self._holdings and not self._decision.is_exact:
            yield self._uncertainty()

    def _applied(self) -> str:
        record, amount = self._record, self._amount(self._record.amount_minor or 0)
        if record.kind is TransactionKind.TOPUP:
            return f"No rule was against it: {record.recipient_id} got {amount}."
        return f"No rule was against it: {record.sender_id} gave {amount} to {record.recipient_id}."

    def _refused(self) -> Iterator[str]:
        if self._record.state is TransactionState.VOID:
            yield f"Its transaction.failed had come before it, at {iso_milliseconds(self._record.recorded_at)}."
        elif not self._holdings:
            yield "Its message alone breaks a rule, whatever its wallets held."
        elif self._record.reason == WALLET_NOT_FOUND:
            yield from self._not_found()
        elif self._record.reason == InsufficientFunds.reason:
            yield self._insufficient(self._holdings[0])
        elif self._record.reason == BalanceLimitExceeded.reason:
            yield self._over_the_limit(self._holdings[-1])
        elif self._record.reason == WalletSuspended.reason:
            yield "A wallet of its parties waited for a person: 'wallet migrate' lists those that still do."

    def _not_found(self) -> Iterator[str]:
        yield "It has waited for a signup (WALLET_RETRY_DELAYS_MS), and there was none in time."
        for holding in self._holdings:
            wallet = self._recollection.wallets.get(holding.user_id)
            if wallet is None:
                yield f"{holding.user_id} has no wallet to this day."
            elif isinstance(wallet, Wallet) and wallet.opened_at > self._decision.at - UNCERTAINTY:
                yield f"The wallet of {holding.user_id} was opened at {iso_milliseconds(wallet.opened_at)}."

    def _insufficient(self, payer: Holding) -> str:
        amount_minor, held = -payer.change_minor, payer.held_minor
        said = f"{payer.user_id} held {self._range(held)} and was to give {self._amount(amount_minor)}"
        if held is None or held.least != held.most:
            return f"{said}."
        missing_minor = amount_minor - held.least
        return f"{said}: {self._amount(missing_minor)} too little." if missing_minor > 0 else f"{said}: it had enough."

    def _over_the_limit(self, payee: Holding) -> str:
        return (
            f"{payee.user_id} held {self._range(payee.held_minor)} and was to get {self._amount(payee.change_minor)}: "
            f"a wallet holds {self._amount(AMOUNT_MINOR_MAX)} at most."
        )

    def _reversed(self) -> Iterator[str]:
        yield "It had been applied, so an opposite entry followed each of its entries."
        for holding in self._holdings:
            if holding.change_minor < 0 and (holding.after_minor or 0) < 0:
                yield f"That took {holding.user_id} below zero, as WALLET_REVERSAL_SHORTFALL=overdraw lets it."

    def _due(self) -> str:
        since = "" if self._record.due_since is None else f" since {iso_milliseconds(self._record.due_since)}"
        return f"It is to be taken back{since}. The last try: {self._record.reason}."

    def _uncertainty(self) -> str:
        seen = f"Which versions it saw is not recorded; within {UNCERTAINTY // timedelta(seconds=1)} s of it"
        if self._again.differences:
            return f"{seen} there were none with which it would end so now."
        if len(self._decision.states) == 1:
            return f"{seen} there were these alone. With them it ends so again."
        return f"{seen} there were these. With {'each' if self._again.is_certain else 'some'} of them it ends so again."

    def _range(self, held: Range | None) -> str:
        if held is None:
            return "nothing that is known"
        if held.least == held.most:
            return self._amount(held.least)
        return f"{self._amount(held.least)} to {self._amount(held.most)}"

    def _amount(self, amount_minor: int) -> str:
        return amount_text(amount_minor, self._record.currency, self._currency)


def _asked(decision: Decision) -> list[tuple[str, int]]:
    """Give whose wallets were looked at, and what was to be added to each."""
    if decision.subject is Subject.FAILED:
        return [(leg.user_id, _signed(leg.direction.opposite, leg.amount_minor)) for leg in decision.then.legs]
    if not isinstance(decision.request, Linked):
        return []
    return [
        (leg.user_id, leg.amount_minor if isinstance(leg, Credit) else -leg.amount_minor)
        for leg in decision.request.legs
    ]


def _signed(direction: Direction, amount_minor: int) -> int:
    return amount_minor if direction is Direction.CREDIT else -amount_minor


def _holding(user_id: str, change_minor: int, decision: Decision) -> Holding:
    """Say what a wallet held, from the states that the decision may have met."""
    found = [state.wallets.get(user_id) for state in decision.states]
    wallets = [wallet for wallet in found if isinstance(wallet, Wallet)]
    if not wallets:
        return Holding(user_id, None, None, None, change_minor)
    return Holding(
        user_id=user_id,
        wallet_id=wallets[0].id,
        version=_range_of([wallet.version for wallet in wallets]),
        held_minor=_range_of([wallet.balance_minor for wallet in wallets]),
        change_minor=change_minor,
    )


def _range_of(numbers: Sequence[int]) -> Range:
    return Range(min(numbers), max(numbers))
