"""How many dimensions?"""
