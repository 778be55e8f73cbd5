"""Tables of papers and textbook experiments, each by one command, ours beside theirs."""
