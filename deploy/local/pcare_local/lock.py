"""Write kafka.lock anew: `python -m pcare_local.lock`. Needs `mvn`, which checks what it fetches.

The lock holds Kafka's runtime closure and the binding that sends its logs through Log4j, without addresses.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from pcare_local.jars import LOCK, Jar, sha256

ROOTS = (
    "org.apache.kafka:kafka_2.13:4.1.2",
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.3",
)


def main() -> None:
    """Resolve `ROOTS` with Maven and write the lock beside this module."""
    with tempfile.TemporaryDirectory(prefix="kafka-lock-") as scratch:
        jars = resolve(Path(scratch))
    lines = [f"{jar.group}:{jar.artifact}:{jar.version} {jar.sha256}\n" for jar in jars]
    LOCK.write_text("# Written by `python -m pcare_local.lock`.\n" + "".join(lines))
    sys.stdout.write(f"{LOCK}: {len(jars)} jars\n")


def resolve(scratch: Path) -> list[Jar]:
    """Return the runtime closure of `ROOTS`, sorted by coordinates. Raises CalledProcessError if Maven fails."""
    (scratch / "pom.xml").write_text(project_with(ROOTS))
    jars = scratch / "jars"
    subprocess.run(
        [
            "mvn",
            "--batch-mode",
            "--quiet",
            "--strict-checksums",
            f"--file={scratch / 'pom.xml'}",
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            "-Dmdep.useRepositoryLayout=true",
            f"-DoutputDirectory={jars}",
        ],
        check=True,
    )
    return sorted((_jar(path, jars) for path in jars.rglob("*.jar")), key=lambda jar: (jar.group, jar.artifact))


def project_with(roots: tuple[str, ...]) -> str:
    """Return a Maven project that depends on the coordinates `group:artifact:version` given."""
    dependencies = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>".format(
            *root.split(":")
        )
        for root in roots
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>lock</groupId><artifactId>lock</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )


def _jar(path: Path, repository: Path) -> Jar:
    *group, artifact, version, _ = path.relative_to(repository).parts
    return Jar(".".join(group), artifact, version, sha256(path))


if __name__ == "__main__":
    main()
