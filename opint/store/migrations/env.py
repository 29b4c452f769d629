"""Run by Alembic for every command: migrations take place in the connection that opint.store.schema gives."""

from alembic import context

# They have tables of their own.
from opint.store import acceptances, accounts, hotline, labels, placement, popularity, short_faults  # noqa: F401
from opint.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
