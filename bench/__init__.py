"""How fast the bot is, as ratios within one run: against bare loops that make the same calls."""
