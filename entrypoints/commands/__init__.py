"""What each command of ``wallet`` does; ``cli.py`` declares them. Each is a function that returns an exit code.

::

    run.py           run, serve, consume
    migrate.py       prepare the database, adopt v1's wallets
    publish.py       send one event as a neighbour would
    token.py         a development token
    audit.py         do the books add up?
    dead_letters.py  list, show, replay, discard

Exit codes: 0 done; 1 something was found that a person must look at; 2 wrong call, wrong setting, or no start possible.
"""
