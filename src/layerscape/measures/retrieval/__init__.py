"""Is the partner found?"""
