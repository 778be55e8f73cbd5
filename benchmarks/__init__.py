"""What is fast, how fast, against whom and with what error: each measured in the same run."""
