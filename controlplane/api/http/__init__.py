"""HTTP around the registry: paths, parameters, bodies, representations, streams of events."""
