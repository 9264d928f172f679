"""What runs a network: fused graphs, backends, camera profiles. Knows nothing of streams."""
