"""The use cases, in domain words. Effects go through the ports in `ports.py`."""
