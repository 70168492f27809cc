"""How alike are two representations?"""
