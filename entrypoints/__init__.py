"""
The processes: they read the settings, wire adapters to the core, and run.

::

    main.py                the script `wallet`: can be stopped at once, and loads
    cli.py                 the command `wallet`: declares the commands, with
    dead_letters_cli.py    those of `wallet dead-letters`
    command_line.py        what each of them needs: the settings
    commands/              what each command does
    demo/                  `wallet demo`
    service.py             one process of the service, from its first to its last moment
    container.py           what is wired to what
    deployment_policy.py   the rules that this deployment has chosen
    books_preparation.py   before the first event: a suitable database, prepared
    http.py                the HTTP server's life
    http_connection.py     one connection, with the bounds that uvicorn lacks; its answers by
    response_head.py       the head, written in one piece
    joined_writes.py       one call to the system for head and body
    relay.py               the loop around the relay's rounds
    garbage_collection.py  seldom
    event_loop.py          uvloop, where it is there
    process_readiness.py   what /health/ready says
    stop_signal.py         SIGTERM and SIGINT
    event_observer.py      each event: counted, logged; wakes the relay
    books_observer.py      each statement: counted
    fault_injection.py     for tests only: the process dies, or stands still, at a step; and its history
    fault_point.py         those steps, and the settings that name one
    metrics.py             the metrics of events, books and outbox
    log.py                 the log's form; the last guard against secrets in it
    screen.py              what commands print
    audit_progress.py      how far an audit is
    settings.py            what the environment says, checked before anything starts
    setting_values.py      the text of one setting -> its typed value
    setting_names.py       names of settings: twice, unknown, or somebody else's
    connection_url.py      addresses that hold a password, and their form without it
    configuration_page.py  docs/configuration.md, written from the settings
    settings_error.py      everything that is wrong with the environment, at once
    start_refused.py       why the service does not start
    start_warnings.py      what is allowed but deserves a line in the log

Nothing imports this package but this package; it may import ``adapters`` and ``wallet_core``.
"""
