import torch
import torch.nn as nn


class Model(nn.Module):
    """Two layers of the same kind."""

    def forward(self, x, a, b):
        return torch.relu(torch.relu(x + a) - b)


def get_inputs():
    return [torch.randn(12, 70), torch.randn(70), torch.randn(70)]


def get_init_inputs():
    return []
