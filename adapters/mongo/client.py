"""The connection to the database: with which options it is opened, whether the server will do, and sessions on it.

Which driver it is matters in ``driver`` only.

Concerns: writes wait for a majority and its journal, reads see only what a majority has, both on the primary. They are
set on the client, and again on each transaction, which does not take those of a collection or database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bson.codec_options import DatetimeConversion
from pymongo.errors import (
    ConfigurationError,
    InvalidURI,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import Primary
from pymongo.write_concern import WriteConcern

from adapters.mongo.cancellation import finished_even_if_cancelled, look_at_error
from adapters.mongo.collection import Collection
from adapters.mongo.driver import Driver, DriverClient, open_client, when_ready
from adapters.mongo.errors import UnsuitableStore, outside_error
from adapters.mongo.handles import Document, SessionHandle
from adapters.mongo.observer import NobodyObserves, StoreObserver
from wallet_core.errors import StoreUnavailable

SERVER_SELECTION_TIMEOUT_MS = 5_000
"""How long a statement waits for a primary. Shorter than an election (12 s): the caller backs off and tells."""

CONNECT_TIMEOUT_MS = 5_000
"""How long a TCP and TLS handshake may take; a healthy one takes milliseconds."""

SOCKET_TIMEOUT_MS = 20_000
"""How long an answer may take: twice ``MAX_COMMIT_TIME_MS``, so that the server speaks first."""

HEARTBEAT_MS = 2_000
"""How often the driver looks at each server. Default 10 s: for so long an abort may find no primary after a hiccup, and
the wallets of its transaction stay blocked."""

POOL_SIZE_MAX = 32
"""Most connections of a process. Motor works with 5 threads per core, so few machines can use more at once."""

POOL_WAIT_MS = 5_000
"""How long a statement waits for a free connection."""

MAX_COMMIT_TIME_MS = 10_000
"""How long the server may take for a commit; then its result counts as unknown and the commit is repeated."""

APPLICATION_NAME = "wallet-service"
"""How the server's tools, and ``abandoned``, tell our connections from those of other services."""

BOOKS_MARK = "wallet-books:"
"""What a connection tells the server of itself as a wrapper of the driver, with the name of its database after it: by
that ``abandoned`` tells the deployments on one server apart. The application's name is the same for all of them."""

PING_TIMEOUT_S = 2.0
"""How long a readiness probe waits: health checks of containers usually give up after 3 to 5 s."""

WIRE_VERSION_MIN = 13
"""MongoDB 5.0, the first with snapshot reads outside transactions, which the audit needs."""

_AUTHENTICATION_FAILED = 18
_RS_GHOST = "RSGhost"

STANDALONE = """\
the database is a standalone mongod, and only a replica set has transactions; one member is enough. To make it one:
  1. start mongod with --replSet rs0. With authentication it also needs --keyFile: make the file once with
     openssl rand -base64 756 > keyfile && chmod 400 keyfile && chown 999:999 keyfile (999 is the mongo image's user)
  2. once, as an administrator: rs.initiate({_id: "rs0", members: [{_id: 0, host: "mongodb:27017"}]})
     with the host name by which this and the other services reach the database
The data stays as it is, and services that know nothing of replica sets go on as before."""

NOT_INITIATED = """\
mongod was started with --replSet, but its replica set is not initiated. Once, as an administrator:
  rs.initiate({_id: "rs0", members: [{_id: 0, host: "mongodb:27017"}]})
with the host name by which this and the other services reach the database"""

UNUSABLE_URL = """\
DATABASE_URL cannot be used ({}). It looks like mongodb://user:password@host:27017/mint_wallet?authSource=admin:
the database's name belongs to it, and special characters of the password are percent-encoded"""


class Session:
    """A session of the driver, for one task at a time. Raises the driver's errors: ``unit_of_work`` knows them."""

    def __init__(self, handle: SessionHandle) -> None:
        """Take the driver's session."""
        self.handle = handle

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction has begun and was neither committed nor aborted."""
        return self.handle.in_transaction

    async def begin(self) -> None:
        """Begin a transaction on a snapshot, whose commit waits for a majority and its journal; nothing is sent yet."""
        await when_ready(
            self.handle.start_transaction(
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern(w="majority", j=True),
                read_preference=Primary(),
                max_commit_time_ms=MAX_COMMIT_TIME_MS,
            )
        )

    async def commit(self) -> None:
        """Send the commit, or send it again."""
        await finished_even_if_cancelled(self.handle.commit_transaction())

    async def abort(self) -> None:
        """Undo everything."""
        await finished_even_if_cancelled(self.handle.abort_transaction())

    async def end(self) -> None:
        """Give the session back."""
        await finished_even_if_cancelled(self.handle.end_session())


class Database:
    """The database of one deployment: its collections, sessions and state. One instance serves all tasks of a loop."""

    def __init__(self, client: DriverClient, name: str, observer: StoreObserver) -> None:
        """Take a client; ``connect`` opens one."""
        self._client = client
        self._name = name
        self._database = client.handle.get_database(name)
        self._ping: asyncio.Task[Document] | None = None
        self.observer = observer

    @property
    def name(self) -> str:
        """The database's name."""
        return self._name

    def collection(self, name: str, session: Session | None = None) -> Collection:
        """Give a collection whose statements all run in ``session``, or outside any."""
        handle = self._database.get_collection(name)
        return Collection(name, handle, None if session is None else session.handle, self.observer)

    async def start_session(self, *, snapshot: bool = False) -> Session:
        """
        Start a session; ``snapshot``: all its reads, outside any transaction, see the instant of the first.

        Raises StoreUnavailable.
        """
        try:
            handle = await when_ready(self._client.handle.start_session(causal_consistency=False, snapshot=snapshot))
        except PyMongoError as error:
            raise outside_error(error, "session") from error
        return Session(handle)

    async def command(self, command: Document) -> Document:
        """Run a database command. Raises the driver's errors: the callers in this package look at their codes."""
        return await self._database.command(dict(command))

    async def admin_command(self, command: Document) -> Document:
        """Run a command on the ``admin`` database, as any user may. Raises the driver's errors, as ``command``."""
        return await self._client.handle.admin.command(dict(command))

    async def check(self) -> None:
        """
        Verify that the server can hold the books.

        Raises UnsuitableStore when it cannot (the text names what to change), and StoreUnavailable when it is away.
        """
        try:
            hello = await self.admin_command({"hello": 1})
        except ServerSelectionTimeoutError as error:
            servers = self._client.handle.topology_description.server_descriptions().values()
            if any(server.server_type_name == _RS_GHOST for server in servers):
                raise StoreUnavailable(NOT_INITIATED) from error
            raise outside_error(error, "hello") from error
        except OperationFailure as error:
            if error.code == _AUTHENTICATION_FAILED:
                raise UnsuitableStore("the database refuses the user or the password of DATABASE_URL") from None
            raise outside_error(error, "hello") from error
        except PyMongoError as error:
            raise outside_error(error, "hello") from error
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise UnsuitableStore(STANDALONE)
        wire_version = hello.get("maxWireVersion")
        if not isinstance(wire_version, int) or wire_version < WIRE_VERSION_MIN:
            raise UnsuitableStore("the database is older than MongoDB 5.0: update it, its data can stay")

    async def ping(self) -> None:
        """
        Ask the primary for a sign of life. Raises StoreUnavailable after PING_TIMEOUT_S.

        One ping is under way at a time: a database that hangs must not collect one waiting statement per probe.
        """
        if self._ping is None or self._ping.done():
            self._ping = asyncio.ensure_future(self.command({"ping": 1}))
            self._ping.add_done_callback(look_at_error)
        done, _ = await asyncio.wait({self._ping}, timeout=PING_TIMEOUT_S)
        if not done:
            raise StoreUnavailable(f"the database has not answered a ping for {PING_TIMEOUT_S} s")
        error = self._ping.exception()
        if isinstance(error, PyMongoError):
            raise outside_error(error, "ping") from error
        if error is not None:
            raise error

    async def close(self) -> None:
        """Close all connections; a server that hangs is not waited for (see ``driver``)."""
        if self._ping is not None:
            self._ping.cancel()
        await self._client.close()


def connect(url: str, observer: StoreObserver | None = None, driver: Driver = Driver.MOTOR) -> Database:
    """
    Give the database that ``url`` names; nothing is sent yet, so a database that is away is not noticed here.

    Must be called on the event loop that will use it. Our options win over those of ``url``; hosts, login, TLS and
    replica set come from there. Raises UnsuitableStore for an unusable URL, without repeating it (it holds a password).
    """
    try:
        client = open_client(driver, url, _options())
        name = client.handle.get_default_database().name
        client.mark(f"{BOOKS_MARK}{name}")
    except (ConfigurationError, InvalidURI, ValueError, TypeError) as error:
        raise UnsuitableStore(UNUSABLE_URL.format(type(error).__name__)) from None
    return Database(client, name, observer or NobodyObserves())


def _options() -> Mapping[str, object]:
    """Give the options of a client, as both drivers name them."""
    return {
        "appname": APPLICATION_NAME,
        "document_class": dict,
        "tz_aware": False,  # ``fields.in_utc`` does it, in a sixth of the time
        "datetime_conversion": DatetimeConversion.DATETIME_AUTO,
        "uuidRepresentation": "standard",
        "serverSelectionTimeoutMS": SERVER_SELECTION_TIMEOUT_MS,
        "heartbeatFrequencyMS": HEARTBEAT_MS,
        "connectTimeoutMS": CONNECT_TIMEOUT_MS,
        "socketTimeoutMS": SOCKET_TIMEOUT_MS,
        "maxPoolSize": POOL_SIZE_MAX,
        "waitQueueTimeoutMS": POOL_WAIT_MS,
        "retryWrites": True,
        "retryReads": True,
        "readPreference": "primary",
        "readConcernLevel": "majority",
        "w": "majority",
        "journal": True,
    }
