"""What a test did wrong, and what to do instead. What the wallet refuses is no error: it is a finalization.

::

    WalletError
    ├── UnknownWallet         (a KeyError) the user has no wallet
    ├── UnknownTransaction    (a KeyError) nothing is recorded about the transaction
    └── TooManyEvents         one service in memory is for one test
"""

from __future__ import annotations

from wallet_core.errors import WalletError


class _Unknown(WalletError, KeyError):
    """An id that the books do not know."""

    def __str__(self) -> str:
        """Give the text as it is: a KeyError would put it in quotes."""
        return Exception.__str__(self)


class UnknownWallet(_Unknown):
    """The user has no wallet. It is a KeyError, too."""

    def __init__(self, user_id: str, situation: str) -> None:
        """Keep the user; ``situation`` says what there is."""
        super().__init__(f"user {user_id!r} has no wallet: 'await service.signup({user_id!r})' opens one ({situation})")
        self.user_id = user_id


class UnknownTransaction(_Unknown):
    """Nothing is recorded about the transaction: it never came, waits, or was set aside. It is a KeyError, too."""

    def __init__(self, transaction_id: str, situation: str) -> None:
        """Keep the transaction; ``situation`` says what there is."""
        super().__init__(f"nothing is recorded about transaction {transaction_id!r} ({situation})")
        self.transaction_id = transaction_id


class TooManyEvents(WalletError):
    """One service in memory keeps everything that it was told, so there is an end."""

    def __init__(self, events_max: int) -> None:
        """Keep the limit."""
        super().__init__(f"this wallet in memory has taken {events_max} events: make a new one for each test")
        self.events_max = events_max
