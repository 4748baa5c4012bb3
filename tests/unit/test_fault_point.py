"""The settings that inject faults: what each takes, and that none counts unless faults are switched on."""

from pathlib import Path

import pytest

from adapters.mongo.steps import StoreStep
from adapters.rabbitmq.steps import BrokerStep
from entrypoints.fault_point import STEPS, BlockPoint, CrashPoint
from entrypoints.settings import load_settings, page
from entrypoints.settings_error import SettingsError
from entrypoints.start_warnings import start_warnings

ON = {"WALLET_FAULT_INJECTION": "on"}


def wrong_text(environ: dict[str, str]) -> str:
    """Load an environment that must be refused; returns what a person reads."""
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    return str(refused.value)


def test_no_fault_is_injected_unless_asked_for() -> None:
    """An empty environment injects nothing, writes no history, and warns of nothing."""
    settings = load_settings({})

    assert "off" == settings.wallet_fault_injection
    assert (None, None) == (settings.wallet_crash_at, settings.wallet_block_at)
    assert settings.wallet_fault_history is None
    assert () == start_warnings(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("WALLET_CRASH_AT", "committed"), ("WALLET_BLOCK_AT", "committed:5"), ("WALLET_FAULT_HISTORY", "steps.jsonl")],
)
@pytest.mark.parametrize("switch", [{}, {"WALLET_FAULT_INJECTION": "off"}])
def test_fault_is_refused_unless_faults_are_switched_on(name: str, value: str, switch: dict[str, str]) -> None:
    """A crash point that was left in the environment of a deployment stops its start, in clear words."""
    text = wrong_text({name: value, **switch})

    assert f"{name}: it makes this process fail on purpose, and counts only with WALLET_FAULT_INJECTION=on." in text


@pytest.mark.parametrize("step", STEPS)
def test_every_step_is_a_crash_point(step: str) -> None:
    """Each step can be named alone, or with the time at which it is meant."""
    assert CrashPoint(step, 1) == load_settings({**ON, "WALLET_CRASH_AT": step}).wallet_crash_at
    assert CrashPoint(step, 12) == load_settings({**ON, "WALLET_CRASH_AT": f"{step}:12"}).wallet_crash_at


@pytest.mark.parametrize("step", STEPS)
def test_every_step_can_be_blocked(step: str) -> None:
    """Each step can be named with the seconds for which the process stands still there."""
    assert BlockPoint(step, 15) == load_settings({**ON, "WALLET_BLOCK_AT": f"{step}:15"}).wallet_block_at


@pytest.mark.parametrize("name", ["WALLET_CRASH_AT", "WALLET_BLOCK_AT"])
def test_unknown_step_is_refused_with_the_list(name: str) -> None:
    """Who mistypes a step reads all that there are."""
    text = wrong_text({**ON, name: "comitted:1"})

    assert f"{name}: there is no such step" in text
    assert all(step in text for step in STEPS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WALLET_CRASH_AT", "committed:0"),
        ("WALLET_CRASH_AT", "committed:"),
        ("WALLET_CRASH_AT", "committed:1:2"),
        ("WALLET_CRASH_AT", "committed:1000001"),
        ("WALLET_CRASH_AT", "COMMITTED"),
        ("WALLET_BLOCK_AT", "committed"),
        ("WALLET_BLOCK_AT", "committed:601"),
        ("WALLET_BLOCK_AT", "committed:0.5"),
        ("WALLET_FAULT_HISTORY", "/no/such/folder/steps.jsonl"),
        ("WALLET_FAULT_HISTORY", "/"),
        ("WALLET_FAULT_INJECTION", "yes"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, value: str) -> None:
    """A number out of its bounds, a form that is not one, a folder that is not there: each is named."""
    assert f"  {name}: " in wrong_text({**ON, name: value})


def test_history_goes_where_it_is_wanted(tmp_path: Path) -> None:
    """A file in a folder that exists is taken, whether it is there or not."""
    file = tmp_path / "steps.jsonl"

    assert file == load_settings({**ON, "WALLET_FAULT_HISTORY": str(file)}).wallet_fault_history


def test_switched_on_faults_are_warned_about() -> None:
    """Who starts with faults switched on is told at each start that the process may kill itself."""
    (warning,) = start_warnings(load_settings(ON))

    assert "may kill itself" in warning


def test_names_of_the_steps_are_unique() -> None:
    """No step at the books has the name of one at the broker."""
    assert len(StoreStep) + len(BrokerStep) == len(STEPS)


def test_configuration_page_lists_every_step() -> None:
    """Who wants a process to fail reads in the page where it can."""
    assert all(f"| `{step}` | {meaning} |" in page() for step, meaning in STEPS.items())
