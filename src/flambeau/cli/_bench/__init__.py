"""What `flambeau bench` runs: the cases, the peers, the measuring, the tables."""
