"""Child processes of ours: they end when they are told to, and when nobody is left to tell them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from adapters.embedded import ServerFailed
from adapters.embedded.free_port import free_ports
from adapters.embedded.process import ChildProcess
from tests.integration.processes import WAIT_S, descendants, is_gone, wait_until

ROOT = Path(__file__).parents[2]
SLEEP = "exec sleep 600"
OBEDIENT = "trap 'echo obeyed; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.05; done"

# A parent that starts one child, says who it is, and waits to be killed.
PARENT = """\
import sys, time
from pathlib import Path
from adapters.embedded.process import ChildProcess

child = ChildProcess(("/bin/sleep", "600"), {}, Path(sys.argv[1]), int(sys.argv[3]), "nothing to do")
child.start()
if sys.argv[2] == "freeze":
    child.freeze()
print(child.pid, flush=True)
time.sleep(600)
"""


def shell(script: str, folder: Path) -> ChildProcess:
    """Describe a child that runs a shell script."""
    return ChildProcess(("/bin/sh", "-c", script), {"PATH": os.defpath}, folder, free_ports(1)[0], "read the log")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ChildProcess]:
    """Run a child that does nothing."""
    child = shell(SLEEP, tmp_path)
    child.start()
    yield child
    child.kill()


@pytest.mark.parametrize("state", ["run", "freeze"])
def test_child_dies_with_a_killed_parent(tmp_path: Path, state: str) -> None:
    """When the parent is killed with SIGKILL, its child is killed as well, even a frozen one, and so is the guard."""
    command = (sys.executable, "-c", PARENT, str(tmp_path), state, str(free_ports(1)[0]))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        family = psutil.Process(parent.pid).children()

        parent.kill()

    assert child in family
    assert len(family) == 2
    wait_until(lambda: all(is_gone(member) for member in family))


def test_frozen_child_stands_still_until_the_thaw(sleeper: ChildProcess) -> None:
    """A frozen child is stopped when the call returns, counts as running, and goes on after the thaw."""
    process = psutil.Process(sleeper.pid)

    for _ in range(2):  # the second time must not see the stop of the first
        sleeper.freeze()
        assert process.status() == psutil.STATUS_STOPPED
        assert sleeper.is_running

        sleeper.thaw()
        assert process.status() != psutil.STATUS_STOPPED


@pytest.mark.parametrize("end", ["stop", "kill"])
@pytest.mark.parametrize("state", ["run", "freeze"])
def test_ended_child_leaves_no_process(sleeper: ChildProcess, state: str, end: str) -> None:
    """Stopped or killed, frozen or not: the child and its guard are gone when the call returns."""
    born_s = psutil.Process(sleeper.pid).create_time()  # not its pid: the numbers begin again after the largest
    family = [process for process in descendants() if process.create_time() >= born_s]
    if state == "freeze":
        sleeper.freeze()

    if end == "stop":
        sleeper.stop(timeout_s=WAIT_S)
    else:
        sleeper.kill()

    assert len(family) == 2
    assert all(is_gone(process) for process in family)
    assert not sleeper.is_running


def test_frozen_child_can_obey_a_stop(tmp_path: Path) -> None:
    """A frozen child is asked to end like any other and ends in good order, not by force."""
    child = shell(OBEDIENT, tmp_path)
    child.start()
    child.wait_until(lambda: "ready" in child.log.read_text(), time.monotonic() + WAIT_S, "ready")
    child.freeze()

    child.stop(timeout_s=WAIT_S)

    assert child.log.read_text() == "ready\nobeyed\n"


def test_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """A child that does not end when asked is ended by force after the time-out."""
    child = shell(STUBBORN, tmp_path)
    child.start()
    child.wait_until(lambda: "ready" in child.log.read_text(), time.monotonic() + WAIT_S, "ready")
    process = psutil.Process(child.pid)

    child.stop(timeout_s=0.2)

    assert is_gone(process)


def test_child_starts_again_after_it_died(sleeper: ChildProcess) -> None:
    """A child that somebody else has killed is started again by the same object."""
    first = psutil.Process(sleeper.pid)
    os.kill(first.pid, signal.SIGKILL)
    wait_until(lambda: not sleeper.is_running)

    sleeper.start()

    assert sleeper.is_running
    assert sleeper.pid != first.pid


def test_child_collected_by_somebody_else_is_known_to_have_ended(sleeper: ChildProcess) -> None:
    """When other code has waited for the child, its id is not used any more, and the child can be started again."""
    process = psutil.Process(sleeper.pid)
    process.kill()
    process.wait(WAIT_S)

    assert not sleeper.is_running
    sleeper.stop(timeout_s=WAIT_S)
    sleeper.start()

    assert sleeper.is_running


def test_running_child_is_not_started_twice(sleeper: ChildProcess) -> None:
    """A second start is refused, and the running child stays."""
    first = sleeper.pid

    with pytest.raises(ServerFailed, match="already running"):
        sleeper.start()

    assert sleeper.pid == first


def test_child_that_ends_early_fails_with_its_log(tmp_path: Path) -> None:
    """Waiting for a child that ended tells its exit code, the end of its log, and what to do next."""
    child = shell("echo no disk; exit 3", tmp_path)
    child.start()

    with pytest.raises(ServerFailed, match=r"(?s)ended with exit code 3.*  no disk\nNext: read the log"):
        child.wait_until(lambda: False, time.monotonic() + WAIT_S, "ready")

    child.stop(timeout_s=WAIT_S)


def test_child_that_is_never_ready_fails_at_the_deadline(sleeper: ChildProcess) -> None:
    """Waiting ends at the deadline and says for what was waited."""
    with pytest.raises(ServerFailed, match="was not ready in time"):
        sleeper.wait_until(lambda: False, time.monotonic() + 0.1, "ready")


def test_log_of_a_failure_is_that_of_the_latest_start(tmp_path: Path) -> None:
    """Of the log only errors are shown, if there are any, and none of an earlier start."""
    script = 'if [ -f again ]; then echo "[error] new"; echo bye; else touch again; echo "[error] old"; fi'
    child = shell(script, tmp_path)
    child.start()
    wait_until(lambda: not child.is_running)
    child.start()

    with pytest.raises(ServerFailed, match=r"sh\.log:\n  \[error\] new\nNext: "):
        child.wait_until(lambda: False, time.monotonic() + WAIT_S, "ready")

    child.stop(timeout_s=WAIT_S)


def test_missing_program_is_told(tmp_path: Path) -> None:
    """A program that cannot be executed is named."""
    child = ChildProcess(("/nowhere/nothing",), {}, tmp_path, free_ports(1)[0], "install it")

    with pytest.raises(ServerFailed, match=r"(?s)cannot be executed.*/nowhere/nothing.*Next: install it"):
        child.start()


def test_free_ports_are_different_and_below_those_of_clients() -> None:
    """Ports are found together, none twice, and outside the range that outgoing connections use."""
    ports = free_ports(50)

    assert len(set(ports)) == 50
    assert max(ports) < 32_768
