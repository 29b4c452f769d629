"""``nightshift deadletters``: messages that could not be used, and a second chance for them."""

import time
from typing import Annotated

import typer

from opint.cli.common import MOST_NUMBER, Config, Limit, Log, open_store, start, stored_text

app = typer.Typer(help="List and replay messages that could not be used.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """List and replay messages that could not be used."""


@app.command("list")
def list_(
    reason: Annotated[
        str | None,
        typer.Option(parser=stored_text, metavar="NAME", help="Only letters with this reason, e.g. bad-json."),
    ] = None,
    limit: Limit = 50,
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Show dead letters, newest first."""
    from rich.console import Console

    from opint.cli.terminal import terminal_table
    from opint.store import deadletters
    from opint.wording import iso

    store = open_store(start(config, log_format))
    with store.read() as tx:
        page = deadletters.list_(tx, reason=reason, limit=limit)
    columns = ("id", "received (UTC)", "from", "why", "bytes", "replayed")
    table = terminal_table(*columns, folding=("from", "why", "replayed"))
    for letter in page.items:
        table.add_row(
            str(letter.id),
            iso(letter.received_s),
            letter.origin,
            letter.detail,
            str(letter.raw_size),
            "" if letter.replayed_s is None else iso(letter.replayed_s),
        )
    Console().print(table if page.items else "No dead letters.")


@app.command()
def replay(
    ids: Annotated[
        list[int],
        typer.Argument(
            min=1, max=MOST_NUMBER, help="Numbers of the letters, as `nightshift deadletters list` shows them."
        ),
    ],
    config: Config = None,
    log_format: Log = None,
) -> None:
    """Publish the stored bytes again, after their cause has been mended.

    A letter whose bytes were cut when it was stored (stream.dead_letter_bytes) is refused.
    """
    from opint.store import deadletters
    from streams.kafka import KafkaPublisher

    settings = start(config, log_format)
    store = open_store(settings)
    with store.read() as tx:
        letters = [deadletters.get(tx, number) for number in ids]
    for letter in letters:
        deadletters.require_whole(letter)
    publisher = KafkaPublisher(settings.stream.kafka)
    known_topics = {settings.cache.topic, settings.rates.topic, settings.hotline.topic}
    try:
        for letter in letters:
            # What came from a file, or from a topic of before, goes to the topic of histograms.
            known_topic = letter.partition.topic in known_topics
            topic = letter.partition.topic if known_topic else settings.stream.kafka.topic
            publisher.publish_bytes(letter.raw, letter.headers, letter.key, topic)
        publisher.flush()
    finally:
        publisher.close()
    with store.begin() as tx:
        for number in ids:
            deadletters.mark_replayed(tx, number, time.time())
    typer.echo(f"published again: {', '.join(map(str, ids))}")
