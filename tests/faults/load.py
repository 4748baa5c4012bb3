"""A load whose end is known before it begins, in whatever order its events arrive and however often each comes.

``Load`` draws events from a seeded ``Random`` and adds up what must come of them: each user's balance, which
transactions end completed or failed, and how many dead letters there are for each reason. So that the order of arrival
cannot matter, everybody begins with more money than all transfers could take, and what must be refused asks for more
than there is.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

from tests.scenario import Event, failed, signup, topup, topup_v1, transfer, transfer_v1
from wallet_core import Subject

OPENING = 100_000
"""Dollars that each user begins with: more than any load of ours can take away."""

TOO_MUCH = 10**9
"""Dollars that nobody can have."""

DOLLARS_MAX = 9

MINOR = 100


class Load:
    """Events, and what must come of them. ``late`` users have not signed up until ``late_signups`` is sent."""

    def __init__(self, chance: random.Random, users: int = 10, late: int = 2) -> None:
        """Draw the users."""
        self._chance = chance
        self.users = [self.new_id() for _ in range(users)]
        self.late = [self.new_id() for _ in range(late)]
        self.balances_minor: Counter[str] = Counter()
        self.completed: set[str] = set()
        self.failed: set[str] = set()
        self.dead_letters: Counter[str] = Counter()

    def new_id(self) -> str:
        """Draw the id of a user or a transaction: 24 hex digits."""
        return f"{self._chance.getrandbits(96):024x}"

    def opening(self) -> list[Event]:
        """Let the users sign up and get their opening money."""
        return [*map(signup, self.users), *(self.topup(user, OPENING) for user in self.users)]

    def late_signups(self) -> list[Event]:
        """Let those sign up who have not."""
        return [signup(user) for user in self.late]

    def topup(self, user_id: str, dollars: int | None = None) -> Event:
        """Top a wallet up."""
        dollars, id_ = dollars or self._dollars(), self.new_id()
        self.balances_minor[user_id] += dollars * MINOR
        self.completed.add(id_)
        return self._chance.choice((topup, topup_v1))(id_, user_id, dollars)

    def transfer(self, sender_id: str | None = None, recipient_id: str | None = None) -> Event:
        """Draw a transfer that succeeds."""
        sender_id = sender_id or self._chance.choice(self.users)
        recipient_id = recipient_id or self._chance.choice([user for user in self.users if user != sender_id])
        dollars, id_ = self._dollars(), self.new_id()
        self.balances_minor[sender_id] -= dollars * MINOR
        self.balances_minor[recipient_id] += dollars * MINOR
        self.completed.add(id_)
        return self._chance.choice((transfer, transfer_v1))(id_, sender_id, recipient_id, dollars)

    def transfers(self, count: int, *, duplicate_every: int = 10) -> list[Event]:
        """Draw transfers that succeed; every so many is sent twice."""
        drawn = []
        for number in range(count):
            event = self.transfer()
            drawn += [event] * (2 if duplicate_every and number % duplicate_every == 0 else 1)
        return drawn

    def refused(self) -> Event:
        """Draw a transfer that asks for more than there is."""
        sender_id, recipient_id = self._chance.sample(self.users, 2)
        id_ = self.new_id()
        self.failed.add(id_)
        return self._chance.choice((transfer, transfer_v1))(id_, sender_id, recipient_id, TOO_MUCH)

    def taken_back(self) -> list[Event]:
        """Draw a transfer that fails after it completed, or before: in the end nothing has moved."""
        sender_id, recipient_id = self._chance.sample(self.users, 2)
        id_ = self.new_id()
        self.failed.add(id_)
        return [transfer_v1(id_, sender_id, recipient_id, self._dollars()), failed(id_, "the card was refused")]

    def poison(self) -> Event:
        """Draw an event that belongs to nobody."""
        self.dead_letters["no_usable_id"] += 1
        return Event(Subject.COMPLETED, {"type": "topup", "amount": 5, "nonce": self.new_id()})

    def mixed(self, count: int) -> list[Event]:
        """Draw some of everything, shuffled, with duplicates; the late users sign up somewhere in it."""
        events = self.late_signups()
        for number in range(count):
            match number % 10:
                case 0:
                    events += [self.transfer()] * 2
                case 1:
                    events.append(self.refused())
                case 2:
                    events += self.taken_back()
                case 3:
                    events.append(self.topup(self._chance.choice(self.late or self.users)))
                case 4 if number % 40 == 4:
                    events.append(self.poison())
                case _:
                    events.append(self.transfer())
        self._chance.shuffle(events)
        return events

    def unanswered(self, last_status: dict[str, str]) -> set[str]:
        """Give the transactions whose last answer is not the one that they must end with."""
        wrong = {id_ for id_ in self.completed if last_status.get(id_) != "completed"}
        wrong.update(id_ for id_ in self.failed if last_status.get(id_) != "failed")
        return wrong

    def everyone(self) -> Iterable[str]:
        """Give all users."""
        return [*self.users, *self.late]

    def _dollars(self) -> int:
        return self._chance.randint(1, DOLLARS_MAX)
