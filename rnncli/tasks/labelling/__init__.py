"""Label texts by hand: which text next, what its label probably is, and which labels are wrong."""
