"""Trigger rates: a message is a whole lumisection."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from conf.settings import Settings
from conf.stream import KafkaSettings
from opint.consumer.kind import HandlerFactory, Progress, RecordedKind

if TYPE_CHECKING:
    import numpy as np

    from dqm.rates.levels.model import LevelModel
    from opint.store.engine import Store
    from streams.codecs.limits import MessageLimits
    from streams.codecs.rates import RateLimits
    from streams.errors import DecodeError
    from streams.files.source import FileSource
    from streams.records import TriggerRates
    from streams.source import Message

NAME = "rates"


class RateKind(RecordedKind["TriggerRates"]):
    """Watched where ``rates.watch`` is set."""

    name = NAME
    contents = "trigger rates"
    trained_as = "rates"
    files_help = "Recordings of good trigger rates, or tables (CSV, Parquet)."
    training_help = """Learn from good lumisections how trigger rates follow pileup and each other, and how far they go.

    The files are taken as they come and must be in the order of time. At least 200 lumisections with stable beams are
    needed, of several fills and prescale columns. Where all prescales and the seeds of paths are told, the earlier part
    trains and the later part calibrates; otherwise each rate is judged by itself, and what is printed says how far each
    scatters. The bundle is written to dqm.models under the name rates.model and takes effect when the daemon is started
    again.
    """
    default_bundle = "rates.model"
    acceptable = frozenset({"path", "several-rates"})

    def watched(self, settings: Settings) -> bool:
        """As ``rates.watch`` says."""
        return settings.rates.watch

    def kafka(self, settings: Settings) -> KafkaSettings:
        """The topic of ``rates`` on the broker of the histograms."""
        return settings.kafka_of(settings.rates)

    def record_type(self) -> "type[TriggerRates]":
        """:class:`TriggerRates`."""
        from streams.records import TriggerRates

        return TriggerRates

    def limits(self, settings: Settings) -> "RateLimits":
        """How large a message may be, and of how many seeds and paths it may hold rates."""
        from streams.codecs.rates import RateLimits

        return RateLimits(settings.stream.max_message_bytes, settings.rates.max_rates)

    def decoder(self, settings: Settings) -> "Callable[[Message], TriggerRates]":
        """Decodes one lumisection."""
        from streams.codecs.rates import decode_rates

        return partial(decode_rates, limits=self.limits(settings))

    def prepare(self, settings: Settings, store: "Store") -> HandlerFactory:
        """Load the model that judges."""
        from opint.triggers.handler import load_rates, rate_handler

        pipeline, decode = load_rates(settings, store), self.decoder(settings)
        return lambda source, metrics, name: rate_handler(settings, store, pipeline, decode, source, metrics, name)

    def check_model(self, settings: Settings) -> str:
        """Its name and version."""
        from dqm.rates.levels.model import LevelModel
        from opint.triggers.handler import rate_bundle

        bundle = rate_bundle(settings)
        unjudged = bundle.model.unjudged() if isinstance(bundle.model, LevelModel) else {}
        without = "".join(f"; {_rate(name)} has no model: {why}" for name, why in unjudged.items())
        return f"{settings.rates.model}, version {bundle.version[:12]}{without}"

    def holds(self, path: Path, columns: Sequence[str]) -> bool:
        """Recordings and tables with a column of rates."""
        from streams.files import rate_table

        return "rate_hz" in columns or rate_table.is_table(path)

    def read(self, path: Path, settings: Settings) -> "Iterator[TriggerRates | DecodeError]":
        """Recordings and tables."""
        from streams.codecs.rates import decode_arrow
        from streams.files import rate_table
        from streams.files.arrow_file import read_with

        if path.suffix.lower() in rate_table.SUFFIXES:
            return rate_table.read(path, self.limits(settings))
        return read_with(decode_arrow, path, self.limits(settings))

    def file_source(self, paths: Sequence[Path], settings: Settings) -> "FileSource":
        """Messages as they were recorded; those of a table are encoded for it."""
        from opint.recordings import limits
        from streams.codecs.rates import encode_arrow
        from streams.errors import DecodeError
        from streams.files import rate_table
        from streams.files.arrow_file import messages
        from streams.files.source import FileSource

        def read(path: Path, byte_limit: "MessageLimits") -> "Iterator[bytes | DecodeError]":
            if path.suffix.lower() not in rate_table.SUFFIXES:
                yield from messages(path, byte_limit)
                return
            for record in rate_table.read(path, self.limits(settings)):
                yield record if isinstance(record, DecodeError) else encode_arrow(record)

        return FileSource(paths, limits(settings.stream), time.time, read=read)

    def bundle(self, settings: Settings) -> str:
        """As ``rates.model`` says."""
        return settings.rates.model

    def train(
        self,
        records: "Iterable[TriggerRates]",
        name: str,
        settings: Settings,
        rng: "np.random.Generator",
        progress: Progress,
        now_s: float,
    ) -> Sequence[str]:
        """Learn from rates in the order of time."""
        from dqm.rates.levels.model import LevelModel
        from dqm.rates.train import train

        rates, folder = settings.rates.model_copy(update={"model": name}), settings.dqm.models / name
        bundle = train(records, folder, rates, rng, progress, now_s)
        learned, calibrated = bundle.manifest["lumisections"]
        if isinstance(bundle.model, LevelModel):
            begin = f"{folder}: version {bundle.version[:12]} from {learned} lumisections, each rate by itself"
            return [begin, *_learned(bundle.model)]
        return [f"{folder}: version {bundle.version[:12]} from {learned} lumisections, calibrated on {calibrated}"]


def _learned(model: "LevelModel") -> Iterator[str]:
    """Columns that are known, and what each rate follows, or why it has no model."""
    yield f"prescale columns: {', '.join(column or 'none told' for column in model.quadratic.columns)}"
    unjudged = model.unjudged()
    for name, spread, scales in zip(model.menu.names, model.spread, model.quadratic.scales, strict=True):
        follows = "luminosity" if scales else "live time"
        fits = f"follows {follows}, scatters by {spread:.1%} beside counting"
        yield f"{_rate(name)}: {f'no model, {unjudged[name]}' if name in unjudged else fits}"


def _rate(element: str) -> str:
    """The name of a rate, of its element in the folder of its seed."""
    return element.rpartition("/")[2]
