import torch
import torch.nn as nn


class Model(nn.Module):
    def forward(self, x):
        return x ^ 1


def get_inputs():
    return [torch.ones(2**31 + 4096, dtype=torch.int8)]


def get_init_inputs():
    return []
