import torch
import torch.nn as nn


class Model(nn.Module):
    """C[i] = A[i] B[i]."""

    def forward(self, a, b):
        return torch.bmm(a, b)


def get_inputs():
    return [torch.randn(3, 20, 36), torch.randn(3, 36, 18)]


def get_init_inputs():
    return []
