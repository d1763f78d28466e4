import torch
import torch.nn as nn


class Model(nn.Module):
    """Batch normalisation by the batch, which updates the running statistics."""

    def __init__(self, n):
        super().__init__()
        self.norm = nn.BatchNorm1d(n)

    def forward(self, x):
        return self.norm(x)


def get_inputs():
    return [torch.randn(40, 18)]


def get_init_inputs():
    return [18]
