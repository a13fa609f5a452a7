#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""explain: the steps of an element lead to the model file's golden value, recomputed here."""
import json
import math
import random
import re
import sys
import unittest

import tool
from tool import MODELS, SCHEMAS, W4A4, W8A8, CliTest

try:
    import h5py
    sys.path.insert(0, str(tool.ROOT / "tests" / "support"))
    import op_zoo
except ImportError:
    h5py = None
try:
    import jsonschema
except ImportError:
    jsonschema = None


@unittest.skipIf(h5py is None, "python3-h5py is not installed")
class Explain(CliTest):
    def life(self, model, layer, element, *more):
        return self.json_of("explain", model, "--preset", "tiny_4", "--layer", layer, "--element",
                            ",".join(map(str, element)), *more)

    def elements(self, file, layer, count):
        """Random elements of a layer: their coordinates and golden values."""
        tensor = file["golden/0"][layer][()]
        tensor = tensor.reshape((*tensor.shape, 1, 1)[:3] if tensor.ndim < 3 else tensor.shape)
        rng = random.Random(f"{file.filename}{layer}".replace(str(MODELS), ""))
        for _ in range(count):
            c, y, x = (rng.randrange(n) for n in tensor.shape)
            yield (0, c, y, x), int(tensor[c, y, x])

    def test_values_are_the_golden_ones(self):
        for model in (W4A4, W8A8):
            with h5py.File(model) as file:
                for layer in file["layers"]:
                    if layer not in file["golden/0"]:
                        continue
                    for element, golden in self.elements(file, layer, 2):
                        with self.subTest(model=model, layer=layer, element=element):
                            self.check(file, layer, self.life(model, layer, element), golden)

    def check(self, file, layer, life, golden):
        self.assertEqual(life["value"], golden)
        self.assertEqual(life["golden"], golden)
        self.assertEqual(life["reference"], golden)
        if jsonschema is not None:
            schema = json.loads((SCHEMAS / "explain.schema.json").read_text(encoding="utf-8"))
            jsonschema.Draft202012Validator(schema).validate(life)
        if life["steps"]:
            self.assertEqual(life["steps"][-1]["value"], golden)
        if life["weights"] is None:
            return
        # Weights come from the place in the file that is named, sums from what is shown.
        weights = file[life["weights"]["dataset"]][()].reshape(-1)
        self.assertEqual(list(file[life["weights"]["dataset"]].shape), life["weights"]["shape"])
        acc = 0
        for fold in life["folds"]:
            for term in fold["terms"]:
                self.assertEqual(int(weights[term["weight_index"]]), term["weight"])
                self.assertEqual(term["product"], term["operand"] * term["weight_operand"])
                if term["padding"]:
                    self.assertEqual(term["operand"], 0)
            self.assertEqual(fold["sum"], sum(term["product"] for term in fold["terms"]))
            acc += fold["sum"]
            self.assertEqual(fold["accumulator"], acc)
        self.assertEqual(life["accumulator"], acc + life["bias"])
        queues = [op["queue"] for op in life["tile_ops"]]
        self.assertIn("compute", queues)
        self.assertIn("post", queues)
        for op in life["tile_ops"]:
            self.assertLess(op["start"], op["retire"])
        inputs = file["golden/0"]
        source = life["reads"]
        tensor = inputs[source][()] if source in inputs else inputs["inputs"][source][()]
        tensor = tensor.reshape((*tensor.shape, 1, 1)[:3] if tensor.ndim < 3 else tensor.shape)
        for term in (t for fold in life["folds"] for t in fold["terms"] if not t["padding"]):
            self.assertEqual(int(tensor[tuple(term["input"])]), term["stored"])

    def test_residual_add(self):
        life = self.life(W8A8, "002_block1_conv2", (0, 3, 2, 4))
        with h5py.File(W8A8) as file:
            self.assertEqual(life["residual"]["layer"], "003_block1_add")
            self.assertEqual(life["residual"]["value"],
                             int(file["golden/0/003_block1_add"][3, 2, 4]))

    def test_text_fits(self):
        for columns in (80, 120):
            text = self.good("explain", W8A8, "--preset", "tiny_4", "--layer", "004_block2_conv1",
                             "--element", "0,5,1,2", columns=columns).stdout
            for word in ("round_shift", "clamp", "compute op", "as the model file", "weights"):
                self.assertIn(word, text)
            for line in text.splitlines():
                self.assertLessEqual(len(line), columns, line)

    def test_refusals(self):
        self.refused("explain", W4A4, saying="--layer")
        self.refused("explain", W4A4, "--layer", "none", "--element", "0,0,0,0", saying="none")
        self.refused("explain", W4A4, "--layer", "000_stem", "--element", "0,0,0", saying="n,c,y,x")
        self.refused("explain", W4A4, "--layer", "000_stem", "--element", "0,99,0,0",
                     saying="16x8x8")


def half_up(value, exponent):
    return (value + (1 << exponent - 1)) >> exponent


def half_even(value, exponent):
    down, rest = value >> exponent, value & (1 << exponent) - 1
    return down + (2 * rest > 1 << exponent or (2 * rest == 1 << exponent and down & 1))


@unittest.skipIf(h5py is None, "python3-h5py is not installed")
class EveryOp(CliTest):
    """Two small networks with every layer op: each is taken apart, and the steps are computed here
    again from what the element's row, operands and constants are in the files."""

    def setUp(self):
        super().setUp()
        self.options = ("--preset", "tiny_4", "--buf.param_kib=32", "--inputs", "random:3")
        self.paths = {name: self.folder / f"{name}.h5" for name in ("images", "sequences")}
        op_zoo.images(self.paths["images"])
        op_zoo.sequences(self.paths["sequences"])

    def life(self, model, layer, element):
        life = self.json_of("explain", self.paths[model], *self.options, "--layer", layer,
                            "--element", "0," + ",".join(map(str, element)))
        if jsonschema is not None:
            schema = json.loads((SCHEMAS / "explain.schema.json").read_text(encoding="utf-8"))
            jsonschema.Draft202012Validator(schema).validate(life)
        self.assertEqual(life["value"], life["reference"])
        return life

    def steps(self, life):
        return {step["name"]: step["value"] for step in life["steps"]}

    def shapes(self, model):
        """Id, op and output shape of each layer; the refusal of a wrong element says the shape."""
        for line in self.json_of("inspect", self.paths[model], *self.options[:3])["layers"]:
            said = tool.tactus("explain", self.paths[model], *self.options, "--layer", line["id"],
                               "--element", "0,99999,0,0").stderr
            shape = re.search(r"its output is (\d+)x(\d+)x(\d+)", said)
            yield line["id"], line["op"], [int(n) for n in shape.groups()]

    def test_every_layer_is_taken_apart(self):
        seen = set()
        rng = random.Random(5)
        for model in self.paths:
            for layer, op, shape in self.shapes(model):
                with self.subTest(layer=layer):
                    life = self.life(model, layer, [rng.randrange(n) for n in shape])
                    self.assertTrue(life["steps"])
                    self.assertEqual(life["steps"][-1]["value"], life["value"])
                    in_place = life["from"] is not None and life["from"]["in_place"]
                    self.assertEqual(not life["tile_ops"], in_place or op in ("flatten", "constant"))
                    for tile in life["tile_ops"]:
                        self.assertLess(tile["start"], tile["retire"])
                    seen.add(op)
        self.assertEqual(len(seen), 26, seen)

    def test_matmul(self):
        life = self.life("sequences", "003_score", (7, 0, 2))
        self.assertEqual((life["reads"], life["second"]), ("000_query", "001_key"))
        # Head 1 has the channels 4 to 7; the result's channel 7 is its column 1.
        terms = [term for fold in life["folds"] for term in fold["terms"]]
        self.assertEqual([term["input"] for term in terms], [[c, 0, 2] for c in range(4, 8)])
        acc = 0
        for term in terms:
            for tensor, element, stored in (("000_query", term["input"], term["stored"]),
                                            ("001_key", [term["input"][0], 0, 1], term["weight"])):
                self.assertEqual(self.life("sequences", tensor, element)["value"], stored)
            self.assertEqual(term["product"], (term["stored"] - 2) * (term["weight"] - 2))
            acc += term["product"]
        self.assertEqual(life["accumulator"], acc)
        self.assertEqual(life["value"], max(-128, min(127, half_even(acc * 700, 15))))
        self.assertIn("compute", [tile["queue"] for tile in life["tile_ops"]])
        # Six terms on four rows are two folds.
        life = self.life("sequences", "007_context", (3, 0, 1))
        self.assertEqual([len(fold["terms"]) for fold in life["folds"]], [4, 2])

    def test_softmax_table(self):
        life = self.life("sequences", "005_softmax_table", (7, 0, 2))
        row = [tap["stored"] for tap in life["window"]]
        with h5py.File(self.paths["sequences"]) as file:
            table = file["layers/005_softmax_table/table"][()].tolist()
        shares = [table[min(max(row) - value, len(table) - 1)] for value in row]
        self.assertEqual([tap["operand"] for tap in life["window"]], shares)
        steps = self.steps(life)
        self.assertEqual(steps["largest"], max(row))
        self.assertEqual(steps["sum"], sum(shares))
        # Against the exact quotient the error is below 1/2 + 2^-22.
        self.assertLess(abs(life["value"] - 255 * shares[1] / sum(shares)), 0.5 + 2**-22)

    def test_softmax_tflite(self):
        life = self.life("sequences", "004_softmax", (8, 0, 3))
        row = [tap["stored"] for tap in life["window"]]
        self.assertEqual(len(row), 6)
        # mult * 2^23 / 2^31 over 2^26 is 0.1 for one step of the input.
        wanted = [math.exp((value - max(row)) * 0.1) for value in row]
        for tap, value in zip(life["window"], wanted):
            self.assertLess(abs(tap["operand"] / 2**31 - value), 1e-6)
        self.assertLessEqual(abs(life["value"] + 128 - 256 * wanted[2] / sum(wanted)), 1)
        life = self.life("sequences", "009_softmax16", (3, 0, 1))
        self.assertEqual(self.steps(life)["sum"], sum(tap["operand"] for tap in life["window"]))

    def test_norms(self):
        for layer, centred in (("010_layernorm", True), ("011_rmsnorm", False)):
            life = self.life("sequences", layer, (3, 0, 1))
            zero = 0 if centred else 2
            row = [tap["stored"] - zero for tap in life["window"]]
            self.assertEqual([tap["operand"] for tap in life["window"]], row)
            n, total = len(row), sum(row) if centred else 0
            variance = n * sum(z * z for z in row) - total**2 + (40 if centred else 0)
            steps = self.steps(life)
            self.assertEqual(steps["variance"], variance)
            self.assertEqual(steps["distance"], n * row[3] - total)
            exact = steps["distance"] / math.sqrt(variance) * 2**20
            self.assertLess(abs(steps["normalised"] - exact), 0.5 + n**0.5 * 2**-8)
            with h5py.File(self.paths["sequences"]) as file:
                group = file[f"layers/{layer}/requant"]
                mult = group["mult"][()].tolist()
                add = group["add"][()].tolist() if "add" in group else [0]
            value = half_even(steps["normalised"] * mult[3 % len(mult)] + add[3 % len(add)], 20)
            self.assertEqual(life["value"], max(-128, min(127, value)))

    def test_movement(self):
        for layer, element, source, place, moved in (
                ("017_upsample", (3, 4, 3), "001_maxpool", [3, 2, 1], True),
                ("018_concat", (9, 1, 2), "017_upsample", [1, 1, 2], False),
                ("019_slice", (2, 1, 1), "018_concat", [8, 2, 3], True),
                ("020_flatten", (40, 0, 0), "019_slice", [3, 1, 1], False),
                ("023_pixel_shuffle", (1, 3, 4), "009_maximum", [5, 1, 2], True),
                ("024_space_to_depth", (17, 1, 1), "010_minimum", [2, 5, 3], True),
                ("025_reshape", (9, 1, 2), "024_space_to_depth", [28, 0, 2], True)):
            with self.subTest(layer=layer):
                life = self.life("images", layer, element)
                self.assertEqual((life["from"]["tensor"], life["from"]["element"]), (source, place))
                self.assertEqual(self.life("images", source, place)["value"], life["value"])
                self.assertEqual(bool(life["tile_ops"]), moved)
        life = self.life("sequences", "006_turned", (7, 0, 2))
        self.assertEqual((life["from"]["tensor"], life["from"]["element"]), ("002_value", [6, 0, 1]))
        self.assertEqual([tile["role"] for tile in life["tile_ops"]], ["loads it", "stores it"])
        with h5py.File(self.paths["sequences"]) as file:
            self.assertEqual(self.life("sequences", "012_fixed", (3, 0, 1))["value"],
                             file["layers/012_fixed/value"][3, 0, 1])

    def test_transposed_convolution(self):
        life = self.life("images", "022_conv_transpose", (1, 2, 2))
        taps = {tuple(term["tap"]): term["input"][1:] for term in life["folds"][0]["terms"]}
        # out[y] takes in[iy] * w[ky] with y = 2 iy - 1 + ky.
        self.assertEqual(taps, {(1, 1): [1, 1]})
        life = self.life("images", "022_conv_transpose", (1, 1, 2))
        self.assertEqual({tuple(term["tap"]): term["input"][1:] for term in
                          life["folds"][0]["terms"]}, {(0, 1): [1, 1], (2, 1): [0, 1]})
        with h5py.File(self.paths["images"]) as file:
            weight = file["layers/022_conv_transpose/weight"][()]
            bias = int(file["layers/022_conv_transpose/bias"][1])
        acc = sum((term["stored"] - 5) * int(weight[1, term["input"][0], *term["tap"]])
                  for term in life["folds"][0]["terms"])
        self.assertEqual(life["accumulator"], acc + bias)

    def test_parts_of_a_tile(self):
        # Windows with 4, 6 and 9 taps are post ops of their own.
        ops = {}
        for place in ((2, 0, 0), (2, 0, 3), (2, 3, 3), (2, 3, 5), (2, 5, 5)):
            life = self.life("images", "002_avgpool_count", place)
            made = [tile for tile in life["tile_ops"] if tile["role"] == "makes the result"]
            self.assertEqual(len(made), 1)
            ops[place] = made[0]["seq"]
        self.assertEqual(sorted(ops.values()), sorted(set(ops.values())))


if __name__ == "__main__":
    tool.main()
