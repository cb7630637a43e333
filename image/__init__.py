"""Building, checking and running the container image without a Docker daemon."""
