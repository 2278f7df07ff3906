"""Settings from the environment, with an error that names the variable."""

import sys
from typing import Literal, NoReturn, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pcare_common.errors import EXIT_CONFIGURATION

PREFIX = "PCARE_"


class Settings(BaseSettings):
    """What every service reads. A service's own settings subclass this one; every variable starts with `PCARE_`.

    The variable of a field is `PCARE_` and the field's name in capitals.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    log_format: Literal["json", "console"] = Field("json", description="json for machines, console for a person")
    log_level: Literal["debug", "info", "warning", "error"] = "info"


Loaded = TypeVar("Loaded", bound=BaseSettings)


def load(settings: type[Loaded]) -> Loaded:
    """Read `settings` from the environment.

    Ends the process with status 78 and one line a mistake, each naming its variable, when a value is missing or
    wrong. Values are never printed: they may be secrets.
    """
    try:
        return settings()
    except ValidationError as error:
        _refuse(error)


def _refuse(error: ValidationError) -> NoReturn:
    lines = []
    for mistake in error.errors(include_input=False, include_url=False, include_context=False):
        variable = PREFIX + "_".join(str(part) for part in mistake["loc"]).upper()
        lines.append(f"{variable}: {mistake['msg']}" if mistake["loc"] else mistake["msg"])
    sys.stderr.write("Cannot start: the settings are not right.\n" + "\n".join(f"  {line}" for line in lines) + "\n")
    raise SystemExit(EXIT_CONFIGURATION)
