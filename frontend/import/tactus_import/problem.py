# SPDX-License-Identifier: Apache-2.0
"""What goes wrong because of a file or an option, as one sentence."""


class ImportProblem(Exception):
    """A file that cannot be imported. The text is one sentence for the user."""

    def __init__(self, message, file="", layer=""):
        super().__init__(message)
        self.file = str(file)
        self.layer = str(layer)
