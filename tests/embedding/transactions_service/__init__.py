"""The transactions service: it makes transactions, tells the wallet service how they went, and keeps its answers.

::

    transaction.py     Transaction: its life, from pending to completed or failed
    messages.py        what we publish: transaction.completed, transaction.failed
    answer.py          what the wallet publishes: wallet.transactionFinalized
    wallet.py          Wallet, the port: all that we need of the wallet service
    service.py         TransactionsService: the use cases
    remote_wallet.py   the port over RabbitMQ and HTTP
    tests/             each test runs over that, and over the real rules of the wallet in memory

It is another team's program: it knows nothing of the wallet service but its messages and its HTTP API. Only its tests
know ``wallet_core``, as they know pytest.
"""
