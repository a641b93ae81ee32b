"""The reader of live PyTorch modules: trace, lower, compare training with evaluation."""
