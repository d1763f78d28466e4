import torch
import torch.nn as nn


class Model(nn.Module):
    """Batch normalisation by the running statistics."""

    def __init__(self, n):
        super().__init__()
        self.norm = nn.BatchNorm1d(n)
        self.eval()

    def forward(self, x):
        return self.norm(x)


def get_inputs():
    return [torch.randn(18, 70)]


def get_init_inputs():
    return [70]
