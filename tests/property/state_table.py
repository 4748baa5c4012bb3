"""
The rules a second time, as small as they can be: ints and dicts, one event at a time.

A model for tests: it is written from the state table of design rule 3 and shares no code with ``wallet_core``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from tests.scenario import Event, failed, signup, topup, topup_v1, transfer, transfer_v1
from wallet_core import Vocabulary

LIMIT_MINOR = 10**15


@dataclass(frozen=True, slots=True)
class SignedUp:
    """A user has signed up."""

    user_id: str

    @property
    def event(self) -> Event:
        """The message of it."""
        return signup(self.user_id)


@dataclass(frozen=True, slots=True)
class Completed:
    """A transaction has completed; a top-up has no sender."""

    id: str
    sender_id: str | None
    recipient_id: str
    amount_minor: int
    vocabulary: Vocabulary = Vocabulary.DOCUMENTED

    @property
    def event(self) -> Event:
        """The message of it."""
        amount = Decimal(self.amount_minor).scaleb(-2)
        is_v1 = self.vocabulary is Vocabulary.V1
        if self.sender_id is None:
            return (topup_v1 if is_v1 else topup)(self.id, self.recipient_id, amount)
        return (transfer_v1 if is_v1 else transfer)(self.id, self.sender_id, self.recipient_id, amount)

    @property
    def meaning(self) -> tuple[str | None, str, int]:
        """What makes it another transaction."""
        return self.sender_id, self.recipient_id, self.amount_minor

    @property
    def movements(self) -> dict[str, int]:
        """What it adds to each wallet, in minor units."""
        return ({} if self.sender_id is None else {self.sender_id: -self.amount_minor}) | {
            self.recipient_id: self.amount_minor
        }


@dataclass(frozen=True, slots=True)
class Failed:
    """A transaction has failed; nothing else is said."""

    id: str

    @property
    def event(self) -> Event:
        """The message of it."""
        return failed(self.id)


Fact = SignedUp | Completed | Failed


@dataclass(slots=True)
class StateTable:
    """Balances, states and answers (status and revision) after some events."""

    may_overdraw: bool = False
    opening_minor: int = 0
    balances: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[str, int]] = field(default_factory=dict)
    _completed: dict[str, Completed] = field(default_factory=dict)

    def post(self, fact: Fact, *, wait_is_over: bool = False) -> str:
        """Take one event and say how it ended; ``wait_is_over``: nobody waits for a signup of its parties any more."""
        if isinstance(fact, SignedUp):
            return self._sign_up(fact)
        if isinstance(fact, Failed):
            return self._fail(fact)
        return self._complete_again(fact) if fact.id in self._completed else self._complete(fact, wait_is_over)

    def _sign_up(self, fact: SignedUp) -> str:
        if fact.user_id in self.balances:
            return "nothing"
        self.balances[fact.user_id] = self.opening_minor
        return "opened"

    def _complete_again(self, fact: Completed) -> str:
        if fact.meaning != self._completed[fact.id].meaning:
            return "set_aside"
        return "nothing" if self.states[fact.id] == "reversal_due" else "repeated"

    def _complete(self, fact: Completed, wait_is_over: bool) -> str:  # noqa: FBT001 - one caller
        if self.states.get(fact.id) == "void":
            return self._answer(fact, "void", "failed", "refused")
        if fact.sender_id == fact.recipient_id:
            return self._answer(fact, "refused", "failed", "refused")
        if not fact.movements.keys() <= self.balances.keys():
            return self._answer(fact, "refused", "failed", "refused") if wait_is_over else "unknown_wallet"
        if not self._fits(fact.movements):
            return self._answer(fact, "refused", "failed", "refused")
        self._move(fact.movements)
        return self._answer(fact, "applied", "completed", "applied")

    def _fail(self, fact: Failed) -> str:
        state = self.states.get(fact.id)
        if state is None:
            self.states[fact.id] = "void"
            return "void"
        if state not in ("applied", "reversal_due"):
            return "nothing"
        completed = self._completed[fact.id]
        back = {user_id: -minor for user_id, minor in completed.movements.items()}
        if not self._fits(back, floor=None if self.may_overdraw else 0):
            self.states[fact.id] = "reversal_due"
            return "reversal_due"
        self._move(back)
        return self._answer(completed, "reversed", "failed", "reversed")

    def _fits(self, movements: dict[str, int], floor: int | None = 0) -> bool:
        """Tell whether each wallet may give and take what is asked of it."""
        after = {user_id: self.balances[user_id] + minor for user_id, minor in movements.items()}
        return all(
            after[user_id] <= LIMIT_MINOR if minor > 0 else floor is None or after[user_id] >= floor
            for user_id, minor in movements.items()
        )

    def _move(self, movements: dict[str, int]) -> None:
        for user_id, minor in movements.items():
            self.balances[user_id] += minor

    def _answer(self, fact: Completed, state: str, status: str, outcome: str) -> str:
        self._completed[fact.id] = fact
        self.states[fact.id] = state
        self.answers[fact.id] = (status, self.answers.get(fact.id, ("", 0))[1] + 1)
        return outcome
