"""Each test runs as it stands against two wallets: the one in memory, and the real one.

::

    wallet_under_test.py       what a test can ask of the wallet beside what the service asks: signups, time, faults
    in_memory_wallet.py        the wallet of ``wallet_core.testing``: the real rules, no server
    real_wallet.py             a running wallet service, through the ``RemoteWallet`` of production
    conftest.py                the fixtures, and the choice between the two
    test_requested_faults.py   about the wallet in memory alone: faults that nobody can order of a server
    test_remote_wallet.py      about the real one alone: what may stand in a queue of a broker

A test says ``settle`` where in life some time passes. Until then no answer is read: nothing depends on who is faster.
"""
