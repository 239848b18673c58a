"""Benchmarks: figures beside a peer or a floor of the same run; nothing here passes or fails."""
