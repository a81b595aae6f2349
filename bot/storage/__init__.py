"""Everything that knows SQL: tables, store, engine, migrations."""
