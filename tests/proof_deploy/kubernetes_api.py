"""A real Kubernetes API server on loopback, with etcd and nothing else: it takes resources or refuses them.

No controller, no node: nothing runs. But it is the very server that decides in a cluster whether a resource is right,
with the rules in CEL of the operators' definitions, and whether a pod keeps to the `restricted` standard.
"""

import os
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx

from certificates import self_signed
from pcare_kubernetes.schemas import definitions_of, sources
from pcare_local import processes
from pcare_local.cache import cache_directory
from pcare_local.ports import LOOPBACK, free_ports

PROGRAMS = ("etcd", "kube-apiserver")
SECONDS_TO_START = 120.0
TOKEN = "a-token-of-this-run-alone"

Resource = Mapping[str, Any]


def programs() -> Path | None:
    """Return the directory that has the programs: KUBEBUILDER_ASSETS, or what tests/build_kubernetes_api has built."""
    version = sources()["kubernetes"]["go"].rpartition("@")[2]
    named = os.environ.get("KUBEBUILDER_ASSETS")
    directory = Path(named) if named else cache_directory() / f"kubernetes-{version}"
    return directory if all((directory / program).is_file() for program in PROGRAMS) else None


class Api:
    """What asks the server. Resources are taken as `kubectl create --dry-run=server --validate=strict` does."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._paths: dict[str, tuple[str, bool]] = {}

    async def refusal(self, resource: Resource, *, keep: bool = False) -> str:
        """Offer a resource and return why it is refused or what is warned of, or nothing. Kept only if so asked."""
        path = await self._path(resource)
        query = {"fieldValidation": "Strict"} | ({} if keep else {"dryRun": "All"})
        answer = await self._client.post(path, params=query, json=resource)
        if answer.is_success:
            return str(answer.headers.get("Warning", ""))
        return str(answer.json().get("message", answer.text))

    async def define(self) -> int:
        """Have the operators' definitions, wait until each is served, and return how many there are."""
        named = []
        for source in sources().values():
            if "openapi" in source:
                continue
            for definition in definitions_of(source):
                definition["spec"].pop("conversion", None)  # whoever converts is not here
                wrong = await self.refusal(definition, keep=True)
                if wrong:
                    raise RuntimeError(f"{definition['metadata']['name']}: {wrong}")
                named.append(definition["metadata"]["name"])
        for name in named:
            await self._established(name)
        return len(named)

    async def _established(self, name: str) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while True:
            answer = await self._client.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")
            conditions = answer.json().get("status", {}).get("conditions", [])
            if any(one["type"] == "Established" and one["status"] == "True" for one in conditions):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} is not served: {conditions}")
            await anyio.sleep(0.1)

    async def _path(self, resource: Resource) -> str:
        version, kind = resource["apiVersion"], resource["kind"]
        if f"{version}/{kind}" not in self._paths:
            root = f"/apis/{version}" if "/" in version else f"/api/{version}"
            answer = await self._client.get(root)
            for one in answer.json().get("resources", []):
                if "/" not in one["name"]:
                    self._paths[f"{version}/{one['kind']}"] = f"{root}|{one['name']}", one["namespaced"]
        where, namespaced = self._paths[f"{version}/{kind}"]
        root, _, name = where.partition("|")
        return f"{root}/namespaces/{resource['metadata']['namespace']}/{name}" if namespaced else f"{root}/{name}"


@asynccontextmanager
async def running_api(directory: Path) -> AsyncIterator[Api]:
    """Run etcd and the server below `directory` for the length of a `with`."""
    where = programs()
    assert where is not None
    certificate, key = self_signed(directory, "kubernetes")
    (directory / "tokens.csv").write_text(f"{TOKEN},proof,proof,system:masters\n")
    peers, etcd_port, port = free_ports(3)
    client_url, peer_url = f"http://{LOOPBACK}:{etcd_port}", f"http://{LOOPBACK}:{peers}"
    etcd = _started(
        where / "etcd",
        directory,
        {
            "data-dir": directory / "etcd",
            "listen-client-urls": client_url,
            "advertise-client-urls": client_url,
            "listen-peer-urls": peer_url,
            "initial-advertise-peer-urls": peer_url,
            "initial-cluster": f"default={peer_url}",
            "log-level": "error",
        },
    )
    try:
        server = _started(
            where / "kube-apiserver", directory, _server_options(directory, port, client_url, certificate, key)
        )
        try:
            trusted = ssl.create_default_context(cafile=str(certificate))
            async with httpx.AsyncClient(
                base_url=f"https://{LOOPBACK}:{port}",
                headers={"Authorization": f"Bearer {TOKEN}"},
                verify=trusted,
                trust_env=False,
                timeout=60,
            ) as client:
                await _ready(client, server, directory / "kube-apiserver.log")
                yield Api(client)
        finally:
            processes.stop(server, seconds=20)
    finally:
        processes.stop(etcd, seconds=20)


def _server_options(directory: Path, port: int, etcd: str, certificate: Path, key: Path) -> dict[str, object]:
    return {
        "etcd-servers": etcd,
        "bind-address": LOOPBACK,
        "advertise-address": LOOPBACK,
        "endpoint-reconciler-type": "none",
        "secure-port": port,
        "tls-cert-file": certificate,
        "tls-private-key-file": key,
        "cert-dir": directory,
        "authorization-mode": "RBAC",
        "token-auth-file": directory / "tokens.csv",
        "service-account-issuer": f"https://{LOOPBACK}:{port}",
        "service-account-signing-key-file": key,
        "service-account-key-file": certificate,
        "service-cluster-ip-range": "10.0.0.0/24",
    }


def _started(program: Path, directory: Path, options: Mapping[str, object]) -> Any:
    arguments = [f"--{name}={value}" for name, value in options.items()]
    return processes.spawn([str(program), *arguments], log=directory / f"{program.name}.log")


async def _ready(client: httpx.AsyncClient, server: Any, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            if (await client.get("/readyz")).is_success:
                return
        except httpx.TransportError:
            pass  # it does not listen yet
        if server.poll() is not None or time.monotonic() > deadline:
            raise processes.failed("kube-apiserver", "did not become ready", log)
        await anyio.sleep(0.2)
