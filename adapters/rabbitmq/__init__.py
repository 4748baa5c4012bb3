"""
RabbitMQ: events in, answers out, and what waits for a person. Only this package knows the AMQP client.

::

    topology.py             exchanges, queues, bindings: which, and which of them per partition
    desk.py                 asks for them: taken as they are, declared when missing
    codec.py                bytes and headers
    frame_reading.py        read in large pieces, cut into frames
    frame_tolerance.py      one message with unreadable properties must not cut the connection for ever
    connection.py           connect with back-off, without end
    backoff.py              the pauses between tries
    patience.py             wait, but not for ever
    wave.py                 many messages in one write, each confirmed by itself
    confirms.py             publish and know: persistent, mandatory, confirmed, timed
    publisher.py            the publishing connection; answers (port EventBus)
    arrivals.py             one session of consuming: its queues, what has arrived
    consumed_queue.py       one queue on its channel: deliveries, acks
    direct_delivery.py      no task for each delivery
    acknowledgement.py      the prefix rule
    consumer.py             take, handle, settle; outages; halt; stop
    consumer_status.py      what it is doing, for readiness
    handover.py             a delivery is acked once the message that takes its place is confirmed
    parking.py              into the retry queues and the dead-letter queue
    waiting_room.py         out of the retry queues, when the delay is over
    late_signups.py         may a missing signup still come? (port LateSignups)
    dead_letters.py         list, show, replay, discard
    event_publisher.py      publish one event as a neighbour would
    answer_subscriber.py    read our answers as the transactions service does
    queue_counts.py         how much waits in a queue, and who consumes it
    observer.py             what metrics and a demo hear
    steps.py                what an observer hears of: all moments between which a process may die
"""
