"""Every error that the core and its ports raise. Expected refusals are values (``outcome.Outcome``), not errors.

::

    WalletError
    ├── InvalidAmount            a number is not an amount of this currency
    ├── PostingRefused           a rule of a wallet says no; ``plan`` turns it into a refusal
    │   ├── InsufficientFunds
    │   ├── BalanceLimitExceeded
    │   ├── WalletSuspended      a person must decide about this wallet first
    │   └── VersionConflict      the caller named an expected version that is not current: answer, never retry
    ├── LedgerCorrupted          stored facts contradict each other: a person must look
    ├── ConcurrentUpdate         we lost a race in storage: retry, never answer
    ├── StoreUnavailable         the database cannot be reached or did not say how it ended: wait, nothing is settled
    ├── StoreRejected            the database refuses this very write, and would refuse it again
    └── ConsumptionHalted        too many events in a row had errors of their own: a person must look
"""

from __future__ import annotations


class WalletError(Exception):
    """The root of all errors of the core and its ports."""


class InvalidAmount(WalletError):
    """A number is not an amount of the currency; ``rule`` says which rule it breaks, in words for a person."""

    def __init__(self, rule: str) -> None:
        """Keep the broken rule."""
        super().__init__(f"Invalid amount: {rule}")
        self.rule = rule


class PostingRefused(WalletError):
    """A rule of a wallet says no. ``reason`` is the public text of the refusal (at most 200 characters)."""

    reason = "Refused"


class InsufficientFunds(PostingRefused):
    """The balance is smaller than the debit."""

    reason = "Insufficient balance"

    def __init__(self, wallet_id: str, balance_minor: int, amount_minor: int) -> None:
        """Keep the facts; the text is for logs, ``reason`` for the outside."""
        super().__init__(f"wallet {wallet_id} holds {balance_minor} minor units and cannot give {amount_minor}")
        self.wallet_id = wallet_id
        self.balance_minor = balance_minor
        self.amount_minor = amount_minor


class BalanceLimitExceeded(PostingRefused):
    """The credit would lift the balance over ``AMOUNT_MINOR_MAX``."""

    reason = "Balance limit exceeded"

    def __init__(self, wallet_id: str, balance_minor: int, amount_minor: int) -> None:
        """Keep the facts; the text is for logs, ``reason`` for the outside."""
        super().__init__(f"wallet {wallet_id} holds {balance_minor} minor units and cannot take {amount_minor} more")
        self.wallet_id = wallet_id
        self.balance_minor = balance_minor
        self.amount_minor = amount_minor


class WalletSuspended(PostingRefused):
    """The wallet could not be adopted exactly and waits for a person; ``wallet migrate`` lists it."""

    reason = "Wallet suspended"

    def __init__(self, user_id: str) -> None:
        """Keep the owner; the text is for logs, ``reason`` for the outside."""
        super().__init__(f"the wallet of user {user_id} waits for a person: run 'wallet migrate' to see why")
        self.user_id = user_id


class VersionConflict(PostingRefused):
    """The caller expected another version of the wallet than the current one."""

    reason = "Wallet version conflict"

    def __init__(self, wallet_id: str, version: int, expected_version: int) -> None:
        """Keep both: ``version`` is the current one, and not ``expected_version``."""
        super().__init__(f"wallet {wallet_id} has version {version}, not {expected_version} as expected: read it again")
        self.wallet_id = wallet_id
        self.version = version
        self.expected_version = expected_version


class LedgerCorrupted(WalletError):
    """Stored facts contradict each other; run ``wallet audit`` to see all that does not fit."""


class ConcurrentUpdate(WalletError):
    """Somebody else changed the same documents first. Run the unit of work again on fresh state."""


class StoreUnavailable(WalletError):
    """The database is away, too slow, or did not say how a commit ended. Nothing may be settled: wait, then repeat."""


class StoreRejected(WalletError):
    """The database refuses a write for its content (validator, size, key); repeating it changes nothing."""


class ConsumptionHalted(WalletError):
    """More events in a row than allowed had errors of their own, which smells of a defect of ours, not of theirs."""

    def __init__(self, isolated_max: int, last_error: str) -> None:
        """Keep the limit and the last error."""
        super().__init__(
            f"more than {isolated_max} events in a row failed on their own, the last with {last_error}: "
            "consumption stops until the service is restarted"
        )
        self.isolated_max = isolated_max
        self.last_error = last_error
