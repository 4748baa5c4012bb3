"""The rules a second time, as small as they can be: ints and dicts, one event at a time.

A reference for tests: it is written from the state table of a transaction (docs/events.md) and decides without
``wallet_core``, so that the two can disagree.

>>> from wallet_core.testing.facts import Completed, Failed, SignedUp
>>> from wallet_core.testing.state_table import StateTable
>>> table = StateTable()
>>> [table.post(fact) for fact in (SignedUp("ada"), Completed("t1", None, "ada", 10_000), Failed("t1"), Failed("t1"))]
['opened', 'applied', 'reversed', 'nothing']
>>> table.balances, table.states, table.answers
({'ada': 0}, {'t1': 'reversed'}, {'t1': ('failed', 2)})
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wallet_core.testing.facts import Completed, Fact, Failed, SignedUp

LIMIT_MINOR = 10**15
"""Most minor units in a balance, and the most that a reversal may leave it below zero."""


@dataclass(slots=True)
class StateTable:
    """
    What the books should hold after some events; read any of it, and change it through ``post`` alone.

    ``may_overdraw``: a reversal may take a balance below zero. ``opening_minor`` is what a new wallet begins with.
    ``balances`` are minor units by user id, ``states`` and ``completed`` (what was told first) are by transaction id,
    and so are ``answers``: status and revision.
    """

    may_overdraw: bool = False
    opening_minor: int = 0
    balances: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    answers: dict[str, tuple[str, int]] = field(default_factory=dict)
    completed: dict[str, Completed] = field(default_factory=dict)

    def post(self, fact: Fact, *, wait_is_over: bool = False) -> str:
        """
        Take one event and say how it ended, by the names of ``OutcomeKind``.

        ``wait_is_over``: nobody waits any more for a signup of its parties.
        """
        if isinstance(fact, SignedUp):
            return self._sign_up(fact)
        if isinstance(fact, Failed):
            return self._fail(fact)
        return self._complete_again(fact) if fact.id in self.completed else self._complete(fact, wait_is_over)

    def _sign_up(self, fact: SignedUp) -> str:
        if fact.user_id in self.balances:
            return "nothing"
        self.balances[fact.user_id] = self.opening_minor
        return "opened"

    def _complete_again(self, fact: Completed) -> str:
        if fact.meaning != self.completed[fact.id].meaning:
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
        completed = self.completed[fact.id]
        back = {user_id: -minor for user_id, minor in completed.movements.items()}
        if not self._fits(back, floor=-LIMIT_MINOR if self.may_overdraw else 0):
            self.states[fact.id] = "reversal_due"
            return "reversal_due"
        self._move(back)
        return self._answer(completed, "reversed", "failed", "reversed")

    def _fits(self, movements: dict[str, int], floor: int = 0) -> bool:
        """Tell whether each wallet may give (down to ``floor``) and take what is asked of it."""
        after = {user_id: self.balances[user_id] + minor for user_id, minor in movements.items()}
        return all(
            after[user_id] <= LIMIT_MINOR if minor > 0 else after[user_id] >= floor
            for user_id, minor in movements.items()
        )

    def _move(self, movements: dict[str, int]) -> None:
        for user_id, minor in movements.items():
            self.balances[user_id] += minor

    def _answer(self, fact: Completed, state: str, status: str, outcome: str) -> str:
        self.completed[fact.id] = fact
        self.states[fact.id] = state
        self.answers[fact.id] = (status, self.answers.get(fact.id, ("", 0))[1] + 1)
        return outcome
