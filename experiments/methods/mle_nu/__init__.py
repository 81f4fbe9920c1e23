"""The paper's alternative (app. E): the classifier reads the nuisance parameters, which are fitted to the events."""
