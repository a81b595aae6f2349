"""Who runs approved work. `local` runs it in this process; all state is in rows."""
