"""Side by side with what a user would pick instead; see ``docs/benchmarks.md``."""
