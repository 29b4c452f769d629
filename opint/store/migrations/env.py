"""Run by Alembic for every command: migrations take place in the connection that opint.store.schema gives."""

from alembic import context

from opint.store import (  # noqa: F401 - they have tables of their own
    acceptances,
    accounts,
    alarm_levels,
    caches,
    hotline,
    labels,
    message_classes,
    messages,
    notices,
    outbox,
    placement,
    popularity,
    shifts,
    short_faults,
    silences,
    suggestions,
    workflow_decisions,
    workflows,
)
from opint.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
