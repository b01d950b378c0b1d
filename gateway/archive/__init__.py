"""What becomes of a recording when its call is over: another format, a file for each party, a
place in a bucket."""
