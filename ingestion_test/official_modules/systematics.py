"""`systematics` as submissions find it beside the official program."""

from ingestion_test.systematics import systematics

__all__ = ["systematics"]
