"""Run cases on a real GPU: worker side."""
