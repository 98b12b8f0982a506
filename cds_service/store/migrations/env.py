"""Alembic's entry: runs the steps on the connection, and within the transaction, that it is handed."""

from alembic import context

from cds_service.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    # SQLite can as well, once the transaction was begun by hand, which it was.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
