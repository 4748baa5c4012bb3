"""One suite per port, run over every adapter: what they say is what an adapter must do.

Subclass a suite in a test module, give the class a fixture named ``store`` that makes a fresh, empty ``Store``, and let
pytest run it, with any plugin for ``async`` tests (docs/adapters.md shows three ways)::

    class TestMyUnitOfWork(UnitOfWorkSuite):
        @pytest.fixture
        def store(self) -> Store:
            return Store(unit_of_work=..., reader=..., pending_answers=..., suspend=..., let_pass=...)

========================  ========================================================================
``store.py``              ``Store``, what a suite needs of a storage; its scenes; ``memory_store``
``unit_of_work.py``       ``UnitOfWorkSuite``: all or nothing, values unchanged
``races.py``              ``RacesSuite``: the same port when others are at work too
``reader.py``             ``ReaderSuite``: balances, pages while money moves
``pending_answers.py``    ``PendingAnswersSuite``: the outbox and its lease
``same_as_memory.py``     ``SameAsMemorySuite``: all three ports, whatever happens; what does, is in
                          ``operations.py`` and drawn by ``random_operations.py``
``event_bus.py``          ``EventBusSuite``: each answer published, or told not to be
``late_signups.py``       ``LateSignupsSuite``: what waits in the queue of signups
``past.py``               ``PastSuite``: what an explanation reads
``clock.py``              ``ClockSuite``: instants as the books keep them
========================  ========================================================================
"""

from wallet_core.testing.conformance.clock import ClockSuite, RunningClock
from wallet_core.testing.conformance.event_bus import Bus, EventBusSuite, Received
from wallet_core.testing.conformance.late_signups import LateSignupsSuite, SignupQueue
from wallet_core.testing.conformance.past import PastSuite, RememberedBooks
from wallet_core.testing.conformance.pending_answers import PendingAnswersSuite
from wallet_core.testing.conformance.races import RacesSuite
from wallet_core.testing.conformance.reader import ReaderSuite
from wallet_core.testing.conformance.same_as_memory import SameAsMemorySuite
from wallet_core.testing.conformance.store import Store, memory_store
from wallet_core.testing.conformance.unit_of_work import UnitOfWorkSuite

__all__ = [
    "Bus",
    "ClockSuite",
    "EventBusSuite",
    "LateSignupsSuite",
    "PastSuite",
    "PendingAnswersSuite",
    "RacesSuite",
    "ReaderSuite",
    "Received",
    "RememberedBooks",
    "RunningClock",
    "SameAsMemorySuite",
    "SignupQueue",
    "Store",
    "UnitOfWorkSuite",
    "memory_store",
]
