"""Tilewright makes Triton kernels fast and proves that they are still right."""
