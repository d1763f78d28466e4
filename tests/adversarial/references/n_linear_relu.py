import torch
import torch.nn as nn


class Model(nn.Module):
    """Linear layer, then ReLU."""

    def __init__(self, k, n):
        super().__init__()
        self.linear = nn.Linear(k, n)

    def forward(self, x):
        return torch.relu(self.linear(x))


def get_inputs():
    return [torch.randn(18, 70)]


def get_init_inputs():
    return [70, 36]
