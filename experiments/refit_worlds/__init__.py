"""What `Model.fit` is worth where the events are not those that the shipped templates were made from."""
