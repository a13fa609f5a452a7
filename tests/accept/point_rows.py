# SPDX-License-Identifier: Apache-2.0
"""The lines of an acceptance script: verdict, point, target, measured."""


class Rows:
    """Prints the points in columns of these widths and counts the misses."""

    def __init__(self, point=36, target=30):
        self.misses, self.widths = 0, (point, target)
        self.show("", "point", "target", "measured")

    def show(self, verdict, point, target, measured):
        print(f"{verdict:<4}  {point:<{self.widths[0]}}  {target:<{self.widths[1]}}  {measured}",
              flush=True)

    def judge(self, point, target, measured, passed):
        self.misses += not passed
        self.show("pass" if passed else "MISS", point, target, measured)

    def state(self, point, measured):
        self.show("-", point, "stated", measured)
