"""Everything that knows Slack: commands, views, actions, blocks, roles, transports."""
