"""Run a private rabbitmq-server, with an epmd (Erlang's name server) of its own.

Shape: ``RabbitMQ`` owns two child processes and one data folder, which is also their home. ``start`` returns when the
broker answers an AMQP handshake. Nothing of an installed RabbitMQ is read or changed: no configuration of /etc, no
cookie, no name server; the node is always called ``wallet@localhost``, because its files carry its name.

Bounds: loopback only; memory and disk limits are fixed numbers, so that a small machine does not block publishers;
every wait has a deadline. Virtual hosts are made through ``erl_call`` (measured: 20 ms each), where that is not
installed through ``rabbitmqctl``, which starts an Erlang virtual machine for it (measured: 400 ms a call).
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from adapters.embedded.errors import CommandRefused, ServerMissing
from adapters.embedded.free_port import LOOPBACK, free_ports, is_listening
from adapters.embedded.process import ChildProcess

# The package's own start script. The one in /usr/sbin changes to the user "rabbitmq" and its folders.
PACKAGE_SCRIPT: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_MISSING_REMEDY: Final = "Type: apt-get install rabbitmq-server (Debian, Ubuntu, as root)."
_FAILED_REMEDY: Final = "if a file may not be read or written, take a data folder of your own; else read the whole log."
_NODE: Final = "wallet@localhost"

# Measured on two cores: 3 to 8 s, half of it looking for modules in the folders of all plugins.
START_TIMEOUT_S: Final = 120.0
# Measured: 1 s with empty queues.
STOP_TIMEOUT_S: Final = 30.0
# One command of rabbitmqctl or erl_call; measured 0.4 s and less.
COMMAND_TIMEOUT_S: Final = 60.0
# epmd listens at once; this covers a machine that hangs.
_EPMD_TIMEOUT_S: Final = 10.0
_HANDSHAKE_TIMEOUT_S: Final = 2.0

# AMQP 0-9-1 section 4.2.2: what a client says first.
_PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"
# Section 2.3.5: frame type 1 (method), channel 0, four bytes of size, class 10, method 10 = connection.start.
_METHOD_FRAME: Final = b"\x01\x00\x00"
_CONNECTION_START: Final = b"\x00\x0a\x00\x0a"
_START_FRAME_BYTES: Final = 11

# The defaults (40 % of the memory; 50 MB of disk is a default as well, written down here) depend on the machine.
_CONFIG: Final = """\
listeners.tcp.1 = {address}:{port}
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
"""


def find_rabbitmq() -> Path | None:
    """Return the start script of an installed RabbitMQ package, else rabbitmq-server on the PATH, else ``None``."""
    if os.access(PACKAGE_SCRIPT, os.X_OK):
        return PACKAGE_SCRIPT
    on_path = shutil.which("rabbitmq-server")
    return Path(on_path) if on_path else None


class RabbitMQ:
    """One private broker and its data folder; the user is ``guest``, whom RabbitMQ lets in from the loopback only."""

    def __init__(
        self, data_dir: Path, port: int | None = None, *, binary: Path | None = None, plugins: tuple[str, ...] = ()
    ) -> None:
        """Describe the broker; nothing is started.

        ``data_dir`` is created when missing; one that holds data is opened, also on another port than before.
        ``port=None`` takes a free one. ``plugins`` are enabled; the package brings them.
        Raises ``ServerMissing`` when no ``binary`` is given and none is found, or when ``epmd`` is not on the PATH.
        """
        binary = binary or find_rabbitmq()
        if binary is None:
            raise ServerMissing("rabbitmq-server", _MISSING_REMEDY)
        epmd = shutil.which("epmd")
        if epmd is None:
            raise ServerMissing("epmd", f"It comes with Erlang; put it on the PATH. {_MISSING_REMEDY}")
        self.data_dir = data_dir.resolve()
        amqp_port, self._distribution_port, self._epmd_port = free_ports(3)
        self.port = amqp_port if port is None else port
        self._plugins = plugins
        self._control = binary.with_name("rabbitmqctl")
        self._environment = self._node_environment()
        self._epmd = self._child((epmd, "-port", str(self._epmd_port), "-address", LOOPBACK), self._epmd_port)
        self._server = self._child((str(binary),), self.port)

    @property
    def pid(self) -> int:
        """Process id of the running broker; raises ``ServerFailed`` if it does not run."""
        return self._server.pid

    @property
    def is_running(self) -> bool:
        """Say whether the broker has been started and has not ended; a frozen one is running."""
        return self._server.is_running

    @property
    def log(self) -> Path:
        """File with everything the broker has written, over all its starts."""
        return self._server.log

    def url(self, vhost: str = "/") -> str:
        """Return the connection string for a virtual host."""
        return f"amqp://guest:guest@{LOOPBACK}:{self.port}/{quote(vhost, safe='')}"

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start the broker and wait until it answers an AMQP handshake.

        Data that an earlier broker left, stopped or killed, is recovered first. Raises ``ServerFailed``; then nothing
        is left running.
        """
        if self.is_running:
            raise self._server.failed("is already running; stop() it first")
        deadline_s = time.monotonic() + timeout_s
        self.kill()  # what a broker that died by itself has left
        self._write_settings()
        try:
            self._epmd.start()
            self._epmd.wait_until(lambda: is_listening(self._epmd_port, _EPMD_TIMEOUT_S), deadline_s, "listening")
            self._server.start()
            self._server.wait_until(lambda: _answers_handshake(self.port), deadline_s, "answering AMQP")
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End the broker in good order, and by force after ``timeout_s``; nothing happens if it does not run."""
        self._server.stop(timeout_s)
        self._epmd.stop(_EPMD_TIMEOUT_S)

    def kill(self) -> None:
        """End the broker as a crash would (SIGKILL); ``start`` recovers. Nothing happens if it does not run."""
        self._server.kill()
        self._epmd.kill()

    def freeze(self) -> None:
        """Make the broker hang (SIGSTOP): connections stay open, nothing answers."""
        self._server.freeze()

    def thaw(self) -> None:
        """Let a frozen broker go on."""
        self._server.thaw()

    def add_vhosts(self, *names: str) -> None:
        """Make virtual hosts in which ``guest`` may do everything; those that exist are kept.

        Raises ``ServerFailed`` if the broker does not answer.
        """
        self._evaluate(
            "lists:foreach(fun(Name) -> ok = rabbit_vhost:add(Name, User), "
            "ok = rabbit_auth_backend_internal:set_permissions(User, Name, All, All, All, User) end, Names)",
            names,
        )

    def delete_vhosts(self, *names: str) -> None:
        """Remove virtual hosts and all that is in them. Raises ``CommandRefused`` if one does not exist."""
        self._evaluate("lists:foreach(fun(Name) -> ok = rabbit_vhost:delete(Name, User) end, Names)", names)

    def ctl(self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        """Run ``rabbitmqctl`` with these arguments and return what it printed.

        Raises ``CommandRefused`` with what it said, or ``ServerFailed`` if the broker does not run or ``timeout_s`` was
        not enough.
        """
        return self._run((str(self._control), *arguments), "", timeout_s)

    def __enter__(self) -> Self:
        """Start the broker."""
        self.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the broker."""
        self.stop()

    def _evaluate(self, expression: str, names: tuple[str, ...]) -> None:
        """Evaluate an Erlang expression over ``Names``, ``User`` and ``All`` inside the broker."""
        # Names go in as bytes, so that no character of theirs can be read as Erlang.
        binaries = ", ".join(f"<<{', '.join(map(str, name.encode()))}>>" for name in names)
        program = f'User = <<"guest">>, All = <<".*">>, Names = [{binaries}], {expression}.'
        erl_call = shutil.which("erl_call")
        if erl_call is None:
            self.ctl("eval", program)
            return
        address = f"{LOOPBACK}:{self._distribution_port}"
        # -r: a random name for this call, or two at once would disturb each other.
        answer = self._run((erl_call, "-r", "-address", address, "-e"), f"{program}\n", COMMAND_TIMEOUT_S)
        if not answer.startswith("{ok,"):  # it exits with 0 also when the expression fails
            raise CommandRefused("rabbitmq-server", expression, answer.strip(), self.log)

    def _run(self, command: tuple[str, ...], text: str, timeout_s: float) -> str:
        try:
            result = subprocess.run(  # noqa: S603 - our own command line, no shell
                command,
                input=text,
                capture_output=True,
                text=True,
                env=self._environment,
                cwd=self.data_dir,
                timeout=timeout_s,
                check=True,
            )
        except subprocess.TimeoutExpired as error:
            raise self._server.failed(f"did not answer {Path(command[0]).name} within {timeout_s} s") from error
        except subprocess.CalledProcessError as error:
            if not self.is_running:
                raise self._server.failed("is not running; start() it first") from error
            asked = " ".join((Path(command[0]).name, *command[1:]))
            answer = f"{error.stdout}{error.stderr}".strip()
            raise CommandRefused("rabbitmq-server", asked, answer, self.log) from error
        except OSError as error:
            raise self._server.failed(f"cannot be asked: {error}") from error
        return result.stdout

    def _child(self, command: tuple[str, ...], port: int) -> ChildProcess:
        return ChildProcess(command, self._environment, self.data_dir, port, _FAILED_REMEDY)

    def _write_settings(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "rabbitmq.conf").write_text(_CONFIG.format(address=LOOPBACK, port=self.port), encoding="utf-8")
        (self.data_dir / "enabled_plugins").write_text(f"[{','.join(self._plugins)}].\n", encoding="utf-8")

    def _node_environment(self) -> dict[str, str]:
        """Return the whole environment of the broker and its tools: nothing of the caller's but the PATH."""
        loopback = f"{{{LOOPBACK.replace('.', ',')}}}"
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            "HOME": str(self.data_dir),  # the cookie is made here
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_CRASH_DUMP_SECONDS": "0",  # no dump of hundreds of megabytes
            "RABBITMQ_NODENAME": _NODE,
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self.data_dir / "rabbitmq-env.conf"),  # does not exist: not that of /etc
            "RABBITMQ_CONFIG_FILE": str(self.data_dir / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.data_dir / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.data_dir / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.data_dir / "mnesia"),
            "RABBITMQ_PLUGINS_EXPAND_DIR": str(self.data_dir / "plugins"),
            "RABBITMQ_LOG_BASE": str(self.data_dir / "log"),
            "RABBITMQ_LOGS": "-",  # to standard output, so that one file has everything
            # With input "allowed" the start script becomes the virtual machine instead of staying its parent, so the
            # process id is the broker's; -noinput then forbids the input after all.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                # Two schedulers: enough for tests, on a machine of any size.
                "-noinput +S 2:2"
            ),
            # For every Erlang program, also those that the broker and rabbitmqctl start by themselves: by default each
            # starts an epmd where it finds none, in the background and for good.
            "ERL_ZFLAGS": f"-start_epmd false -kernel inet_dist_use_interface {loopback}",
        }


def _answers_handshake(port: int) -> bool:
    """Say whether a broker begins a connection on this port; it does so only when it has started completely."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=_HANDSHAKE_TIMEOUT_S) as connection:
            connection.sendall(_PROTOCOL_HEADER)
            with connection.makefile("rb") as stream:
                frame = stream.read(_START_FRAME_BYTES)
    except OSError:
        return False
    return frame.startswith(_METHOD_FRAME) and frame.endswith(_CONNECTION_START)
