"""Settings from the environment and from files of secrets, with an error that names the variable."""

import os
import sys
from pathlib import Path
from typing import Literal, NoReturn, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SecretsSettingsSource, SettingsConfigDict

from pcare_common.errors import EXIT_CONFIGURATION

PREFIX = "PCARE_"
SECRETS_VARIABLE = "PCARE_SECRETS_DIR"


class Settings(BaseSettings):
    """What every service reads. A service's own settings subclass this one; every variable starts with `PCARE_`.

    The variable of a field is `PCARE_` and the field's name in capitals. A file of that name in the directory that
    `PCARE_SECRETS_DIR` names says the same, without white space around it; the environment goes before.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    log_format: Literal["json", "console"] = Field("json", description="json for machines, console for a person")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    secrets_dir: Path | None = Field(
        None,
        description="a directory of files, each named like a variable of this page and holding its value: for "
        "passwords and addresses with passwords, which do not belong into an environment. The environment goes before",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read files last. Raises OSError for a directory or a file of it that cannot be read."""
        named = os.environ.get(SECRETS_VARIABLE)
        if named:
            list(Path(named).iterdir())  # one that is missing would only be warned about
            file_secret_settings = SecretsSettingsSource(settings_cls, secrets_dir=named)
        return init_settings, env_settings, dotenv_settings, file_secret_settings


Loaded = TypeVar("Loaded", bound=BaseSettings)


def load(settings: type[Loaded]) -> Loaded:
    """Read `settings` from the environment and the files of secrets.

    Ends the process with status 78 and one line a mistake, each naming its variable, when a value is missing or
    wrong. Values are never printed: they may be secrets.
    """
    try:
        return settings()
    except ValidationError as error:
        _refuse(_mistakes(error))
    except OSError as error:
        _refuse([f"{SECRETS_VARIABLE}: {error.filename} cannot be read ({error.strerror})"])


def _mistakes(error: ValidationError) -> list[str]:
    lines = []
    for mistake in error.errors(include_input=False, include_url=False, include_context=False):
        variable = PREFIX + "_".join(str(part) for part in mistake["loc"]).upper()
        lines.append(f"{variable}: {mistake['msg']}" if mistake["loc"] else mistake["msg"])
    return lines


def _refuse(lines: list[str]) -> NoReturn:
    sys.stderr.write("Cannot start: the settings are not right.\n" + "\n".join(f"  {line}" for line in lines) + "\n")
    raise SystemExit(EXIT_CONFIGURATION)
