"""What the bot shows of itself to whoever runs it: health, readiness, metrics. Nobody here decides anything.

`metrics` holds the numbers, `readiness` asks whether it can work, `server` answers both on a port of its own,
`pulse` feels whether the event loop keeps up. The other parts know none of it: `app` gives them callables.
"""
