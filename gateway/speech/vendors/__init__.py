"""One file a vendor: the only place where its name, its SDK and its words are known."""
