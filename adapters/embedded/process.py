"""Run one server as a child process: start, wait until ready, freeze, thaw, stop, kill.

Shape: ``ChildProcess`` holds a command and can start it again after it ended. It signals only what it has started, by
process id. A child that has ended is looked at without reaping it (``os.waitid`` with ``WNOWAIT``, which ``Popen.poll``
does not do), so the system cannot give its id to somebody else while we, or the guard, may still send it a signal.

Bounds: every wait has a deadline. The child runs in a session of its own, so Ctrl-C in a terminal reaches the parent
alone, which then stops the child in good order.

No orphans: beside the child runs a guard, a shell that reads from a pipe whose other end only the parent holds. When
the parent dies, however it dies, the read ends and the guard kills the child, frozen or not. The usual alternative,
PR_SET_PDEATHSIG, follows the *thread* that forked and would kill the child when a worker thread of
``asyncio.to_thread`` ends; it also needs code between fork and exec, which is unsafe beside threads. What remains: the
parent being killed in the millisecond between the start of the child and that of its guard.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from adapters.embedded.errors import ServerFailed
from adapters.embedded.free_port import is_free
from adapters.embedded.log import log_tail

# Start-ups take seconds; this is not seen in them and costs next to no CPU.
_POLL_S = 0.02
# The kernel ends and stops processes at once; this only covers a disk or a machine that hangs.
_SIGNAL_TIMEOUT_S = 10.0
# $1 is the child's process id. ``read`` returns only at the end of the pipe: the parent never writes.
_GUARD_SCRIPT = 'read -r _; kill -KILL "$1"'


class ChildProcess:
    """One server program as a child of this process."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, port: int, remedy: str
    ) -> None:
        """Describe the child; nothing is started.

        ``environment`` is the child's whole environment. ``folder`` is created at start; it is the working directory
        and holds the log, to which output and errors are appended. ``port`` is where the child will listen on the
        loopback. ``remedy`` is shown when the child fails.
        """
        self.name = Path(command[0]).name
        self.log = folder / f"{self.name}.log"
        self.port = port
        self._command = tuple(command)
        self._environment = dict(environment)
        self._remedy = remedy
        self._child: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._log_start_byte = 0  # where the log of the latest start begins

    @property
    def pid(self) -> int:
        """Process id of the running child; raises ``ServerFailed`` if it does not run."""
        if self._child is None or not self.is_running:
            raise self.failed("is not running; start() it first")
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Say whether the child has been started and has not ended; a frozen child is running."""
        return self._child is not None and _ending(self._child.pid) is None

    def start(self) -> None:
        """Start the child and its guard.

        Raises ``ServerFailed`` if it runs already, its port is taken, or its program cannot be executed.
        """
        if self.is_running:
            raise self.failed("is already running; stop() it first")
        self._forget()
        # Asked before the start, for afterwards the one who has the port would be taken for our child.
        if not is_free(self.port):
            raise self.failed(f"cannot have port {self.port}: it is in use; take another one")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._log_start_byte = output.tell()
            self._child = self._spawn(output)
        try:
            self._guard = _start_guard(self._child.pid)
        except BaseException:
            self.kill()
            raise

    def wait_until(self, is_ready: Callable[[], bool], deadline_s: float, waiting_for: str) -> None:
        """Wait until ``is_ready`` returns true, asking again and again.

        ``deadline_s`` is a reading of ``time.monotonic()``; ``waiting_for`` completes "was not ... in time". Raises
        ``ServerFailed`` when the child ends or the deadline passes first.
        """
        while not is_ready():
            ending = _ending(self._child.pid) if self._child else "is not running"
            if ending is not None:
                raise self.failed(ending)
            if time.monotonic() >= deadline_s:
                raise self.failed(f"was not {waiting_for} in time")
            time.sleep(_POLL_S)

    def stop(self, timeout_s: float) -> None:
        """Ask the child to end (SIGTERM), wait, and kill it if it has not; nothing happens if it does not run."""
        if self._child is not None and self.is_running:
            os.kill(self._child.pid, signal.SIGTERM)
            os.kill(self._child.pid, signal.SIGCONT)  # a frozen child cannot obey
            try:
                self._child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                os.kill(self._child.pid, signal.SIGKILL)
        self._forget()

    def kill(self) -> None:
        """End the child at once (SIGKILL), frozen or not; nothing happens if it does not run."""
        if self._child is not None and self.is_running:
            os.kill(self._child.pid, signal.SIGKILL)
        self._forget()

    def freeze(self) -> None:
        """Stop the child's threads where they are (SIGSTOP); returns when they stand still."""
        pid = self.pid
        os.kill(pid, signal.SIGSTOP)
        self.wait_until(lambda: _is_frozen(pid), time.monotonic() + _SIGNAL_TIMEOUT_S, "frozen")

    def thaw(self) -> None:
        """Let a frozen child go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def failed(self, reason: str) -> ServerFailed:
        """Return the error that says ``reason``, shows the log and what to do next."""
        return ServerFailed(self.name, reason, self.log, log_tail(self.log, self._log_start_byte), self._remedy)

    def _spawn(self, output: BinaryIO) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(  # noqa: S603 - the command is built by our callers, no shell
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self.log.parent,
                start_new_session=True,
            )
        except OSError as error:
            raise self.failed(f"cannot be executed: {error}") from error

    def _forget(self) -> None:
        """Reap the child that has ended or been killed, then its guard, which must not outlive the id it knows."""
        if self._child is not None:
            try:
                self._child.wait(_SIGNAL_TIMEOUT_S)
            except subprocess.TimeoutExpired as error:
                raise self.failed(f"did not end within {_SIGNAL_TIMEOUT_S} s of SIGKILL") from error
            self._child = None
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate(timeout=_SIGNAL_TIMEOUT_S)  # closes the pipe as well
            self._guard = None


def _start_guard(child_pid: int) -> subprocess.Popen[bytes]:
    """Start the shell that kills the child when this process is gone."""
    return subprocess.Popen(  # noqa: S603 - fixed script, the only argument is a number
        ("/bin/sh", "-c", _GUARD_SCRIPT, "guard", str(child_pid)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,  # Ctrl-C must not end the guard before the child has been stopped
    )


def _ending(pid: int) -> str | None:
    """Say how a child of ours has ended, without reaping it, or return ``None`` while it runs."""
    try:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return "has ended; its exit code was collected by somebody else"
    if ended is None:
        return None
    if ended.si_code == os.CLD_EXITED:
        return f"ended with exit code {ended.si_status}"
    return f"was ended by signal {ended.si_status}"


def _is_frozen(pid: int) -> bool:
    """Say whether all threads of a child of ours stand still."""
    return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT) is not None
