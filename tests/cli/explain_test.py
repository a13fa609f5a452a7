#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""explain: the steps of an element lead to the model file's golden value, recomputed here."""
import json
import random
import unittest

import tool
from tool import MODELS, SCHEMAS, W4A4, W8A8, CliTest

try:
    import h5py
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


if __name__ == "__main__":
    tool.main()
