"""What is alike and why: arrays in, arrays out, with no knowledge of storage or of a console."""
