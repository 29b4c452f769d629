"""Histograms: parts of lumisections from a topic or a folder, the kind that every daemon watches."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from conf.errors import NightshiftError
from conf.settings import Settings
from conf.stream import KafkaSettings
from opint.consumer.kind import HandlerFactory, Progress, RecordedKind

if TYPE_CHECKING:
    import numpy as np

    from opint.store.engine import Store
    from streams.codecs.limits import Limits
    from streams.errors import DecodeError
    from streams.files.source import FileSource
    from streams.records import HistogramBatch
    from streams.source import Message, Source

NAME = "histograms"


class HistogramKind(RecordedKind["HistogramBatch"]):
    """Watched by every daemon; read from a folder where ``stream.source`` says so."""

    name = NAME
    contents = "histograms"
    acceptable = frozenset({"content", "moved"})
    trained_as = "histograms"
    files_help = "Good lumisections: recordings, UHI/DIALS JSON, CSV, ROOT, Parquet."
    training_help = """Learn references, autoencoders and calibration from good lumisections.

    Runs that calibrate are never those that were learned from; of few runs all do both in turn. How many there were and
    what they can tell is printed. Where each run holds one histogram, whole runs are learned. With --labels that call
    20 runs or more bad, a supervised head learns from these, and is kept if it catches more of the bad ones that it has
    not seen than what needs no labels, at the same false alarms; both figures are printed. The bundle is written to
    dqm.models under the name dqm.model and takes effect when the daemon is started again. Under another name (--as) it
    judges nothing until it is set to run in shadow (dqm.shadow) or promoted.
    """
    default_bundle = "dqm.model"
    selects_lumisections = True

    def watched(self, settings: Settings) -> bool:
        """Always."""
        del settings
        return True

    def kafka(self, settings: Settings) -> KafkaSettings:
        """As ``stream.kafka`` says."""
        return settings.stream.kafka

    def record_type(self) -> "type[HistogramBatch]":
        """:class:`HistogramBatch`."""
        from streams.records import HistogramBatch

        return HistogramBatch

    def limits(self, settings: Settings) -> "Limits":
        """How large a message may be, and how many histograms and bins it may hold."""
        from opint.recordings import limits

        return limits(settings.stream)

    def decoder(self, settings: Settings) -> "Callable[[Message], HistogramBatch]":
        """Takes what a file reader has decoded as it is."""
        from streams.codecs import decode

        return partial(decode, limits=self.limits(settings))

    def open_source(self, settings: Settings) -> "Source":
        """The broker, read by a process of its own, or the folder that the settings name."""
        stream = settings.stream
        if stream.source == "folder":
            from streams.files.source import FolderSource

            folder = stream.folder
            read = self._reader(settings)
            return FolderSource(
                folder.path, folder.pattern, folder.settle_s, self.limits(settings), time.time, read=read
            )
        from streams.kafka import KafkaSource
        from streams.subprocess_source import SubprocessSource

        # Half of the time that the broker waits: so another consumer has the partitions in it, whichever half stops.
        return SubprocessSource(partial(KafkaSource, stream.kafka), stream.kafka.session_timeout_s / 2)

    def prepare(self, settings: Settings, store: "Store") -> HandlerFactory:
        """Load the model that judges and the one in shadow."""
        from opint.histograms.handler import histogram_handler, load_pipeline, load_shadow

        pipeline, shadow = load_pipeline(settings, store), load_shadow(settings, store)
        return lambda source, metrics, name: histogram_handler(settings, store, pipeline, source, metrics, name, shadow)

    def check_model(self, settings: Settings) -> str:
        """Its name, version, and what it can tell."""
        from opint.histograms.handler import describe_model
        from opint.store.engine import Store

        return describe_model(settings, Store.open(settings.database.url.get_secret_value()))

    def check_source(self, settings: Settings) -> str:
        """The topic, or the folder."""
        if settings.stream.source != "folder":
            return super().check_source(settings)
        path = settings.stream.folder.path
        if not path.is_dir():
            raise NightshiftError(f"{path} is not a folder; create it or set stream.folder.path")
        if not os.access(path, os.R_OK | os.X_OK):
            raise NightshiftError(f"{path} may not be read by this user; change its permissions")
        return f"folder {path}, {sum(1 for _ in path.iterdir())} files"

    def holds(self, path: Path, columns: Sequence[str]) -> bool:
        """Any file that no other kind takes for its own."""
        del path, columns
        return True

    def read(self, path: Path, settings: Settings) -> "Iterator[HistogramBatch | DecodeError]":
        """Files of any format, laid out as the settings say."""
        return self._reader(settings)(path, self.limits(settings))

    def file_source(self, paths: Sequence[Path], settings: Settings) -> "FileSource":
        """Histograms as the readers decode them."""
        from streams.files.source import FileSource

        return FileSource(paths, self.limits(settings), time.time, read=self._reader(settings))

    def _reader(self, settings: Settings) -> "Callable[[Path, Limits], Iterator[HistogramBatch | DecodeError]]":
        from streams.files import read_file
        from streams.files.layout import FileLayout

        return partial(read_file, layout=FileLayout.of(settings.stream.files))

    def bundle(self, settings: Settings) -> str:
        """As ``dqm.model`` says."""
        return settings.dqm.model

    def train(
        self,
        records: "Iterable[HistogramBatch]",
        name: str,
        settings: Settings,
        rng: "np.random.Generator",
        progress: Progress,
        now_s: float,
    ) -> Sequence[str]:
        """Learn from batches in any order."""
        from dqm.histograms.pipeline import Pipeline
        from dqm.histograms.resolution import resolutions
        from dqm.histograms.train import train

        batches = sorted(records, key=lambda batch: (batch.key, batch.subsystem))
        dqm, folder = settings.dqm.model_copy(update={"model": name}), settings.dqm.models / name
        bundle = train(batches, folder, dqm, rng, progress, now_s)
        lines = [f"{folder}: version {bundle.version[:12]}"]
        for period in ("training", "calibration"):
            used = bundle.manifest[period]
            if not used["lumisections"]:
                lines.append(f"{period}: none")
                continue
            extent = f"{used['lumisections']} lumisections of {used['runs']} runs, {used['first']} to {used['last']}"
            lines.append(f"{period}: {extent}")
        reached = resolutions(bundle, Pipeline(bundle, dqm, settings.alerts).thresholds)
        return [*lines, *(resolution.sentence() for resolution in reached)]

    def supervise(
        self, good: "Sequence[HistogramBatch]", bad: "Sequence[HistogramBatch]", name: str, settings: Settings
    ) -> Sequence[str]:
        """Learn a supervised head of each subsystem, and keep those that pay."""
        from dqm.histograms.bundle import load, save
        from dqm.histograms.head_training import learn_heads

        folder = settings.dqm.models / name
        bundle = load(folder)
        learned, lines = learn_heads(bundle, good, bad, settings.dqm, settings.alerts)
        if learned is bundle:
            return lines
        return [*lines, f"{folder}: with it, version {save(learned, folder).version[:12]}"]
