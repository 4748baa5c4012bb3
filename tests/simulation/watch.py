"""Watches a run: every commit, ack and publication is held against the invariants and the model as it happens.

What does not fit is written down as a ``Violation`` and ends the run at the next step. (It is not raised where it is
seen: that is inside the code under test, which would handle it.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.oracle import DocumentedReader, UnreadableAnswer, V1Reader
from tests.simulation.workload import HOSTILE_IDS
from wallet_core import (
    Linked,
    OpenWallet,
    Outcome,
    OutcomeKind,
    Policy,
    Request,
    SetAside,
    Shortfall,
    TransactionFinalized,
    TransactionRecord,
    TransactionState,
    Vocabulary,
    Wallet,
)
from wallet_core.body import answer_body
from wallet_core.memory import MemoryStore
from wallet_core.testing.facts import Completed, Fact, Failed, SignedUp
from wallet_core.testing.state_table import StateTable

LEGAL = {
    None: set(TransactionState),
    TransactionState.APPLIED: {TransactionState.REVERSAL_DUE, TransactionState.REVERSED},
    TransactionState.REVERSAL_DUE: {TransactionState.REVERSAL_DUE, TransactionState.REVERSED},
    TransactionState.VOID: {TransactionState.VOID},
}
"""From which state to which by one commit, which may hold several events; the others are final."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold, and where that shows."""

    invariant: str
    text: str

    def __str__(self) -> str:
        """Name it."""
        return f"{self.invariant}: {self.text}"


@dataclass(frozen=True, slots=True)
class Commit:
    """Who committed what, and how each request ended."""

    process: str
    requests: Sequence[Request]
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """What was published last about one transaction, and by whom; ``is_late``: after the end of its lease."""

    revision: int
    body: bytes
    publisher: str
    is_late: bool


@dataclass(slots=True)
class Watch:
    """
    Sees all that counts.

    ``died_in_doubt`` are the relays that died before they had compared what they had published with the books.
    ``table`` is the model. It is told of each request in the order of the commits, if that order explains everything
    (``has_model``).
    """

    policy: Policy
    has_model: bool
    violations: list[Violation] = field(default_factory=list)
    published: dict[str, LastAnswer] = field(default_factory=dict)
    v1_reader: V1Reader = field(default_factory=V1Reader)
    documented_reader: DocumentedReader = field(default_factory=DocumentedReader)
    died_in_doubt: set[str] = field(default_factory=set)
    table: StateTable = field(default_factory=StateTable)
    _recorded: dict[tuple[str, int], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Tell the model what the deployment has decided."""
        self.table = StateTable(self.policy.shortfall is Shortfall.OVERDRAW, self.policy.opening_balance_minor)

    def blame(self, invariant: str, text: str) -> None:
        """Write down a violation."""
        self.violations.append(Violation(invariant, text))

    def committed(self, store: MemoryStore, commit: Commit, before: Mapping[str, TransactionRecord | None]) -> None:
        """Look at the books after a commit that has changed the records of ``before``."""
        after = {record.id: record for record in store.transactions() if record.id in before}
        for id_, old in before.items():
            self._check_transition(old, after[id_])
            self._note_answer(after[id_])
        self._check_money(store)
        if self.has_model:
            self._check_model(commit)

    def answered(self, answer: TransactionFinalized, publisher: str, *, is_late: bool) -> None:
        """Look at an answer that has reached its queue; ``is_late``: its publisher's lease is over."""
        id_, body = answer.transaction_id, answer_body(answer)
        recorded = self._recorded.get((id_, answer.revision))
        if recorded is None:
            self.blame("I4 no ghost", f"{publisher} published revision {answer.revision} of {id_}: nobody recorded it")
        elif recorded != body:
            self.blame("I4 byte-equal", f"{publisher} published {body!r}, recorded was {recorded!r}")
        try:
            (self.v1_reader if answer.vocabulary is Vocabulary.V1 else self.documented_reader).read(body)
        except UnreadableAnswer as error:
            self.blame("I4 readable", str(error))
        self.published[id_] = LastAnswer(answer.revision, body, publisher, is_late)

    def read(self, wallet: Wallet) -> None:
        """Look at what a client has read."""
        if wallet.balance_minor < 0 and self.policy.shortfall is Shortfall.WAIT:
            self.blame("I5 never below zero", f"a client saw {wallet.balance_minor} minor units of {wallet.user_id}")

    def _check_transition(self, old: TransactionRecord | None, new: TransactionRecord) -> None:
        if new.state not in LEGAL.get(old.state if old else None, ()):
            self.blame("I7 final is final", f"{new.id} went from {old.state if old else None} to {new.state}")
        if old is not None and new.revision < old.revision:
            self.blame("I7 final is final", f"the answer of {new.id} went back to revision {new.revision}")

    def _note_answer(self, record: TransactionRecord) -> None:
        if record.answer is None:
            return
        body = answer_body(record.answer)
        if self._recorded.setdefault((record.id, record.revision), body) != body:
            self.blame("I4 byte-equal", f"revision {record.revision} of {record.id} was recorded twice, differently")

    def _check_money(self, store: MemoryStore) -> None:
        held_minor = 0
        for wallet in store.wallets():
            held_minor += wallet.balance_minor
            if wallet.balance_minor < 0 and self.policy.shortfall is Shortfall.WAIT:
                self.blame("I5 never below zero", f"{wallet.user_id} has {wallet.balance_minor} minor units")
            if wallet.version != len(store.entries_of(wallet.id)):
                self.blame("I12 sequence", f"{wallet.user_id} has version {wallet.version} and other entries")
        came_in_minor = sum(_came_in_minor(record) for record in store.transactions())
        if came_in_minor != held_minor:
            self.blame("I1 conservation", f"{came_in_minor} minor units came in, the wallets hold {held_minor}")

    def _check_model(self, commit: Commit) -> None:
        """Tell the model the requests, signups first, and compare how each ended."""
        ended = zip(commit.requests, commit.outcomes, strict=True)
        told = sorted(ended, key=lambda one: not isinstance(one[0], OpenWallet))
        for request, outcome in told:
            fact = _fact_of(request)
            if fact is None:
                continue
            wait_is_over = isinstance(request, Linked) and request.wait_is_over
            expected = self.table.post(fact, wait_is_over=wait_is_over)
            is_another_copy = outcome.kind is OutcomeKind.NOTHING and expected == "reversal_due"
            if expected != outcome.kind and not is_another_copy:
                self.blame("I2 as the model", f"{fact} ended as {outcome.kind}, the state table says {expected}")


def _came_in_minor(record: TransactionRecord) -> int:
    """Give what a transaction brought in: nothing, if it is a transfer."""
    return sum(leg.amount_minor for leg in record.legs if record.sender_id is None) - sum(
        leg.amount_minor for leg in record.reversal_legs if record.sender_id is None
    )


def _fact_of(request: Request) -> Fact | None:
    """Give a request as the model knows it; None for what makes no sense or is set aside, and never moves money."""
    if isinstance(request.objection, SetAside):
        return None
    if isinstance(request, OpenWallet):
        return SignedUp(request.user_id)
    if request.transaction_id in HOSTILE_IDS:
        return None
    if not isinstance(request, Linked):
        return Failed(request.transaction_id)
    if request.recipient_id is None or request.amount_minor is None:
        return None
    return Completed(
        request.transaction_id, request.sender_id, request.recipient_id, request.amount_minor, request.vocabulary
    )
