"""
How hard hypothesis tries.

``ci`` is the default: bounded, so that the whole folder runs in well under a minute on two shared cores.
``pytest tests/property --hypothesis-profile=thorough --timeout=0`` looks for many minutes.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci",
    max_examples=120,
    stateful_step_count=30,
    deadline=None,  # a shared core stalls: the tests that are about time measure it themselves
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],  # as above
)
settings.register_profile("thorough", settings.get_profile("ci"), max_examples=1_000, stateful_step_count=50)
settings.load_profile("ci")
