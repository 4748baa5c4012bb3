"""One suite per port, run over every adapter: what they say is what an adapter must do.

Subclass a suite in a test module, give the class a fixture named ``store`` that makes a fresh, empty ``Store``, and let
pytest with anyio's plugin run it::

    class TestMyUnitOfWork(UnitOfWorkSuite):
        @pytest.fixture
        def store(self) -> Store:
            return Store(unit_of_work=..., reader=..., pending_answers=..., suspend=..., let_pass=...)

======================  ======================================================
``store.py``            ``Store``, what a suite needs of an adapter; its scenes
``unit_of_work.py``     ``UnitOfWorkSuite``: all or nothing, values unchanged
``races.py``            ``RacesSuite``: the same port when others are at work too
``reader.py``           ``ReaderSuite``: balances, pages while money moves
``pending_answers.py``  ``PendingAnswersSuite``: the outbox and its lease
``event_bus.py``        ``EventBusSuite``: each answer published, or told not to be
======================  ======================================================
"""

from wallet_core.testing.conformance.event_bus import Bus, EventBusSuite, Received
from wallet_core.testing.conformance.pending_answers import PendingAnswersSuite
from wallet_core.testing.conformance.races import RacesSuite
from wallet_core.testing.conformance.reader import ReaderSuite
from wallet_core.testing.conformance.store import Store
from wallet_core.testing.conformance.unit_of_work import UnitOfWorkSuite

__all__ = [
    "Bus",
    "EventBusSuite",
    "PendingAnswersSuite",
    "RacesSuite",
    "ReaderSuite",
    "Received",
    "Store",
    "UnitOfWorkSuite",
]
