"""Driver error -> core error, one table; nothing else in this package interprets a driver's error.

=========================================================  =======================================================
what the driver raises                                     what it means
=========================================================  =======================================================
network, time-out, no primary, pool exhausted              StoreUnavailable; ConnectionLost where a unit of work
                                                           may run again at once: nothing was committed
WriteConflict (112), any other TransientTransactionError   ConcurrentUpdate
duplicate key in ``wallets``, ``transactions``, ``leases`` ConcurrentUpdate: somebody else was first
duplicate key elsewhere                                    StoreRejected (see ``repositories.MongoJournal``)
any error that the server labels as worth repeating        StoreUnavailable
login refused, not authorized, out of disk space           StoreUnavailable: a person must act, and no event is to blame
a snapshot session that is too old (239)                   SnapshotLost
validator (121), size, a value BSON cannot hold, the rest  StoreRejected
whatever else the server refuses outside a unit of work    StoreUnavailable: nothing of an event is written there, so
                                                           none is to blame (``outside_error``)
=========================================================  =======================================================

Texts carry codes and names, never a document: an error may end in a log or in the header of a dead letter.
"""

from __future__ import annotations

from bson.errors import BSONError
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from wallet_core.errors import ConcurrentUpdate, StoreRejected, StoreUnavailable, WalletError

DRIVER_ERRORS = (PyMongoError, BSONError, OverflowError, UnicodeError)
"""Everything that a statement can raise; the last two for an integer over 64 bits and for half a surrogate pair."""

SNAPSHOT_TOO_OLD = 239
"""Error code SnapshotTooOld: the server has dropped the instant that a snapshot session reads."""

DUPLICATE_KEY = 11000
"""Error code DuplicateKey (error_codes.yml of the server)."""

_AWAY = frozenset(
    {
        13,  # Unauthorized
        18,  # AuthenticationFailed
        50,  # MaxTimeMSExpired
        64,  # WriteConcernFailed: outside a unit of work every write may be repeated
        262,  # ExceededTimeLimit
        14031,  # OutOfDiskSpace
    }
)
"""Codes (error_codes.yml) that say nothing about the write itself."""

_RACED = frozenset({"wallets", "transactions", "leases"})
_LABELS_REPEAT = ("RetryableWriteError", "RetryableError", "SystemOverloadedError")


class SnapshotLost(StoreUnavailable):
    """An audit has taken longer than the server keeps the past."""

    def __init__(self) -> None:
        """Say what to set."""
        super().__init__(
            "the database no longer keeps the instant that is being read (it does for 300 s by default). Let it keep "
            "an hour with db.adminCommand({setParameter: 1, minSnapshotHistoryWindowInSeconds: 3600}), and run again"
        )


class UnsuitableStore(WalletError):
    """The database cannot hold the books as it is; waiting changes nothing. The text says what to change."""


class ConnectionLost(StoreUnavailable):
    """The database went away inside a unit of work, before its commit: nothing has happened, and it may run again."""


def core_error(error: Exception, collection: str) -> WalletError:
    """Translate an error of ``DRIVER_ERRORS`` raised by a statement on ``collection``; give it, do not raise it."""
    if isinstance(error, ConnectionFailure):
        return _outage(error)
    if isinstance(error, PyMongoError) and error.has_error_label("TransientTransactionError"):
        return ConcurrentUpdate(f"lost a race in {collection}: {_named(error)}")
    if isinstance(error, OperationFailure):
        return _refusal(error, collection)
    if isinstance(error, PyMongoError) and not isinstance(error, DocumentTooLarge) and error.timeout:
        return StoreUnavailable(f"the database was too slow in {collection}: {_named(error)}")
    return StoreRejected(f"the database cannot take this document of {collection}: {type(error).__name__}")


def outside_error(error: Exception, where: str) -> WalletError:
    """
    Translate an error that was raised outside any unit of work; give it, do not raise it.

    As ``core_error``, but whatever the server refuses there is an outage: the one who asked waits and asks again, and
    no process ends over it.
    """
    translated = core_error(error, where)
    if isinstance(translated, StoreRejected) and isinstance(error, OperationFailure):
        return StoreUnavailable(f"the database refuses what it must not refuse in {where}: {_named(error)}")
    return translated


def hides_document(error: Exception) -> bool:
    """Tell whether the driver's own text may quote a document, so that it must not be chained to ours."""
    return not isinstance(error, ConnectionFailure)


def _outage(error: ConnectionFailure) -> StoreUnavailable:
    """
    Tell an outage from a hiccup: who found no primary has waited for one already, and the caller should know.

    The text of that error ends with the driver's view of every server, which is cut off.
    """
    msg = f"the database is away: {type(error).__name__}: {str(error).split(', Timeout:')[0]}"
    has_waited = isinstance(error, ServerSelectionTimeoutError)
    if error.has_error_label("TransientTransactionError") and not has_waited:
        return ConnectionLost(msg)
    return StoreUnavailable(msg)


def _refusal(error: OperationFailure, collection: str) -> WalletError:
    code = _code(error)
    if code == SNAPSHOT_TOO_OLD:
        return SnapshotLost()
    if code == DUPLICATE_KEY and collection in _RACED:
        return ConcurrentUpdate(f"somebody else wrote to {collection} first (DuplicateKey)")
    if code in _AWAY or error.timeout or any(map(error.has_error_label, _LABELS_REPEAT)):
        return StoreUnavailable(f"the database cannot do this now in {collection}: {_named(error)}")
    return StoreRejected(f"the database refuses a write to {collection}: {_named(error)}")


def _code(error: OperationFailure) -> int | None:
    """Find the code; a bulk reports that of its first refused write inside its details."""
    if isinstance(error, DuplicateKeyError):
        return DUPLICATE_KEY
    if isinstance(error, BulkWriteError):
        refused = error.details.get("writeErrors") or [{}]
        code = refused[0].get("code", error.code)
        return code if isinstance(code, int) else None
    return error.code


def _named(error: PyMongoError) -> str:
    """Name an error by its code and code name; their meaning is in MongoDB's list of error codes."""
    if not isinstance(error, OperationFailure):
        return type(error).__name__
    name = (error.details or {}).get("codeName", type(error).__name__)
    return f"{name} ({_code(error)})"
