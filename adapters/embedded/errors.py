"""What can go wrong with a private server, each with what to do next.

EmbeddedServerError
  ServerMissing   its program is not on this machine
  ServerFailed    it does not run, did not start, or did not answer in time
  CommandRefused  it answered an administration command with an error
"""

from pathlib import Path


class EmbeddedServerError(Exception):
    """A private server cannot be used."""


class ServerMissing(EmbeddedServerError):
    """The program of a server was not found; ``remedy`` says what to type."""

    def __init__(self, server: str, remedy: str) -> None:
        """Say that ``server`` is missing and how to get it."""
        super().__init__(f"{server} was not found. {remedy}")
        self.server = server
        self.remedy = remedy


class ServerFailed(EmbeddedServerError):
    """A server did not do what was asked; the message ends with its log and what to try."""

    def __init__(self, server: str, reason: str, log: Path, log_tail: str, remedy: str) -> None:
        """Say why ``server`` failed, show the end of ``log`` and what to do next."""
        super().__init__(f"{server} {reason}.\nFrom its log {log}:\n{log_tail}\nNext: {remedy}")
        self.server = server
        self.reason = reason
        self.log = log
        self.remedy = remedy


class CommandRefused(EmbeddedServerError):
    """A server runs, but said no to an administration command; ``answer`` is what it said."""

    def __init__(self, server: str, command: str, answer: str, log: Path) -> None:
        """Say what was asked, what was answered, and where to read more."""
        super().__init__(f"{server} refused {command}: {answer}\nNext: correct the command; the server's log is {log}")
        self.server = server
        self.command = command
        self.answer = answer
        self.log = log
