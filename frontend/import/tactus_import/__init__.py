# SPDX-License-Identifier: Apache-2.0
"""Turns the integer models of other toolkits into `tactus.model` files."""
