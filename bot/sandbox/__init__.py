"""A local Slack and a local Monogoto over real HTTP on 127.0.0.1: what the demo and the tests run against."""
