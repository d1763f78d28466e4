import torch
import torch.nn as nn


class Model(nn.Module):
    """C[i] = A[i] B[i]."""

    def forward(self, a, b):
        return torch.bmm(a, b)


def get_inputs():
    return [torch.randn(4, 32, 48), torch.randn(4, 48, 24)]


def get_init_inputs():
    return []
