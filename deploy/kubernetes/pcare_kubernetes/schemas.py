"""`python -m pcare_kubernetes.schemas` makes the schemas anew from the projects at the versions of sources.yaml.

It needs Go, Maven and Java, and reaches for modules and jars by their ordinary clients. Who only checks the resources
needs none of it: what it makes is kept beside sources.yaml.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pcare_kubernetes.compact import Schema, of_definition, of_openapi

DIRECTORY = Path(__file__).resolve().parents[1] / "schemas"
SOURCES = DIRECTORY / "sources.yaml"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>pcare</groupId><artifactId>definitions</artifactId><version>1</version><dependencies>{}</dependencies></project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"


class _Loader(yaml.SafeLoader):
    """Takes a lone `=` for text, as Kubernetes does; YAML 1.1 gives it a meaning that PyYAML does not know."""


_Loader.yaml_constructors = {
    **yaml.SafeLoader.yaml_constructors,
    "tag:yaml.org,2002:value": yaml.SafeLoader.construct_yaml_str,
}


def sources() -> dict[str, dict[str, Any]]:
    """Return what sources.yaml says, by project."""
    read: dict[str, dict[str, Any]] = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))
    return read


def split(kind: str) -> tuple[str, str, str]:
    """Return group, version and kind of `apps/v1/Deployment`; the group of `v1/Service` is empty."""
    *group, version, name = kind.split("/")
    return "/".join(group), version, name


def main() -> None:
    """Write a file a project."""
    for project, source in sources().items():
        made = _of_openapi(source) if "openapi" in source else _of_definitions(source)
        file = DIRECTORY / f"{project}.json"
        file.write_text(json.dumps(made, sort_keys=True, separators=(",", ":")) + "\n", encoding="utf-8")
        sys.stdout.write(f"{file.name}: {len(made['kinds'])} kinds, {file.stat().st_size // 1024} KiB\n")


def _of_openapi(source: Mapping[str, Any]) -> Schema:
    module = go_module(source["go"])
    kinds: dict[str, Schema] = {}
    definitions: dict[str, Schema] = {}
    for file, wanted in source["openapi"].items():
        document = json.loads((module / file).read_text(encoding="utf-8"))
        for kind in wanted:
            kinds[kind], used = of_openapi(document, *split(kind))
            definitions |= used
    return {"from": source["go"], "kinds": kinds, "$defs": definitions}


def _of_definitions(source: Mapping[str, Any]) -> Schema:
    wanted = source["kinds"] if "kinds" in source else list(source["classes"].values())
    found = {}
    for definition in definitions_of(source):
        spec = definition["spec"]
        for version in spec["versions"]:
            kind = f"{spec['group']}/{version['name']}/{spec['names']['kind']}"
            if kind in wanted:
                found[kind] = of_definition(definition, version["name"])
    missing = set(wanted) - set(found)
    if missing:
        raise SystemExit(f"{source} defines no {', '.join(sorted(missing))}: correct {SOURCES.name}")
    return {"from": source.get("go") or " ".join(source["maven"]), "kinds": found, "$defs": {}}


def definitions_of(source: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the custom resource definitions of a project: all that its module has, or those of the classes named."""
    if "maven" in source:
        yield from _by_strimzis_generator(source["maven"], list(source["classes"]))
        return
    for file in sorted((go_module(source["go"]) / source["crds"]).glob("*.yaml")):
        for document in yaml.load_all(file.read_text(encoding="utf-8"), _Loader):
            if document and document.get("kind") == "CustomResourceDefinition":
                yield document


def go_module(module: str) -> Path:
    """Return the directory of a Go module at a version, fetched if it is not there."""
    with tempfile.TemporaryDirectory() as elsewhere:  # or Go would hold a go.mod around here against it
        told = _output(["go", "mod", "download", "-json", module], Path(elsewhere))
    return Path(json.loads(told)["Dir"])


def _by_strimzis_generator(artifacts: Sequence[str], classes: Sequence[str]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        dependencies = "".join(_DEPENDENCY.format(*artifact.split(":")) for artifact in artifacts)
        (directory / "pom.xml").write_text(_POM.format(dependencies), encoding="utf-8")
        _output(["mvn", "-q", "-B", "dependency:build-classpath", "-Dmdep.outputFile=classpath"], directory)
        versions = ["--api-versions", "v1", "--storage-version", "v1", "--describe-api-versions", "v1"]
        classpath = (directory / "classpath").read_text(encoding="utf-8").strip()
        generator = ["java", "-cp", classpath, "io.strimzi.crdgenerator.CrdGenerator"]
        target = ["--target-kube", "1.25+", "--crd-api-version", "v1", *versions, "--yaml"]
        _output(
            [*generator, *target, *(f"{one}={directory / str(number)}.yaml" for number, one in enumerate(classes))],
            directory,
        )
        for number in range(len(classes)):
            yield yaml.safe_load((directory / f"{number}.yaml").read_text(encoding="utf-8"))


def _output(command: Sequence[str], directory: Path) -> str:
    if shutil.which(command[0]) is None:
        raise SystemExit(f"{command[0]} is needed to make the schemas anew, and is not installed")
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:] or done.stdout[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
