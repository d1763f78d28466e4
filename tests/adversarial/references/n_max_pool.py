import torch
import torch.nn as nn


class Model(nn.Module):
    """2x2 max pooling."""

    def __init__(self, size):
        super().__init__()
        self.pool = nn.MaxPool2d(size)

    def forward(self, x):
        return self.pool(x)


def get_inputs():
    return [torch.randn(2, 3, 18, 20)]


def get_init_inputs():
    return [2]
