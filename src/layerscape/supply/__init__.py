"""What measures are given: the one place where data are searched, cut and joined for them."""
