"""Settings of whichever process a command becomes; a fault in them is wrong use."""

from typing import TypeVar

from cli.failures import WrongUse
from config.settings import Settings, SettingsInvalid, load

SomeSettings = TypeVar("SomeSettings", bound=Settings)


def read_settings(settings_class: type[SomeSettings]) -> SomeSettings:
    """The settings of this process.

    Raises:
        WrongUse: it names every setting that is missing or wrong, and shows no value.
    """
    try:
        return load(settings_class)
    except SettingsInvalid as error:
        raise WrongUse("settings_invalid", str(error)) from None
