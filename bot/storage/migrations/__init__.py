"""The steps from one version's tables to the next, run by `bot.storage.engine.migrate`."""
