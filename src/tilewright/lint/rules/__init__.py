"""The rules, one file each; they are found by looking, so there is no list to keep."""
