# SPDX-License-Identifier: MIT
"""The library of the end-to-end tests: see tests/e2e/README.md."""
