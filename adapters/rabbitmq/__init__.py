"""
RabbitMQ: events in, answers out, and what waits for a person. Only this package knows the AMQP client.

::

    topology.py             exchanges, queues, bindings: taken as they are, declared when missing
    codec.py                bytes and headers
    frame_tolerance.py      one message with unreadable properties must not cut the connection for ever
    connection.py           connect with back-off, without end
    backoff.py              the pauses between tries
    confirms.py             publish and know: persistent, mandatory, confirmed, timed
    publisher.py            the publishing connection; answers (port EventBus)
    arrivals.py             one session of consuming: channels, what has arrived
    acknowledgement.py      the prefix rule
    consumer.py             take, handle, settle; outages; halt; stop
    parking.py              retry queues and dead letters, confirmed before the ack
    late_signups.py         may a missing signup still come? (port LateSignups)
    dead_letters.py         list, show, replay, discard
    event_publisher.py      publish one event as a neighbour would
    answer_subscriber.py    read our answers as the transactions service does
    attached_consumers.py   who else consumes our input
    observer.py             what metrics and a demo hear
"""
