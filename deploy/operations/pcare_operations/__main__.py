"""The command line: `python -m pcare_operations backup|restore|rebuild|take-key|upgrade|backup-keys|restore-keys`.

Ends with 0 when all is done, with 1 and one message where it is not.
"""

import argparse
import datetime as dt
import os
import sys
from pathlib import Path

from pcare_operations import backup, keys, restore, trail, upgrade
from pcare_operations.compose import Compose
from pcare_operations.deployments import ByDsn, Deployment, InCompose
from pcare_operations.errors import OperationError

DIRECTORY = Path("backups")


def main(words: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    arguments = _parser().parse_args(words)
    try:
        _COMMANDS[arguments.command](arguments)
    except OperationError as error:
        sys.stderr.write(f"{arguments.command}: {error}\n")
        return 1
    return 0


def _backup(arguments: argparse.Namespace) -> None:
    deployment = _deployment(arguments)
    deployment.before()
    path = backup.back_up(deployment.server, arguments.to, now=_now(), rehearse=arguments.rehearse, say=_say)
    trail.put_down(deployment.server, _by(arguments, "a backup"), "database-backed-up", {"backup": path.name}, say=_say)
    if arguments.keep:
        backup.keep_newest(arguments.to, arguments.keep, _say)


def _restore(arguments: argparse.Namespace) -> None:
    if (arguments.file is None) == (arguments.kept is None):
        raise OperationError("Name the file of a backup (make restore FILE=backups/pcare-….tar), or a --kept database.")
    deployment = _deployment(arguments)
    if arguments.kept is not None:
        by = _by(arguments, "a database that was kept was put in place")
        restore.go_back(deployment, arguments.kept, now=_now(), say=_say, by=by)
    else:
        by = _by(arguments, "a backup was put in place")
        restore.restore(deployment, arguments.file, now=_now(), say=_say, log=not arguments.no_log, by=by)


def _rebuild(arguments: argparse.Namespace) -> None:
    by = _by(arguments, "what the database lacks is restored from the log")
    restore.rebuild(_deployment(arguments), say=_say, by=by)


def _upgrade(arguments: argparse.Namespace) -> None:
    how = upgrade.How(
        back_up=not arguments.no_backup,
        pull=arguments.pull,
        without=tuple(arguments.without),
        by=_by(arguments, "to this version"),
    )
    upgrade.upgrade(Compose(), arguments.to, how, now=_now(), say=_say)


def _take_key(_arguments: argparse.Namespace) -> None:
    keys.take(Compose(), keys.directory(), say=_say)


def _backup_keys(arguments: argparse.Namespace) -> None:
    keys.back_up(keys.directory(), arguments.to, now=_now(), say=_say)


def _restore_keys(arguments: argparse.Namespace) -> None:
    keys.restore(arguments.file, keys.directory(), say=_say)


_COMMANDS = {
    "backup": _backup,
    "restore": _restore,
    "rebuild": _rebuild,
    "take-key": _take_key,
    "upgrade": _upgrade,
    "backup-keys": _backup_keys,
    "restore-keys": _restore_keys,
}


def _deployment(arguments: argparse.Namespace) -> Deployment:
    if arguments.dsn:
        return ByDsn(os.environ.get("PCARE_POSTGRES_DSN", ""), _say)
    return InCompose(Compose(), _say, arguments.database)


def _by(arguments: argparse.Namespace, otherwise: str) -> trail.By:
    return trail.By(arguments.why or otherwise, arguments.who or trail.login_name())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pcare_operations", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    put_down = argparse.ArgumentParser(add_help=False)
    put_down.add_argument("--who", help="who does it, for the audit trail; default your login name")
    put_down.add_argument("--why", help="why, for the audit trail")
    of_database = argparse.ArgumentParser(add_help=False, parents=[put_down])
    of_database.add_argument("--dsn", action="store_true", help="the database of PCARE_POSTGRES_DSN, not the project's")
    of_database.add_argument("--database", default="pcare", help="its name in the project; default pcare")

    one = commands.add_parser("backup", parents=[of_database], help="write a backup of PostgreSQL")
    _add_directory(one)
    one.add_argument("--rehearse", action="store_true", help="restore it beside the database and count, then drop that")
    one.add_argument("--keep", type=_a_count, default=0, metavar="N", help="then remove all but the newest N")

    one = commands.add_parser("restore", parents=[of_database], help="put a backup in the database's place")
    one.add_argument("file", type=Path, nargs="?", help="a file that `backup` wrote")
    one.add_argument("--kept", metavar="DATABASE", help="in place of a file: a database that a restore has kept")

    one.add_argument("--no-log", action="store_true", help="Kafka is lost too: `pcare republish` comes next")

    commands.add_parser("rebuild", parents=[of_database], help="restore from the log what the database lacks")

    commands.add_parser("take-key", help="before `make secrets`: keep the pseudonym key of a project that runs")
    one = commands.add_parser(
        "upgrade", parents=[put_down], help="bring the project to the version of the working directory"
    )
    _add_directory(one)
    one.add_argument("--no-backup", action="store_true", help="there is a backup of today already")
    one.add_argument("--without", action="append", default=[], metavar="SERVICE", help="do not start it; repeatable")
    one.add_argument("--pull", action="store_true", help="pull the images in place of building them")

    _add_directory(commands.add_parser("backup-keys", help="write a backup of keys and secrets: keep it elsewhere"))
    one = commands.add_parser("restore-keys", help="put keys and secrets back where there are none")
    one.add_argument("file", type=Path)
    return parser


def _add_directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", type=Path, default=DIRECTORY, metavar="DIRECTORY", help="default: backups")


def _a_count(text: str) -> int:
    """Return a number of backups to keep. Raises ValueError below 0, which would remove the newest ones first."""
    if (number := int(text)) < 0:
        raise ValueError(text)
    return number


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
