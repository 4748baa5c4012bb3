"""The machine that others extend, with what we add to it: any currency, and the strict readers of our answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from tests.oracle import DocumentedReader, Reader, V1Reader
from wallet_core import Outcome, OutcomeKind, Policy, Vocabulary
from wallet_core.memory import MemoryStore, Published
from wallet_core.ports import PendingRow
from wallet_core.testing.conformance import Store, memory_store
from wallet_core.testing.events import ALICE
from wallet_core.testing.facts import Completed, Fact, Failed, SignedUp
from wallet_core.testing.strategies import currencies, policies, transaction_ids
from wallet_core.testing.wallet_machine import WalletMachine


class ReadMachine(WalletMachine):
    """The machine in any currency; each answer is read as its neighbour reads it."""

    def __init__(self) -> None:
        """Start with readers who have read nothing."""
        super().__init__()
        self.readers: dict[Vocabulary, Reader] = {Vocabulary.V1: V1Reader(), Vocabulary.DOCUMENTED: DocumentedReader()}

    def policies(self) -> st.SearchStrategy[Policy]:
        """Draw every number of decimals."""
        return policies(currencies())

    def answered(self, published: Published) -> None:
        """Let the reader of its vocabulary read it; it raises where it cannot."""
        self.readers[published.answer.vocabulary].read(published.body)

    @invariant()
    def readers_believe_what_was_published(self) -> None:
        """A reader keeps the last answer about a transaction, whichever it is."""
        last = [answer for reader in self.readers.values() for answer in reader.last.values()]
        read = {answer.transaction_id: "completed" if answer.is_completed else "failed" for answer in last}
        assert self.believed == read


class PointsMachine(WalletMachine):
    """What a neighbour builds on it: Alice collects a point for each of her top-ups, and loses it with the top-up."""

    points = 0

    def begin(self) -> None:
        """Count what Alice has already."""
        self.points = self._topped_up()

    def posted(self, facts: Sequence[Fact], outcomes: Sequence[Outcome]) -> None:
        """Count."""
        signs = {OutcomeKind.APPLIED: 1, OutcomeKind.REVERSED: -1}
        for fact, outcome in zip(facts, outcomes, strict=True):
            told = None if isinstance(fact, SignedUp) else self.table.completed.get(fact.id)
            if told is not None and told.sender_id is None and told.recipient_id == ALICE:
                self.points += signs.get(outcome.kind, 0)

    @rule(id_=transaction_ids())
    def give_back(self, id_: str) -> None:
        """Let Alice return a top-up."""
        self.post([Completed(id_, None, ALICE, 100), Failed(id_)])

    @invariant()
    def points_are_those_of_the_model(self) -> None:
        """What was counted is what an extension reads from the model."""
        assert self.points == self._topped_up()

    def _topped_up(self) -> int:
        told = self.table.completed
        moved = [told[id_] for id_, state in self.table.states.items() if state in ("applied", "reversal_due")]
        return sum(fact.sender_id is None and fact.recipient_id == ALICE for fact in moved)


class ForgetfulStore(MemoryStore):
    """Books with a planted bug: the outbox forgets all of a row of which one answer is published."""

    async def settle(self, row: PendingRow, unpublished: Sequence[str]) -> None:
        """Forget it."""
        await super().settle(row, unpublished[:1])


class ForgetfulMachine(WalletMachine):
    """The machine on books with a planted bug."""

    async def open_store(self) -> Store:
        """Open books in memory that forget."""
        books = ForgetfulStore(self.clock)
        return replace(memory_store(self.clock), unit_of_work=books, reader=books, pending_answers=books)


def test_wallet_machine() -> None:
    """Whatever comes in whatever order, the service agrees with the model after every step."""
    run_state_machine_as_test(ReadMachine)


def test_an_extension_has_rules_and_a_model_of_its_own() -> None:
    """It is told of the start and of each batch, posts what it likes, and reads the model."""
    run_state_machine_as_test(PointsMachine, settings=settings(settings.default, max_examples=40))


def test_a_bug_of_other_books_is_found() -> None:
    """Books that lose an answer do not pass: readers believe too little."""
    bounds = settings(settings.default, phases=[Phase.generate], derandomize=True, database=None)

    with pytest.raises(AssertionError, match="the last answers that readers got: the model says"):
        run_state_machine_as_test(ForgetfulMachine, settings=bounds)
