"""Parking: a delivery goes into a retry queue or the dead-letter queue, and is acked once it is confirmed there.

How (tries, back-off, one ack) is in ``handover.py``; the way back from a retry queue is in ``waiting_room.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import uuid4

import structlog
from structlog.typing import FilteringBoundLogger

from adapters.rabbitmq.arrivals import Arrival
from adapters.rabbitmq.codec import dead_letter_properties, provenance_of, retry_properties
from adapters.rabbitmq.confirms import ConfirmedChannel
from adapters.rabbitmq.handover import Handover, Handovers, HandoverSteps
from adapters.rabbitmq.observer import Observer
from adapters.rabbitmq.publisher import PublishingConnection
from adapters.rabbitmq.steps import BrokerStep
from adapters.rabbitmq.topology import DEAD_LETTER_QUEUE, retry_queue, shared_queue
from adapters.rabbitmq.wave import Outgoing
from wallet_core.intake import Handled
from wallet_core.messages import Subject
from wallet_core.ports import Clock
from wallet_core.settlement import DeadLetter, RetryAfter

PARKING = HandoverSteps("parking", BrokerStep.PARK_SENT, BrokerStep.PARKED, BrokerStep.PARK_ACKED)

_log: FilteringBoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Park(Handover):
    """The handover of a delivery to a retry queue or the dead-letter queue."""

    subject: Subject
    settlement: RetryAfter | DeadLetter


def park_of(arrival: Arrival, key: str | None, settlement: RetryAfter | DeadLetter, clock: Clock) -> Park:
    """Write the message that takes the place of a delivery."""
    properties, source, now = arrival.properties, shared_queue(arrival.queue.name), clock.now()
    provenance = provenance_of(properties.headers, source, arrival.routing_key or source, now)
    provenance = replace(provenance, dead_letter_id=provenance.dead_letter_id or str(uuid4()))
    if isinstance(settlement, RetryAfter):
        target, parked = retry_queue(source, settlement.delay_ms), retry_properties(properties, provenance, now)
    else:
        target = DEAD_LETTER_QUEUE
        parked = dead_letter_properties(properties, provenance, settlement.reason.value, settlement.detail)
    outgoing = Outgoing("", target, arrival.body, parked)
    return Park(arrival.queue, arrival.tag, key, outgoing, arrival.delivery.subject, settlement)


def log_park(arrival: Arrival, handled: Handled, settlement: RetryAfter | DeadLetter) -> None:
    """Log that an event will be parked, under its id; never its content."""
    subject, outcome = arrival.delivery.subject, handled.outcome.kind.value
    id_name = "user_id" if subject is Subject.SIGNUP else "transaction_id"
    log = _log.bind(
        **{id_name: handled.key}, subject=subject.value, attempts=arrival.delivery.attempts, outcome=outcome
    )
    if isinstance(settlement, RetryAfter):
        log.info("event_waits", delay_ms=settlement.delay_ms)
    else:
        log.warning("event_dead_lettered", reason=settlement.reason.value)


def parking(connection: PublishingConnection, channel: ConfirmedChannel, observer: Observer) -> Handovers[Park]:
    """Park the deliveries of one session; ``observer`` hears of each park that is confirmed."""
    return Handovers(
        PARKING, connection, channel, observer, lambda park: observer.parked(park.subject, park.settlement)
    )
