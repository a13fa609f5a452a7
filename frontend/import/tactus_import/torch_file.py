# SPDX-License-Identifier: Apache-2.0
"""Reads tensors out of files that torch.save wrote (zip form) without PyTorch and without running
anything that the file names: only tensors, containers and numbers are rebuilt."""

import collections
import pickle
import zipfile

import numpy as np

from .problem import ImportProblem

STORAGES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2",
            "LongStorage": "<i8", "IntStorage": "<i4", "ShortStorage": "<i2", "CharStorage": "i1",
            "ByteStorage": "u1", "BoolStorage": "?"}


class _Storage:
    def __init__(self, kind):
        self.kind = kind


def _rebuild_tensor(storage, offset, size, stride, *_):
    size, stride = tuple(size), tuple(stride)
    last = offset + sum((n - 1) * s for n, s in zip(size, stride)) if all(size) else offset
    if min((offset, *stride, *size), default=0) < 0 or (all(size) and last >= storage.size):
        raise pickle.UnpicklingError("a tensor reaches over its storage")
    steps = tuple(s * storage.itemsize for s in stride)
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False).copy()


def _rebuild_parameter(data, *_):
    return data


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, archive, prefix):
        super().__init__(file)
        self.archive, self.prefix = archive, prefix

    def find_class(self, module, name):
        if module == "torch" and name in STORAGES:
            return _Storage(STORAGES[name])
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_tensor"):
            return _rebuild_tensor
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _rebuild_parameter
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no tensor")

    def persistent_load(self, pid):
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise pickle.UnpicklingError("an object is stored outside that is no tensor")
        data = self.archive.read(f"{self.prefix}/data/{pid[2]}")
        return np.frombuffer(data, np.dtype(pid[1].kind))


def load(path):
    """What torch.save was given, tensors as arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith("/data.pkl")]
            if len(names) != 1:
                raise ImportProblem(f"{path} holds no saved tensors", path)
            prefix = names[0][:-len("/data.pkl")]
            with archive.open(names[0]) as file:
                return _Unpickler(file, archive, prefix).load()
    except zipfile.BadZipFile as error:
        raise ImportProblem(f"{path} is no file that torch.save wrote (zip form)", path) from error
    except (pickle.UnpicklingError, KeyError, EOFError, ValueError, TypeError, IndexError,
            AttributeError) as error:
        text = str(error).split("\n", maxsplit=1)[0]
        raise ImportProblem(f"{path} cannot be read: {text}", path) from error
