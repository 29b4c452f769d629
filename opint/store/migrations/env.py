"""Run by Alembic for every command: migrations take place in the connection that opint.store.schema gives."""

from alembic import context

from opint.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
