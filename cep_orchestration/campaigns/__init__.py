"""Campaigns on Meta Ads: what they do by day, what they cost, and what is wrong with them."""
