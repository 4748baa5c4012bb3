"""What each command of ``wallet`` does; ``cli.py`` declares them. Each is a function that returns an exit code.

::

    run.py           run, serve, consume
    migrate.py       prepare the database, take over what v1 left, with
    seed.py          its transactions
    undecided.py     the transactions that v1 may have applied
    publish.py       send one event as a neighbour would
    token.py         a development token
    audit.py         do the books add up?
    explain.py       why was a transaction applied or refused?
    outbox.py        what is not published yet
    dead_letters.py  list, show, replay, discard
    books.py         what those need that look into the books

Exit codes: 0 done; 1 something was found that a person must look at; 2 wrong call, wrong setting, or no start possible.
"""
