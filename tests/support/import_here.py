# SPDX-License-Identifier: Apache-2.0
"""The importers in the test's own process: starting Python takes longer than an import. That the
tool starts them is tested in tests/cli/import_test.py."""
import contextlib
import io
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "frontend" / "import"))


def run(*arguments):
    """(exit code, stdout, stderr) of an import."""
    from tactus_import import cli
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run([str(a) for a in arguments])
    return code, out.getvalue(), err.getvalue()


def good(test, *arguments):
    """stdout of an import that has to succeed."""
    code, out, err = run(*arguments)
    test.assertEqual(code, 0, err)
    return out


def refused(test, *arguments, saying):
    """Exit code 2 and one sentence with all these words."""
    code, out, err = run(*arguments)
    test.assertEqual((code, out), (2, ""), err)
    lines = err.strip().splitlines()
    test.assertEqual(len(lines), 1, err)
    test.assertTrue(lines[0].startswith("tactus: "), err)
    for word in saying:
        test.assertIn(word, lines[0])
