"""What makes a network: known blur, training, evaluation. Needs the extra ``train``."""
