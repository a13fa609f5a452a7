# SPDX-License-Identifier: Apache-2.0
"""How a tensor of a graph lies in the model's [C,H,W].

A graph reshapes and transposes; most of that only renames axes. A View keeps, for each axis of the
graph's tensor, which parts of the model's three axes it walks: a factor is (axis, inner, size), the
values 0..size-1 times `inner` along model axis 0, 1 or 2. Axes of extent 1 have no factor. A layer
asks for the form that it can read, and data are moved only where they do not have it.
"""

import math

import numpy as np

CANONICAL = {1: (0,), 2: (None, 0), 3: (None, 0, 2), 4: (None, 0, 1, 2)}


def _merged(group):
    """Without factors of size 1; neighbours that continue each other are one."""
    out = []
    for axis, inner, size in group:
        if size == 1:
            continue
        if out and out[-1][0] == axis and out[-1][1] == inner * size:
            out[-1] = (axis, inner, out[-1][2] * size)
        else:
            out.append((axis, inner, size))
    return tuple(out)


class View:
    """Factors of each axis of a graph's tensor, outermost first."""

    def __init__(self, groups):
        self.groups = tuple(_merged(group) for group in groups)

    @staticmethod
    def of(shape):
        """A tensor as graphs with channels first have it: batch, C, (H,) W."""
        shape = tuple(int(n) for n in shape)
        axes = CANONICAL.get(len(shape))
        if axes is None:
            raise ValueError(f"a tensor of rank {len(shape)}")
        if axes[0] is None and shape[0] != 1:
            raise ValueError(f"the batch of {shape[0]} has to be 1")
        return View([() if axis is None else ((axis, 1, n),) for axis, n in zip(axes, shape)])

    @staticmethod
    def tokens(shape):
        """A sequence, channels last: batch, W, C."""
        if shape[0] != 1:
            raise ValueError(f"the batch of {shape[0]} has to be 1")
        return View([(), ((2, 1, shape[1]),), ((0, 1, shape[2]),)])

    @staticmethod
    def heads(shape):
        """Several sequences: batch, head, W, channel; a head's channels follow the last one's."""
        if shape[0] != 1:
            raise ValueError(f"the batch of {shape[0]} has to be 1")
        return View([(), ((0, shape[3], shape[1]),), ((2, 1, shape[2]),), ((0, 1, shape[3]),)])

    def __eq__(self, other):
        return isinstance(other, View) and self.groups == other.groups

    __hash__ = None

    @property
    def shape(self):
        """The graph's extents."""
        return tuple(math.prod(size for _, _, size in group) for group in self.groups)

    @property
    def extents(self):
        """The model's [C,H,W]."""
        out = [1, 1, 1]
        for group in self.groups:
            for axis, _, size in group:
                out[axis] *= size
        return out

    def factors(self):
        """All of them in the order of the graph."""
        return [factor for group in self.groups for factor in group]

    def permuted(self, perm):
        """After a transpose of the graph's axes."""
        return View([self.groups[p] for p in perm])

    def reshaped(self, shape):
        """After a reshape, or None where an axis would begin in the middle of a factor."""
        rest, groups = self.factors(), []
        for need in shape:
            group = []
            while need > 1 and rest:
                axis, inner, size = rest[0]
                if need % size == 0:
                    group.append(rest.pop(0))
                    need //= size
                elif size % need == 0:
                    group.append((axis, inner * (size // need), need))
                    rest[0] = (axis, inner, size // need)
                    need = 1
                else:
                    return None
            if need > 1:
                return None
            groups.append(group)
        return None if rest else View(groups)

    def whole(self, at):
        """The model axis that graph axis `at` is, from end to end; None otherwise."""
        group = self.groups[at]
        if len(group) == 1 and group[0][1] == 1 and group[0][2] == self.extents[group[0][0]]:
            return group[0][0]
        return None

    def to_model(self, array):
        """An array of the graph's shape as [C,H,W]."""
        factors = self.factors()
        order = sorted(range(len(factors)), key=lambda i: (factors[i][0], -factors[i][1]))
        sizes = [size for _, _, size in factors]
        return np.asarray(array).reshape(sizes).transpose(order).reshape(self.extents)

    def replaced(self, at, group):
        """With other factors for graph axis `at`."""
        return View([group if i == at else g for i, g in enumerate(self.groups)])

    def in_one_row(self):
        """The same axes where the plane became one row of columns."""
        _, _, w = self.extents
        return View([[(2, step * w, size) if axis == 1 else (axis, step, size)
                      for axis, step, size in group] for group in self.groups])

    def turned(self, heads):
        """The same axes where channels and columns were exchanged, head by head; None when a head
        begins in the middle of an axis. Height is 1."""
        channels, _, w = self.extents
        inner, groups = channels // heads, []
        for group in self.groups:
            out = []
            for axis, step, size in group:
                if axis == 2:
                    out.append((0, step, size))
                elif step < inner and step * size <= inner:
                    out.append((2, step, size))
                elif step % inner == 0:
                    out.append((0, step // inner * w, size))
                else:
                    return None
            groups.append(out)
        return View(groups)

    def per_channel(self, array):
        """One value, or one per model channel, of an array that broadcasts against the graph's
        shape; None when it varies along other model axes."""
        array = np.asarray(array)
        if array.size == 1:
            return array.reshape(-1)
        full = self.to_model(np.broadcast_to(array, self.shape))
        first = full[:, :1, :1]
        same = np.array_equal(np.broadcast_to(first, full.shape), full)
        return first.reshape(-1) if same else None
