"""The books on MongoDB: the storage ports of ``wallet_core`` over a replica set.

======================  =================================================================================
``client.py``           the connection: options, whether the server will do, sessions
``driver.py``           motor and PyMongo Async: the one file that names their client classes, and where they differ
``handles.py``          the driver's objects as Protocols, so that nothing else depends on which driver it is
``collection.py``       one collection: every statement carries its session, is timed, and raises core errors
``cancellation.py``     a cancelled task lets its statement end first
``unit_of_work.py``     one transaction around ``work``: when it runs again, how the commit is repeated
``abandoned.py``        ends the transactions that a killed process has left open
``repositories.py``     wallets, journal and outbox inside a unit of work
``wallet_changes.py``   changes of wallets as statements, each wallet guarded by its version
``reader.py``           balances and statements; ``shared_query.py``: those asked for together are read together
``recorded_times.py``   the last entry before an instant, found by its sequence
``pending_answers.py``  the outbox and the lease, seen by the relay
``documents.py``        documents <-> values
``fields.py``           typed fields of a document
``schemas.py``          what the server accepts as a document
``indexes.py``          collections, validators, indexes: made and verified at start
``v1_wallet.py``        what becomes of one v1 wallet, decided without I/O
``adoption.py``         ``wallet migrate``: v1 wallets become ours
``v1_books.py``         v1's books as a whole, before they are taken over
``v1_transaction.py``   what becomes of one transaction of v1's transactions service, decided without I/O
``seeding.py``          ``wallet migrate --transactions-url``: those become legacy records
``undecided.py``        ``wallet undecided``: the legacy transactions that a person decides about
``past.py``             ``wallet explain``: a transaction's record, and what its wallets were
``books_currency.py``   in which currency the wallets are kept
``reversals_due.py``    the transactions whose reversal waits for money
``backlog.py``          what waits in the outbox, seen by a person
``outbox_rows.py``      rows of the outbox that can be read, and those that somebody has altered
``cutover.py``          what a second ``wallet migrate`` goes by
``audit.py``            reads everything for ``wallet_core.audit``, however long it takes, with
``audit_passes.py``     one way through each collection, and
``suspect_passes.py``   a look at what does not cancel out, from both sides, in
``snapshot.py``         the database as it was at one instant, page by page
``errors.py``           driver error -> core error, one table
``observer.py``         who wants to know how statements and races go
``steps.py``            what an observer hears of: all moments between which a process may die
======================  =================================================================================

::

    mint_wallet
    ├── wallets       {_id, userId, currency, balanceMinor, version, headHash, createdAt, updatedAt}
    ├── entries       {_id: {w: wallet, n: sequence}, transactionId, kind, direction, amountMinor, ...}
    ├── transactions  {_id: transaction id, state, ..., legs, answer}
    ├── outbox        {_id, transactionIds, createdAt}: one document per unit of work
    ├── leases        {_id: "relay", holder, expiresAt}
    ├── unadopted     {_id: wallet, reason, listedAt}: v1 wallets that wait for a person
    └── cutover       {_id: "v1", stoppedAt}, {_id: transaction id, notAppliedAt}: what a second migrate goes by

Layering: ports above (``wallet_core.ports``), a driver below; nothing of it shows outside this package but its name.
"""
