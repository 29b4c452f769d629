"""Reports of failing workflows, about which recovery actions are suggested."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from conf.settings import Settings
from conf.stream import KafkaSettings
from opint.consumer.kind import Check, HandlerFactory, StreamKind

if TYPE_CHECKING:
    from opint.store.engine import Store
    from streams.codecs.workflows import WorkflowLimits
    from streams.source import Message
    from streams.workflows import FailureReport

NAME = "workflows"


class WorkflowKind(StreamKind["FailureReport"]):
    """Watched where ``actions.watch`` is set."""

    name = NAME
    contents = "failing workflows"

    def watched(self, settings: Settings) -> bool:
        """As ``actions.watch`` says."""
        return settings.actions.watch

    def kafka(self, settings: Settings) -> KafkaSettings:
        """The topic of ``actions`` on the broker of the histograms."""
        return settings.kafka_of(settings.actions)

    def record_type(self) -> "type[FailureReport]":
        """:class:`FailureReport`."""
        from streams.workflows import FailureReport

        return FailureReport

    def limits(self, settings: Settings) -> "WorkflowLimits":
        """How large a message may be, and how many tasks, numbers and error messages it may hold."""
        from streams.codecs.workflows import WorkflowLimits

        actions = settings.actions
        return WorkflowLimits(
            settings.stream.max_message_bytes, actions.max_tasks, actions.max_errors, actions.max_messages
        )

    def decoder(self, settings: Settings) -> "Callable[[Message], FailureReport]":
        """Decodes a report."""
        from streams.codecs.workflows import decode_workflows

        return partial(decode_workflows, limits=self.limits(settings))

    def prepare(self, settings: Settings, store: "Store") -> HandlerFactory:
        """Load what suggests actions."""
        from opint.actions.handler import workflow_handler
        from opint.actions.predictors import open_predictors

        predictors, decode = open_predictors(settings), self.decoder(settings)
        return lambda source, metrics, name: workflow_handler(
            settings, store, predictors, decode, source, metrics, name
        )

    def checks(self, settings: Settings) -> Iterator[Check]:
        """The model, and the source."""
        yield f"{self.name} model", partial(self.check_model, settings)
        yield from super().checks(settings)

    def check_model(self, settings: Settings) -> str:
        """Its name and version; that the rules suggest where there is none."""
        from opint.actions.predictors import open_predictors

        predictors = open_predictors(settings)
        if predictors.rules is None:
            return f"no model {settings.actions.model} is trained: the rules of the recovery table suggest actions"
        return f"{settings.actions.model}, version {predictors.shown.version[:12]}"
