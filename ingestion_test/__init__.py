"""The FAIR Universe HiggsML challenge, replicated: events, systematics, pseudo-experiments, ingestion, scoring."""
