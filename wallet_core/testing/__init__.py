"""For tests of other projects, and of ours: the wallet in memory, what may happen to it, the suites of the ports.

::

    service.py         InMemoryWalletService: the whole service, driven by its neighbours' events
    clock.py           WalletClock: the test moves it, and what waits is handled as it passes
    traffic.py         how events travel to it, and the faults on the way
    events.py          the events of the neighbours, in both vocabularies; event_body.py writes them as JSON
    facts.py           what happens in the world, in plain numbers; state_table.py what the books then hold
    books.py           a copy of the whole books through the ports, and the laws that it must keep
    strategies.py      hypothesis: money, facts, whole histories, legal or adversarial
    wallet_machine.py  hypothesis: WalletMachine, a state machine to extend
    plugin.py          pytest: the fixtures ``wallet_service``, ``wallet_clock`` and ``wallet_policy``
    conformance/       one suite per port: subclass it, provide its fixture, run it
    errors.py          what a test did wrong, and what to do instead

The modules that say so need hypothesis or pytest, which ``wallet-core`` does not bring; the others need nothing.
"""

from wallet_core.testing.clock import WalletClock
from wallet_core.testing.errors import TooManyEvents, UnknownTransaction, UnknownWallet
from wallet_core.testing.service import InMemoryWalletService

__all__ = ["InMemoryWalletService", "TooManyEvents", "UnknownTransaction", "UnknownWallet", "WalletClock"]
