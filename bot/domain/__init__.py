"""What a lock, a request, a role and an impact are. Standard library only: no I/O, no clock, no JSON."""
