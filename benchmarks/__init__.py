"""Timings and measurements, each beside its alternative: `python -m benchmarks.NAME`."""
