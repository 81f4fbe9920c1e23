"""The model of one measurement for pyhf and cabinetry."""
