"""What runs have found out, kept in SQLite: nothing that was measured or proved is measured or proved again."""
