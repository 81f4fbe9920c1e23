"""From events to artifacts: what the submission carries is trained here."""
