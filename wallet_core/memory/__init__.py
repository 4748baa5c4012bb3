"""
Complete adapters of every port in memory: the same rules of storage and delivery, without a server.

::

    store.py    MemoryStore: UnitOfWork, Reader and PendingAnswers, with rollback, lost races and the relay's lease
    bus.py      MemoryBus: EventBus and a broker's queues: deliveries, retry delays, dead letters
    clock.py    ManualClock: a Clock that moves when told to
    past.py     MemoryPast: what explanations read
    audit.py    what an audit reads

They pass the same suites as the adapters for MongoDB and RabbitMQ. Nothing is kept after the process ends.
"""

from wallet_core.memory.bus import DeadLettered, MemoryBus, Published, Waiting
from wallet_core.memory.clock import ManualClock
from wallet_core.memory.store import MemoryStore

__all__ = ["DeadLettered", "ManualClock", "MemoryBus", "MemoryStore", "Published", "Waiting"]
