"""The upload to Codabench: the zip is built here and checked as Codabench would run it."""
