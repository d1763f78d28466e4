"""Times two files against each other on a GPU: pairs, intervals, and a test that says when to stop."""
