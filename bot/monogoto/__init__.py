"""Everything that knows the vendor: paths, spellings, log-in, and what its answers mean."""
