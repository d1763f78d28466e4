"""What the worker says of a case in words that the parent looks for."""

NO_SUCH_STATE = "the model has no parameter or buffer of the original's name"
