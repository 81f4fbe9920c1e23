"""Export of the model of one measurement to pyhf and cabinetry: docs/export.md."""
