"""What can be read out?"""
