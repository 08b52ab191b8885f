"""Calls that the tests of the client make."""

from vkflow.sources.vk.methods import wall_get

DAY = 1_780_000_000
WALL = wall_get(-1, 0, 100)
SHORT = wall_get(-1, 0, 5)
