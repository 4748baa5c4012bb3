"""A neighbour that embeds ``wallet_core``, as another team would write it: start reading in ``transactions_service``.

::

    transactions_service/        the service of the other team: it knows the wallet by a port of its own
    transactions_service/tests/  its tests, each against the wallet in memory and against a running ``wallet run``
    conftest.py                  what the other team does not have: it starts RabbitMQ, MongoDB and ``wallet run``

``pytest tests/embedding`` runs both, ``-k in_memory`` needs no server, ``--durations=0`` shows what each test takes.
"""
