"""Alembic's entry: runs the migrations on the connection, and in the transaction, that migrate.py hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table_schema="orchestration")
with context.begin_transaction():
    context.run_migrations()
