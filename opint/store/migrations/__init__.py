"""Alembic's migrations: how the tables of every release became those of the next."""
