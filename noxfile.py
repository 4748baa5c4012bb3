"""Every check of the project: ``nox`` runs all of them, ``nox -s tests`` one, ``nox -l`` lists them.

All sessions but ``plots`` and ``lock`` share one environment, ``.nox/shared``: it takes half a minute to fill, and is
filled again only when the lock or ``pyproject.toml`` has changed. It comes from ``requirements-dev.lock``, whose hashes
pip verifies. What follows ``--`` goes to pytest: ``nox -s tests -- -k overdraft``.

The tests start their own servers. mongod comes with the lock; RabbitMQ is taken from this machine, installed (Debian
and Ubuntu, as root), run in Docker, or named by WALLET_TEST_RABBITMQ_URL. Without it the run fails; nothing is skipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import nox

nox.needs_version = ">=2025.2.9"
nox.options.error_on_external_run = True

ROOT = Path(__file__).parent
SHARED = ROOT / ".nox" / "shared"
BIN = SHARED / ("Scripts" if os.name == "nt" else "bin")
PATH = f"{BIN}{os.pathsep}{os.environ['PATH']}"

NOTHING: Mapping[str, str] = MappingProxyType({})

COMPOSE_LINT = ("--quiet", "--no-env", "--skip-suppressed", "--strict-config", "--fail-on", "low")

LOCKED_PYRIGHT: Mapping[str, str] = MappingProxyType(
    {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1", "PYRIGHT_PYTHON_FORCE_VERSION": ""}
)
"""Use the pyright of the lock, and ask no server for a newer one: then it opens no connection at all."""

DEV_LOCK = "requirements-dev.lock"
PLOT_LOCK = "requirements-bench.lock"
LOCKS = {
    "requirements.lock": ("pyproject.toml", "--extra", "fast"),
    "requirements-build.lock": ("--group", "build"),
    PLOT_LOCK: ("--group", "bench"),
    DEV_LOCK: ("pyproject.toml", "--all-extras", "--group", "dev"),
}
"""What each lock file holds: the image's packages; what builds ours; what draws plots; everything, for the tests."""

TEST_FOLDERS = tuple(
    f"tests/{name}"
    for name in (
        "unit",
        "property",
        "contract",
        "embedding",
        "integration",
        "e2e",
        "simulation",
        "faults",
        "benchmarks",
    )
)

QUICK_FAULTS = ("-m", "not fault or quick")
"""Of the fault tests, plain nox runs the choice that is marked as quick (3 minutes); ``nox -s faults`` runs all."""

BESIDE_EACH_OTHER = ("--numprocesses", "logical", "--maxprocesses", "4", "--dist", "loadfile")
"""Test files run in as many processes as there are cores, each with a mongod and a RabbitMQ of its own, hence four at
most. The tests of a file stay together: they share what it has started. On 2 cores: 8 minutes instead of 16."""

CLEAN_ENVIRONMENT = "tests/architecture/clean_environment.py"
PLUGIN_TEST = "tests/unit/test_pytest_plugin.py"
"""What `nox -s wheel` runs in an environment with nothing but the wheel, and with pytest beside the wheel."""

FAULT_REPORT = "docs/reliability/faults.json"
SPEED_REPORT = "docs/performance/results.json"

MONGOD_LIBRARY = "libcurl4"
"""The one library of mongod 6.0.5 that a small Debian or Ubuntu may lack."""

RABBITMQ_URL = "WALLET_TEST_RABBITMQ_URL"
RABBITMQ_IMAGE = "rabbitmq:3"
RABBITMQ_START_S = 60
"""A container of RabbitMQ takes 10 to 20 seconds on two cores."""

POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian asks whether an installation may start its service; exit code 101 is no (invoke-rc.d(8))."""

NO_RABBITMQ = f"""\
The tests need RabbitMQ, and there is none here. Do one of these, then run nox again:
  Debian or Ubuntu:  sudo apt-get install --no-install-recommends rabbitmq-server
  macOS:             brew install rabbitmq
  Docker:            start its engine; nox runs {RABBITMQ_IMAGE} by itself
  a broker you have: export {RABBITMQ_URL}=amqp://guest:guest@127.0.0.1:5672"""


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Style of the code (ruff), of the Dockerfile (hadolint) and of compose.yaml (its schema, and compose-lint)."""
    prepare(session)
    run(session, "ruff", "check")
    run(session, "ruff", "format", "--check")
    run(session, "check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")
    run(session, "compose-lint", "check", *COMPOSE_LINT, "compose.yaml")
    if sys.platform == "linux":
        run(session, "hadolint", "Dockerfile")
    else:
        session.warn("hadolint comes for Linux only: the Dockerfile was not linted on this machine")


@nox.session(python=False)
def types(session: nox.Session) -> None:
    """mypy, strict, over the code and the tests; pyright, for a second opinion on what users of the library see."""
    prepare(session)
    run(session, "mypy")
    run(session, "pyright", "--project", "tests/typing", env=LOCKED_PYRIGHT)
    run(session, "pyright", "--verifytypes", "wallet_core", "--ignoreexternal", env=LOCKED_PYRIGHT)


@nox.session(python=False)
def architecture(session: nox.Session) -> None:
    """Dependency rule: import contracts, and a core that needs the standard library only."""
    prepare(session)
    run(session, "pytest", "tests/architecture")


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """Run the examples in the pages and in the docstrings of the core."""
    prepare(session)
    # An installed `wallet-core` brings its fixtures by itself; here they come from the tree.
    fixtures = ["-p", "wallet_core.testing.plugin"]
    examples = ["--doctest-glob=*.md", "--doctest-modules", "README.md", "docs", "wallet_core"]
    # pytest's 5 is "no example found": pages of prose are no failure.
    run(session, "pytest", *fixtures, *examples, success_codes=[0, 5])


@nox.session(python=False)
def wheel(session: nox.Session) -> None:
    """Build the library `wallet-core`, use it in an environment that has nothing else, then with pytest beside it."""
    prepare(session)
    with tempfile.TemporaryDirectory(prefix="wallet-core-") as folder:
        clean = Path(folder) / "environment"
        python = clean / BIN.name / "python"
        offline = ("--no-index", "--no-deps")
        run(session, "pip", "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, "./wallet_core")
        (built,) = Path(folder).glob("wallet_core-*.whl")
        run(session, "python", "-m", "venv", "--without-pip", str(clean))
        run(session, "pip", "--python", str(python), "install", *offline, str(built))
        shutil.copy(ROOT / PLUGIN_TEST, folder)
        session.chdir(folder)  # away from the tree, whose folder `wallet_core` would be found first
        session.run(str(python), "-I", str(ROOT / CLEAN_ENVIRONMENT), external=True)
        (installed,) = clean.glob("[Ll]ib/**/site-packages")
        run(session, "pytest", Path(PLUGIN_TEST).name, env={"PYTHONPATH": str(installed)})


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """Everything that runs the code, on real servers; of the simulation 300 seeds, of the faults a quick choice."""
    prepare(session)
    chosen = any(arg.startswith("tests") for arg in session.posargs)
    everything = () if chosen else (*TEST_FOLDERS, *QUICK_FAULTS)
    with servers(session) as environment:
        # A broker that was given is emptied before each test. And who asks for something may want a debugger.
        is_shared = {**os.environ, **environment}.get(RABBITMQ_URL)
        side_by_side = () if is_shared or session.posargs else BESIDE_EACH_OTHER
        run(session, "pytest", *side_by_side, *everything, *session.posargs, env=environment)


@nox.session(python=False, default=False)
def faults(session: nox.Session) -> None:
    """Every fault test (20 minutes on 2 cores); writes the table of docs/reliability.md."""
    prepare(session)
    with servers(session) as environment:
        if session.posargs:
            run(session, "pytest", *session.posargs, env=environment)
            return
        run(session, "python", "-m", "tests.faults", "--report", FAULT_REPORT, env=environment)
        run(session, "python", "-m", "tests.faults.page")


@nox.session(python=False, default=False)
def nightly(session: nox.Session) -> None:
    """Run the simulation with 10,000 seeds."""
    prepare(session)
    run(session, "pytest", "tests/simulation", *session.posargs, env={"WALLET_TEST_SIMULATION_SEEDS": "10000"})


@nox.session(python=False, default=False)
def mutants(session: nox.Session) -> None:
    """Remove each safety line in turn, and see which tests turn red; prints the table."""
    prepare(session)
    with servers(session) as environment:
        run(session, "python", "-m", "tests.mutants", *session.posargs, env=environment)


@nox.session(python=False, default=False)
def soak(session: nox.Session) -> None:
    """Soak in random faults: nox -s soak -- --minutes 60 --seed 1 --result docs/reliability/soak.json."""
    prepare(session)
    with servers(session) as environment:
        run(session, "python", "-m", "tests.faults.soak", *session.posargs, env=environment)


@nox.session(python=False, default=False)
def bench(session: nox.Session) -> None:
    """Measure speed beside its references, on a quiet machine (40 minutes; -- --quick: 3); writes the page."""
    prepare(session)
    with servers(session) as environment:
        if session.posargs:
            run(session, "python", "-m", "tests.benchmarks", *session.posargs, env=environment)
            return
        run(session, "python", "-m", "tests.benchmarks", "--results", SPEED_REPORT, env=environment)
    session.notify("plots")


@nox.session(default=False)
def plots(session: nox.Session) -> None:
    """Draw the plots of docs/performance.md from its results, and write its tables."""
    prepare(session)
    session.install("--require-hashes", "--requirement", PLOT_LOCK)
    session.run("python", "-m", "tests.benchmarks.plots", SPEED_REPORT, str(Path(SPEED_REPORT).parent))
    run(session, "python", "-m", "tests.benchmarks.page")


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Write the lock files again, with the newest versions that pyproject.toml allows."""
    session.install("uv")
    common = ("--universal", "--python-version", "3.11", "--generate-hashes", "--upgrade", "--no-header", "--quiet")
    hidden = ("--no-emit-index-url", "--no-emit-find-links")  # no address and no path of the machine that wrote it
    compile_lock = ("uv", "pip", "compile", *common, *hidden)
    for name, chosen in LOCKS.items():
        session.run(*compile_lock, *chosen, "--output-file", name)


def run(
    session: nox.Session, *command: str, env: Mapping[str, str] = NOTHING, success_codes: Iterable[int] = (0,)
) -> None:
    """Run a program of the shared environment. ``env`` is added to the environment of nox."""
    program, *arguments = command
    variables = {"PATH": PATH, **env}
    session.run(str(BIN / program), *arguments, env=variables, success_codes=success_codes, external=True)


def prepare(session: nox.Session) -> None:
    """Fill the shared environment, unless it is as the lock and pyproject.toml want it."""
    stamp = SHARED / "filled-from"
    wanted = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in (DEV_LOCK, "pyproject.toml"))).hexdigest()
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        return
    session.run(sys.executable, "-m", "venv", "--clear", str(SHARED), external=True)
    run(session, "python", "-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", DEV_LOCK)
    # hatchling is in the lock, so nothing unverified is fetched to build our own package.
    run(session, "python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
    run(session, "python", "-m", "pip", "check")  # pyproject.toml asks for more than the lock holds: nox -s lock
    stamp.write_text(wanted, encoding="ascii")


@contextmanager
def servers(session: nox.Session) -> Iterator[dict[str, str]]:
    """Make sure that the tests find RabbitMQ and can start mongod; yields what to add to their environment."""
    missing = missing_packages()
    if missing and can_install_packages():
        install_packages(session, missing)
        missing = []
    if MONGOD_LIBRARY in missing:
        session.error(
            f"mongod needs a library of this machine: sudo apt-get install {MONGOD_LIBRARY}, then run nox again"
        )
    if not missing:
        yield {}
    elif docker_answers():
        with rabbitmq_container() as url:
            yield {RABBITMQ_URL: url}
    else:
        session.error(NO_RABBITMQ)


def missing_packages() -> list[str]:
    """Debian's names of what the tests need and this machine lacks."""
    missing = []
    # Debian keeps the program where the PATH of an ordinary user does not reach.
    places = os.pathsep.join([PATH, "/usr/sbin", "/usr/lib/rabbitmq/bin"])
    if not os.environ.get(RABBITMQ_URL) and not shutil.which("rabbitmq-server", path=places):
        missing.append("rabbitmq-server")
    mongod = next(SHARED.glob("lib/python*/site-packages/fiftyone/db/bin/mongod"), None)
    if mongod and not succeeds(str(mongod), "--version"):
        missing.append(MONGOD_LIBRARY)
    return missing


def can_install_packages() -> bool:
    """Tell whether this is Debian or one of its children, and we are root."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_packages(session: nox.Session, packages: list[str]) -> None:
    """Install with apt-get, and keep the package from starting a broker of its own: the tests start theirs."""
    apt_get = ("timeout", "600", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        POLICY.chmod(0o755)
    try:
        session.run(*apt_get, "update", env=quiet, external=True)
        session.run(*apt_get, "install", "--yes", "--no-install-recommends", *packages, env=quiet, external=True)
    finally:
        if ours:
            POLICY.unlink()


def docker_answers() -> bool:
    """Tell whether there is a Docker client and an engine behind it."""
    return shutil.which("docker") is not None and succeeds("docker", "info")


@contextmanager
def rabbitmq_container() -> Iterator[str]:
    """Run RabbitMQ in Docker on a free loopback port; yields its address and ends it afterwards."""
    container = output("docker", "run", "--detach", "--rm", "--publish", "127.0.0.1::5672", RABBITMQ_IMAGE)
    try:
        deadline = time.monotonic() + RABBITMQ_START_S
        while not succeeds("docker", "exec", container, "rabbitmq-diagnostics", "-q", "check_port_connectivity"):
            if time.monotonic() > deadline:
                msg = f"{RABBITMQ_IMAGE} did not start within {RABBITMQ_START_S} s: see docker logs {container}"
                raise TimeoutError(msg)
            time.sleep(1)
        yield f"amqp://guest:guest@{output('docker', 'port', container, '5672/tcp')}"
    finally:
        output("docker", "stop", container)


def output(*command: str) -> str:
    """Return the one line that a program prints; raises if it fails or takes longer than downloading an image may."""
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return done.stdout.splitlines()[0] if done.stdout else ""


def succeeds(*command: str) -> bool:
    """Tell whether a program ends well, and soon."""
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
