"""The root of the `pcare` command. Each subcommand imports what it needs when it runs, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated

import typer

from pcare_cli import console

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
) -> None:
    """Make the topics that are missing. May be repeated."""
    from pcare_cli import topics

    plan = console.plan_of(file)
    with console.kafka_errors(), topics.admin_of(console.kafka_options()) as admin:
        outcome = topics.create(admin, plan, provider or [], repair=repair)
    for name in outcome.created:
        typer.echo(f"created  {name}")
    for difference in outcome.repaired:
        typer.echo(f"repaired {difference.topic}: {difference.text}")
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
