"""Who is near, and what does that encode?"""
