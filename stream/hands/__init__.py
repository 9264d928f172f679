"""Hands: tracking, overlay, recorded sessions and what can be measured in them."""
