import torch
import torch.nn as nn
import torch.nn.functional as F


class Model(nn.Module):
    """silu(left half) times right half."""

    def forward(self, x):
        left, right = x.chunk(2, dim=-1)
        return F.silu(left) * right


def get_inputs():
    return [torch.randn(20, 88)]


def get_init_inputs():
    return []
