"""The processes: they read the settings, wire adapters to the core, and run.

    settings.py            what the environment says, checked before anything starts
    setting_values.py      the text of one setting -> its typed value
    connection_url.py      addresses that hold a password, and their form without it
    configuration_page.py  docs/configuration.md, written from the settings
    settings_error.py      everything that is wrong with the environment, at once

Nothing imports this package but this package; it may import ``adapters`` and ``wallet_core``.
"""
