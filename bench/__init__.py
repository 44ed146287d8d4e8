"""Benchmarks of the whole system: `make bench`, or `make bench ONLY=start` for one of them."""
