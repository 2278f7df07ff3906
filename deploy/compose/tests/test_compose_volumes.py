"""Who has which volume: what that means for who may read it, and for how it is removed."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
START_KAFKA = ROOT / "deploy" / "compose" / "mounted" / "start-kafka"


def test_nobody_but_the_broker_reads_its_volume_whoever_else_has_it(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "meta.properties").touch()  # it is formatted
    subprocess.run(
        ["bash", START_KAFKA], env=os.environ | {"KAFKA_LOG_DIRS": str(data)}, capture_output=True, check=False
    )
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


@pytest.mark.parametrize("volume", ["kafka", "postgres"])
def test_a_volume_is_removed_when_nobody_has_it_any_more(volume):
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    holders = {
        name
        for name, service in services.items()
        if any(str(one).startswith(f"{volume}:") for one in service.get("volumes", []))
    }
    manual = (ROOT / "docs" / "disaster-recovery.md").read_text()
    removed = re.findall(
        rf"docker compose rm --stop --force ([a-z -]+?) +#.*\n +docker volume rm pcare_{volume}\n", manual
    )
    assert [set(one.split()) for one in removed] == [holders]
