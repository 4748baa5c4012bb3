"""Private servers for the demo and the tests: a mongod and a rabbitmq-server as child processes.

Never part of what is deployed. Both listen on 127.0.0.1 only, keep everything under one data folder, work as root and
as an ordinary user, and die with the process that started them, even when that one is killed with ``kill -9``.

Map
    mongod.py      ``Mongod``: one mongod, by default the only member of a replica set
    rabbitmq.py    ``RabbitMQ``: one rabbitmq-server with an epmd (Erlang's name server) of its own
    process.py     ``ChildProcess``: start, wait until ready, freeze, thaw, stop, kill
    free_port.py   ``free_ports``: loopback ports that nobody uses
    log.py         ``log_tail``: what a person must read of a server's log
    errors.py      ``ServerMissing``, ``ServerFailed``, ``CommandRefused``

All calls block; from asyncio use ``await asyncio.to_thread(server.start)``. One thread at a time per server.

    with Mongod(folder / "mongod") as mongod, RabbitMQ(folder / "rabbitmq") as rabbitmq:
        print(mongod.url("wallet"), rabbitmq.url())
"""

from adapters.embedded.errors import CommandRefused, EmbeddedServerError, ServerFailed, ServerMissing
from adapters.embedded.mongod import Mongod, find_mongod
from adapters.embedded.rabbitmq import RabbitMQ, find_rabbitmq

__all__ = [
    "CommandRefused",
    "EmbeddedServerError",
    "Mongod",
    "RabbitMQ",
    "ServerFailed",
    "ServerMissing",
    "find_mongod",
    "find_rabbitmq",
]
