"""The root of the `pcare` command. Each subcommand imports what it needs when it runs, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli import console
from pcare_cli.audit_app import app as audit_app
from pcare_cli.conformance.app import conformance
from pcare_cli.desk.app import app as rejected_app
from pcare_cli.doctor.app import doctor
from pcare_cli.kafka_access.app import app as kafka_app
from pcare_cli.keys_app import app as keys_app
from pcare_cli.operator_apps import breaker_app, gap_app
from pcare_cli.operator_options import Who, Why, WhyIfAny
from pcare_cli.persons_app import app as persons_app
from pcare_cli.providers.app import app as providers_app
from pcare_cli.publishing.app import publish

app = typer.Typer(
    name="pcare",
    help="Personalised Care Recorder: every personalised-care intervention in North Central London, as events.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
topics_app = typer.Typer(
    help="Make Kafka's topics from the one file that declares them, and find drift.", no_args_is_help=True
)
app.add_typer(topics_app, name="topics")
app.add_typer(keys_app, name="keys")
app.add_typer(audit_app, name="audit")
app.add_typer(persons_app, name="persons")
app.add_typer(rejected_app, name="rejected")
app.add_typer(providers_app, name="providers")
app.add_typer(breaker_app, name="breaker")
app.add_typer(gap_app, name="gap")
app.add_typer(kafka_app, name="kafka")
app.command()(publish)
app.command()(conformance)
app.command()(doctor)

TopicsFile = Annotated[
    Path | None, typer.Option("--file", help="The file of topics; default deploy/kafka/topics.yaml.")
]
Providers = Annotated[
    list[str] | None,
    typer.Option("--provider", help="ODS code or slug of a provider that has a topic of its own; may be repeated."),
]


def main() -> None:
    """Run the command line."""
    app()


@topics_app.command("create")
def topics_create(
    file: TopicsFile = None,
    provider: Providers = None,
    repair: Annotated[bool, typer.Option(help="Also set what differs, where that is safe.")] = False,
    who: Who = None,
    why: WhyIfAny = None,
) -> None:
    """Make the topics that are missing. May be repeated."""
    from pcare_cli import topics
    from pcare_cli.operators import note_down, said_if_any

    plan, (name, reason) = console.plan_of(file), said_if_any(who, why)
    with console.kafka_errors(), topics.admin_of(console.kafka_options()) as admin:
        outcome = topics.create(admin, plan, provider or [], repair=repair)
    for topic in outcome.created:
        typer.echo(f"created  {topic}")
    for difference in outcome.repaired:
        typer.echo(f"repaired {difference.topic}: {difference.text}")
    if outcome.created or outcome.repaired:
        made = {"created": outcome.created, "repaired": [f"{one.topic}: {one.text}" for one in outcome.repaired]}
        note_down("topics-made", made, name, reason, otherwise="as planned")
    console.end_with(outcome.left, "The topics are as planned.")


@topics_app.command("check")
def topics_check(file: TopicsFile = None, provider: Providers = None) -> None:
    """Compare a cluster with the file: exit 1 if they differ, and say in what and what to do."""
    from pcare_cli import topics

    plan = console.plan_of(file)
    with console.kafka_errors(), topics.admin_of(console.kafka_options()) as admin:
        unlike = topics.check(admin, plan, provider or [])
    console.end_with(unlike, "The topics are as planned.")


@topics_app.command("show")
def topics_show(file: TopicsFile = None, provider: Providers = None) -> None:
    """Print the plan: each topic, its partitions and how it is kept. Asks no cluster."""
    plan = console.plan_of(file)
    for name, topic in plan.with_providers(provider or []).items():
        keep = "for ever" if topic.keep == "forever" else f"{topic.keep} days"
        kept = f"latest of each key, {keep}" if topic.compact else keep
        fixed = ", number fixed" if topic.fixed else ""
        typer.echo(f"{name:38} {topic.partitions:3} partitions{fixed}; kept {kept}; at most {topic.largest_kib} KiB")


@app.command()
def demo(
    *,
    data: Annotated[Path, typer.Option(help="Where data and logs are kept.")] = Path("var") / "demo",
    events: Annotated[int | None, typer.Option(min=1, help="Send this many events, then no more.")] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Events a second; default 20, or no limit with --events.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Tell the same story again, under new ids; default at random.")
    ] = None,
    exit_when_done: Annotated[
        bool, typer.Option("--exit", help="With --events: wait until all is counted, give a verdict and end.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin without the data of earlier runs.")] = False,
    report: Annotated[Path | None, typer.Option(help="With --exit: write the verdict as JSON too.")] = None,
) -> None:
    """Run the whole system on this machine, with simulated providers. Ctrl-C stops everything."""
    from pcare_cli.demo.command import run_demo
    from pcare_cli.demo.run import Demo

    if exit_when_done and events is None:
        console.fail("--exit needs --events: how many events to send before the verdict.", status=2)
    if report is not None and not exit_when_done:
        console.fail("--report needs --exit: there is a verdict only at the end of a run.", status=2)
    run_demo(Demo(data, events, rate, seed, exit_when_done, fresh, report))


@app.command()
def simulate(
    *,
    ingest: Annotated[str, typer.Option(help="Base address of ingest.")] = "http://127.0.0.1:8080",
    events: Annotated[int | None, typer.Option(min=1, help="Send this many and end; default: until stopped.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Events a second; default: as fast as it goes.")] = None,
    seed: Annotated[int | None, typer.Option(help="Tell the same story again, under new ids.")] = None,
    faults: Annotated[bool, typer.Option(help="Send some wrong, twice, late, and take some back.")] = True,
    ledger: Annotated[Path | None, typer.Option(help="Write what became of each event, a JSON line each.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Begin with a history from this day on (2024-04-01); with --events, that is all."),
    ] = None,
    history: Annotated[int, typer.Option(min=1, help="With --since: how many events the history has.")] = 10_000,
    keys: Annotated[
        Path | None, typer.Option(help="Where ingest asks for credentials: what `pcare simulate-join` wrote.")
    ] = None,
    cafile: Annotated[
        Path | None, typer.Option(help="The certificate authority of an https address of ingest.")
    ] = None,
) -> None:
    """Send made-up events of every kind from made-up providers, over HTTP and one straight to Kafka.

    Needs the pseudonym key of ingest (PCARE_PSEUDONYM_KEY_FILE) and Kafka's address (PCARE_KAFKA_BOOTSTRAP_SERVERS).
    """
    from pcare_cli.simulate_command import Story, run_simulation

    run_simulation(ingest, Story(events, rate, seed, faults, since, history, keys, cafile), ledger)


@app.command("simulate-join")
def simulate_join(
    file: Annotated[Path, typer.Argument(help="The file to write their API keys to, for --keys of `pcare simulate`.")],
    *,
    register: Annotated[Path, typer.Option(help="The register file that has them.")],
    who: Who = None,
    why: Why = None,
) -> None:
    """Register the made-up providers of `pcare simulate` in the database, with an API key each. For demonstrations.

    May be repeated. Needs PCARE_POSTGRES_DSN.
    """
    from pcare_cli.providers.options import actor
    from pcare_cli.simulation.joining import join

    join(register, file, actor(who, why, dry_run=False))


@app.command()
def migrate(who: Who = None, why: WhyIfAny = None) -> None:
    """Bring the database of PCARE_POSTGRES_DSN up to date. May be repeated."""
    from pcare_cli.operators import said_if_any
    from pcare_recorder.migrate import main as migrate_database

    migrate_database(*said_if_any(who, why))


@app.command()
def rebuild(who: Who = None, why: WhyIfAny = None) -> None:
    """Restore the database from the log, after it was lost or restored from before. Stop all recorders first."""
    from pcare_cli.operators import said_if_any
    from pcare_recorder.rebuild import main as rebuild_database

    rebuild_database(*said_if_any(who, why))


@app.command()
def republish(
    *,
    file: TopicsFile = None,
    only: Annotated[
        str | None,
        typer.Option(help="Only this topic of submitted events (or TOPIC/PARTITION) was made anew, or lost its end."),
    ] = None,
    who: Who = None,
    why: Why = None,
) -> None:
    """Make the log anew from the database, after Kafka was lost entirely. Nothing else may run. As administrator."""
    from pcare_cli.operators import who_and_why
    from pcare_cli.republishing import republish_all

    republish_all(console.plan_of(file), *who_and_why(who, why), only)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="One event, a JSON array of events, or an event a line.")],
    register: Annotated[Path | None, typer.Option(help="A file of further providers.")] = None,
) -> None:
    """Check a file of events as ingest would: say of each what is wrong, and exit 1 if anything is."""
    from pcare_cli.check_file import check_file

    if check_file(file, register):
        raise typer.Exit(1)


@app.command()
def kpis(
    *,
    address: Annotated[str, typer.Option(help="Base address of a kpi-aggregator.")] = "http://127.0.0.1:8082",
    year: Annotated[
        str | None, typer.Option(help="A financial year, such as 2023/24, or `all`; default the latest.")
    ] = None,
    kpi: Annotated[list[str] | None, typer.Option(help="The id of a KPI; may be repeated; default all.")] = None,
    as_of: Annotated[
        str | None, typer.Option(help="A past day (2024-03-31): the state at its end in London, from PostgreSQL.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Apply disclosure control; state at the end of yesterday, or of --as-of.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Show the KPIs by borough, against target and trajectory.

    The numbers are a kpi-aggregator's present ones; with --as-of or --publish PostgreSQL counts them (needs
    PCARE_POSTGRES_DSN). PCARE_KPI_CATALOGUE and PCARE_KPI_TARGETS name files in place of the built-in ones.
    """
    from pcare_cli.kpis.command import Wanted, show_kpis

    if as_json and as_csv:
        console.fail("--json or --csv: which of the two?", status=2)
    form = "json" if as_json else "csv" if as_csv else "table"
    show_kpis(Wanted(address, year, kpi or (), as_of, publish, form))
