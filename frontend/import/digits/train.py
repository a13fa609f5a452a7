# SPDX-License-Identifier: Apache-2.0
"""Trains the digits models and writes digits_*.h5 and digits_accuracy.json.

    /usr/bin/python3 frontend/import/digits/train.py [--out traces/models] [--only NAME,...]
"""

import argparse
import json
import os
import sys
import time

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn import functional as F

import export
import modelfile
import reference
from quant import DigitsNet
from topology import INPUT, VARIANTS, quantise_pixels

SEED = 2024
TEST_IMAGES = 360
BATCH = 64
FLOAT_EPOCHS = 30
QUANT_EPOCHS = 30
PRODUCER = "tactus frontend/import/digits 1 (PyTorch training, NumPy integer reference)"


def load_data():
    """Pixels 0..16 as [N,1,8,8] integers and labels: train and test."""
    digits = load_digits()
    pixels = digits.images.astype(np.int64).reshape(-1, 1, 8, 8)
    a, b, la, lb = train_test_split(pixels, digits.target, test_size=TEST_IMAGES,
                                    random_state=SEED, stratify=digits.target)
    return (a, la), (b, lb)


def real_values(integers, variant):
    return torch.from_numpy(integers - variant.input_zero_point).double() * variant.input_scale


def shifted(pixels, generator):
    """Each image moved by at most one pixel (blank edge), a third of them left alone per axis."""
    moved = np.zeros_like(pixels)
    for k, (dy, dx) in enumerate(generator.integers(-1, 2, size=(len(pixels), 2))):
        moved[k, :, max(dy, 0):8 + min(dy, 0), max(dx, 0):8 + min(dx, 0)] = \
            pixels[k, :, max(-dy, 0):8 + min(-dy, 0), max(-dx, 0):8 + min(-dx, 0)]
    return moved


def train_epochs(net, data, epochs, rate, step_rate, generator):
    pixels, labels = data
    targets = torch.from_numpy(labels)
    steps = [p for name, p in net.named_parameters() if name.endswith("log_step")]
    others = [p for name, p in net.named_parameters() if not name.endswith("log_step")]
    optimizer = torch.optim.Adam([{"params": others, "lr": rate},
                                  {"params": steps, "lr": step_rate}])
    per_epoch = -(-len(pixels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [rate, step_rate], total_steps=epochs * per_epoch, pct_start=0.2)
    for _ in range(epochs):
        moved = quantise_pixels(shifted(pixels, generator), net.variant)
        x = real_values(moved, net.variant).float()
        order = torch.from_numpy(generator.permutation(len(pixels)))
        for batch in order.split(BATCH):
            logits = net(x[batch]).flatten(1)
            loss = F.cross_entropy(logits, targets[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def count_correct(net, x, labels):
    with torch.no_grad():
        return int((net(x).flatten(1).argmax(1).numpy() == labels).sum())


def agreement(net, values, model, integers):
    """Per layer, the share of stored integers equal to those of the fake-quantised network."""
    shares = {}
    with torch.no_grad():
        floats = net.run(values)
        for layer in model["layers"][:-1]:
            ident = layer["id"]
            q = torch.round(floats[ident] / net.step_of(ident)) + layer["out_zero_point"]
            shares[ident] = float((q.numpy() == integers[ident]).mean())
    return shares


def build(variant, train, test, out):
    torch.manual_seed(SEED)
    generator = np.random.default_rng(SEED)
    start = time.time()
    net = DigitsNet(variant)
    net.train()
    train_epochs(net, train, FLOAT_EPOCHS, 0.01, 0.0, generator)
    net.eval()
    test_q = quantise_pixels(test[0], variant)
    test_x = real_values(test_q, variant)
    float_correct = count_correct(net, test_x.float(), test[1])
    net.quantise(real_values(quantise_pixels(train[0], variant), variant).float())
    start_correct = count_correct(net, test_x.float(), test[1])
    train_epochs(net, train, QUANT_EPOCHS, 0.002, 0.002, generator)
    net.double()
    fake_correct = count_correct(net, test_x, test[1])

    model = export.model_of(net, PRODUCER)
    tensors = reference.run(model, test_q)
    correct = reference.correct(model, test_q, test[1])
    shares = agreement(net, test_x, model, tensors)
    bound = reference.accumulator_bound(model)
    print(f"{variant.name}: correct of {len(test[1])}: float {float_correct}, calibrated "
          f"{start_correct}, fake-quantised {fake_correct}, integer {correct}; "
          f"lowest agreement per layer {min(shares.values()):.6f}; |acc| at most {bound} "
          f"({bound.bit_length() + 1} bits); {time.time() - start:.0f} s", flush=True)
    if abs(fake_correct - correct) > 2 or min(shares.values()) < 0.9999:
        raise SystemExit(f"{variant.name}: integers and fake quantisation disagree: {shares}")
    if bound >= 1 << 23:
        raise SystemExit(f"{variant.name}: an accumulator needs more than 24 bits")
    golden = [{i: t[k] for i, t in tensors.items()} for k in range(variant.golden_images)]
    modelfile.write(os.path.join(out, f"{variant.name}.h5"), model, golden, (test_q, test[1]))
    return {"correct": correct, "count": len(test[1])}


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=os.path.join(root, "traces", "models"))
    parser.add_argument("--only", default=",".join(VARIANTS), help="names, comma-separated")
    args = parser.parse_args()
    out = args.out
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    train, test = load_data()
    path = os.path.join(out, "digits_accuracy.json")
    results = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            results = json.load(f)
    for name in args.only.split(","):
        results[name] = build(VARIANTS[name], train, test, out)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(results, f, indent=2, sort_keys=True)
        f.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
