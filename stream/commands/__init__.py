"""The commands, a file a group. They import what they need when they run: help is quick."""
