# SPDX-License-Identifier: AGPL-3.0-only
"""Parameter types for options that are more than a number or a word."""

from __future__ import annotations

from typing import Any

import click


class PatchSize(click.ParamType):
    """`96`, or width and height as `64x128`."""

    name = "SIZE|WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """The text as (width, height) in texels."""
        if isinstance(value, tuple):
            return value
        parts = str(value).lower().split("x")
        if len(parts) > 2 or not all(part.isdecimal() for part in parts):
            self.fail(f"expected a number of texels or WIDTHxHEIGHT, got {value!r}", param, ctx)
        return int(parts[0]), int(parts[-1])


class BatchSize(click.ParamType):
    """A number, or `auto`."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The text as a number, 0 for `auto`."""
        text = str(value)
        if text == "auto":
            return 0
        if not text.isdecimal() or int(text) < 1:
            self.fail(f"expected auto, or a number of 1 or more, got {text!r}", param, ctx)
        return int(text)


class LossTerm(click.ParamType):
    """`NAME=WEIGHT`."""

    name = "NAME=WEIGHT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """The text as (term, weight); the weight is 1 if left out."""
        if isinstance(value, tuple):
            return value
        term, _, weight = str(value).partition("=")
        try:
            return term, float(weight or 1)
        except ValueError:
            self.fail(f"expected {term}=NUMBER, got {value!r}", param, ctx)


class Names(click.ParamType):
    """`A,B,…`."""

    name = "A,B,…"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """The text as names; commas part them."""
        return value if isinstance(value, tuple) else tuple(str(value).split(","))
