"""`datasets` as submissions find it beside the official program."""

from _replica import publish

publish(globals(), "ingestion_test.official.datasets")
