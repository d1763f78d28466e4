import torch
import torch.nn as nn


class Model(nn.Module):
    """Largest of each column of an int32 matrix."""

    def forward(self, x):
        return x.amax(dim=0)


def get_inputs():
    return [torch.randint(0, 1000, (40, 36), dtype=torch.int32)]


def get_init_inputs():
    return []
