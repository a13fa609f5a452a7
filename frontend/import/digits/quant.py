# SPDX-License-Identifier: Apache-2.0
"""Fake quantisation with learned step sizes, and the network that trains through it."""

import torch
from torch import nn
from torch.nn import functional as F

from topology import INPUT, limits, pruned, weight_limits, weight_of


def round_mode(x, mode):
    """Nearest integer with the named treatment of ties.

    Values are first put on a fine grid, so that a true tie, such as a mean of four integers that
    ends in 1/2, is not decided by the last bit of a floating-point scale.
    """
    grid = 2.0 ** (16 if x.dtype == torch.float32 else 30)
    x = torch.round(x * grid) / grid
    if mode == "half_even":
        return torch.round(x)
    if mode == "half_up":
        return torch.floor(x + 0.5)
    if mode == "half_away":
        return torch.sign(x) * torch.floor(torch.abs(x) + 0.5)
    raise ValueError(f"rounding mode {mode} is not used by the digits models")


def ste_round(x, mode="half_even"):
    """round_mode with the gradient of the identity."""
    return x + (round_mode(x, mode) - x).detach()


def mult_and_exponent(scale, bits):
    """Whole mult below 2^(bits-1) and e with mult * 2^e nearest to scale > 0, elementwise."""
    mantissa, exponent = torch.frexp(scale.detach())
    mult = torch.round(mantissa * 2 ** (bits - 1))
    overflow = mult == 2 ** (bits - 1)
    return torch.where(overflow, mult / 2, mult), exponent + overflow.int() - (bits - 1)


def scale_error(scale, bits):
    """What the hardware's factor is too large by, as a ratio (1 if exact)."""
    mult, exponent = mult_and_exponent(scale, bits)
    return torch.ldexp(mult, exponent) / scale.detach()


def best_step(rows, low, high):
    """Per row, the step of the least squared rounding error among fractions of the full range."""
    peak = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-4)
    best, best_error = None, None
    for fraction in torch.linspace(0.4, 1.0, 25):
        step = peak * fraction / high
        error = ((rows / step).round().clamp(low, high) * step - rows).pow(2).sum(1, keepdim=True)
        if best is None:
            best, best_error = step, error
        else:
            best = torch.where(error < best_error, step, best)
            best_error = torch.minimum(error, best_error)
    return best.flatten()


class Activation(nn.Module):
    """One activation tensor: q = clamp(round(x / step) + zero_point)."""

    def __init__(self, spec, relu):
        super().__init__()
        self.bits, self.signed, self.rounding, self.relu = (spec.bits, spec.signed, spec.rounding,
                                                            relu)
        self.fixed_zero_point = spec.zero_point
        self.register_buffer("zero_point", torch.zeros(()))
        self.log_step = nn.Parameter(torch.zeros(()))

    def calibrate(self, x):
        """Step (and zero point, if free) from the values seen on x."""
        low, high = limits(self.bits, self.signed)
        if self.fixed_zero_point is None:
            a, b = min(x.min().item(), 0.0), max(x.max().item(), 0.0)
            step = (b - a) / (high - low)
            self.zero_point.fill_(round(low - a / step))
        else:
            self.zero_point.fill_(self.fixed_zero_point)
            room = high - self.fixed_zero_point
            rows = (x.clamp(min=0) if self.relu else x).reshape(1, -1)
            if self.bits >= 8:
                step = rows.abs().max().item() / room
            else:
                step = best_step(rows, low - self.fixed_zero_point, room).item()
        self.log_step.data.fill_(step).log_()

    def clamp_range(self):
        low, high = limits(self.bits, self.signed)
        return (max(low, int(self.zero_point)) if self.relu else low), high

    def integers(self, x):
        """The stored integers, as floating-point numbers, differentiable."""
        low, high = self.clamp_range()
        q = ste_round(x / self.log_step.exp(), self.rounding) + self.zero_point
        return q.clamp(low, high)

    def forward(self, x):
        return (self.integers(x) - self.zero_point) * self.log_step.exp()


def strongest(weight, n, m):
    """1 for the n weights of largest magnitude among m neighbouring input channels of a tap."""
    rows = weight.reshape(len(weight), weight.shape[1], -1).transpose(1, 2)
    mask = torch.ones_like(rows)
    for first in range(0, rows.shape[2], m):
        block = rows[:, :, first:first + m].abs()
        rank = block.argsort(dim=2, descending=True, stable=True).argsort(dim=2)
        mask[:, :, first:first + m] = (rank < n).to(weight.dtype)
    return mask.transpose(1, 2).reshape(weight.shape)


class Weighted(nn.Module):
    """A convolution or a linear layer: float with batch norm first, quantised after fold()."""

    def __init__(self, node, variant):
        super().__init__()
        self.node, self.folded = node, False
        self.spec, self.nm = weight_of(variant, node.id), pruned(variant, node)
        self.is_conv = node.op == "conv2d"
        shape = ((node.cout, node.cin // node.groups, node.kernel, node.kernel) if self.is_conv
                 else (node.cout, node.cin))
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        self.bias = nn.Parameter(torch.zeros(node.cout))
        self.norm = nn.BatchNorm2d(node.cout) if self.is_conv else None
        # The logits share one step: they are compared with one another as raw accumulators.
        self.log_step = nn.Parameter(torch.zeros(node.cout if self.is_conv else 1))
        self.register_buffer("mask", torch.ones(shape))

    def fold(self):
        """Batch norm into weight and bias, pruning, then a first step size per output channel."""
        if self.norm is not None:
            gain = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
            self.bias.data = (self.norm.bias - gain * self.norm.running_mean).detach()
            self.weight.data = (self.weight * gain.reshape(-1, 1, 1, 1)).detach()
            self.norm = None
        if self.nm is not None:
            self.mask.copy_(strongest(self.weight.data, *self.nm))
            self.weight.data *= self.mask
        rows = self.weight.data.reshape(self.log_step.numel(), -1)
        if self.spec.range == "bipolar":
            self.log_step.data = rows.abs().mean(dim=1).clamp(min=1e-4).log()
        else:
            self.log_step.data = best_step(rows, *weight_limits(self.spec)).log()
        self.folded = True

    def step(self):
        return self.log_step.exp()

    def weight_integers(self):
        step = self.step().reshape([-1] + [1] * (self.weight.dim() - 1))
        scaled = (self.weight / step).clamp(*weight_limits(self.spec))
        if self.spec.range == "bipolar":
            sign = torch.where(scaled < 0, -torch.ones_like(scaled), torch.ones_like(scaled))
            return scaled + (sign - scaled).detach()
        return ste_round(scaled) * self.mask

    def apply_weight(self, x, weight, bias):
        if self.is_conv:
            return F.conv2d(x, weight, bias, self.node.stride, self.node.padding,
                            groups=self.node.groups)
        return F.linear(x.flatten(1), weight, bias)

    def forward_float(self, x):
        bias = None if self.norm is not None else self.bias
        y = self.apply_weight(x, self.weight, bias)
        return y if self.norm is None else self.norm(y)

    def forward(self, x, input_step, output_step, variant):
        """As the integer machine computes it, with one factor per channel of limited width.

        output_step None: no requantisation follows, the result is the raw accumulator.
        """
        step = self.step()
        unit = (step * input_step).detach()
        error = torch.ones_like(unit)
        if output_step is not None:
            error = scale_error(unit / output_step, variant.mult_bits)
        weight = self.weight_integers() * (step * error).reshape(
            [-1] + [1] * (self.weight.dim() - 1))
        if output_step is None or variant.bias_kind == "bias":
            bias = ste_round(self.bias / unit) * unit * error
        else:
            _, exponent = mult_and_exponent(unit / output_step, variant.mult_bits)
            grid = torch.ldexp(torch.ones_like(unit), exponent) * output_step.detach()
            bias = ste_round(self.bias / grid) * grid
        return self.apply_weight(x, weight, bias)


class DigitsNet(nn.Module):
    """The graph of topology.py for one variant; input is the real value of the input integers."""

    def __init__(self, variant):
        super().__init__()
        self.variant = variant
        self.nodes = variant.nodes
        self.quantised = False
        self.layers = nn.ModuleDict()
        self.acts = nn.ModuleDict()
        for n in self.nodes:
            if n.op in ("conv2d", "linear"):
                self.layers[n.id] = Weighted(n, variant)
            if n.id in variant.tensors:
                self.acts[n.id] = Activation(variant.tensors[n.id], n.relu)
        self.source_of = {n.id: n.inputs[0] for n in self.nodes
                          if n.op == "maxpool" or self.tied(n)}

    def tied(self, node):
        """Whether the node is a mean with the scale of its input."""
        return node.op == "global_avgpool" and self.variant.mean_keeps_scale

    def activation_of(self, ident):
        """The quantiser whose step and zero point the tensor carries; None for the input."""
        if ident == INPUT:
            return None
        if ident in self.source_of:
            return self.activation_of(self.source_of[ident])
        return self.acts[ident]

    def step_of(self, ident):
        act = self.activation_of(ident)
        if act is None:
            return torch.tensor(self.variant.input_scale, dtype=torch.float64)
        return act.log_step.exp()

    def quantise(self, x):
        """Switches from float with batch norm to fake quantisation, calibrated on x."""
        self.eval()
        for layer in self.layers.values():
            layer.fold()
        with torch.no_grad():
            values = self.run(x, calibrate=True)
        self.quantised = True
        return values

    def run(self, x, calibrate=False):
        """All tensors by id. calibrate: float values, and every quantiser is set from them."""
        values = {INPUT: x}
        for n in self.nodes:
            args = [values[i] for i in n.inputs]
            quantise = self.quantised and not calibrate
            if n.op in ("conv2d", "linear"):
                layer = self.layers[n.id]
                if quantise:
                    out_step = self.step_of(n.id) if n.id in self.acts else None
                    y = layer(args[0], self.step_of(n.inputs[0]), out_step, self.variant)
                else:
                    y = layer.forward_float(args[0])
            elif n.op == "add":
                if quantise:
                    args = [x * scale_error(self.step_of(i) / self.step_of(n.id),
                                            self.variant.add_mult_bits)
                            for i, x in zip(n.inputs, args)]
                y = args[0] + args[1]
            elif n.op == "maxpool":
                y = F.max_pool2d(args[0], n.kernel, n.stride, n.padding)
            else:
                y = args[0].mean(dim=(2, 3), keepdim=True)
                if quantise:
                    area = args[0].shape[2] * args[0].shape[3]
                    y = y * scale_error(self.step_of(n.inputs[0]) / self.step_of(n.id) / area,
                                        self.variant.mean_mult_bits)
            if n.id in self.acts:
                act = self.acts[n.id]
                tied = self.tied(n)
                if calibrate:
                    act.calibrate(y)
                if tied:
                    act.log_step.data.copy_(self.step_of(n.id).detach().log())
                    act.zero_point.fill_(int(act.fixed_zero_point))
                if quantise:
                    if tied:
                        step = self.step_of(n.id)
                        q = ste_round(y / step, act.rounding) + act.zero_point
                        y = (q.clamp(*act.clamp_range()) - act.zero_point) * step
                    else:
                        y = act(y)
                elif n.relu:
                    y = F.relu(y)
            values[n.id] = y
        return values

    def forward(self, x):
        return self.run(x)[self.nodes[-1].id]
