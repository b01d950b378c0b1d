"""Models on the owner's own machine, for those who let no sound leave the house."""
