"""The tables of a store. Every row has a key that says what it is about, so that nothing can stand there twice."""

from __future__ import annotations

APPLICATION_ID = 0x54574C53
"""``TWLS``: what the file says it is, in its header."""
SCHEMA = 1
"""Raised whenever a table or the meaning of a column changes; a store of a higher one is refused."""

_ANSWER = """
    run        INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    kind       TEXT NOT NULL,              -- the record's class
    key        TEXT NOT NULL,              -- content hash of all that the answer depends on
    candidate  TEXT,                       -- sha256 of the file that it is about: a candidate, or the input
    at_s       REAL NOT NULL,              -- when it was known, seconds since the run began
    record     TEXT NOT NULL,              -- the whole answer, as JSON
"""
_ANSWER_KEYS = "PRIMARY KEY (run, kind, key)"

TABLES = (
    """
CREATE TABLE runs (
    number       INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    finished     INTEGER NOT NULL DEFAULT 0 CHECK (finished IN (0, 1)),
    sitting      INTEGER NOT NULL DEFAULT 1,  -- counts up with each resume: whoever holds an older one may not write
    owner_pid    INTEGER,                     -- null while nobody works on it
    owner_start  TEXT,
    owner_system TEXT,
    created_utc  TEXT NOT NULL,
    elapsed_s    REAL NOT NULL DEFAULT 0,     -- of all sittings, up to the last row that was written
    path         TEXT NOT NULL,               -- the input, as it was named
    gpu          TEXT NOT NULL,
    device       TEXT NOT NULL,
    stage        TEXT NOT NULL,
    result       TEXT NOT NULL DEFAULT '',
    best_sha256  TEXT REFERENCES texts (sha256),
    best_words   TEXT NOT NULL DEFAULT '',
    request      TEXT NOT NULL,               -- JSON: what it takes to run it again
    versions     TEXT NOT NULL                -- JSON: what it ran with
) STRICT""",
    """
CREATE TABLE texts (
    sha256 TEXT PRIMARY KEY,                  -- of the text in UTF-8
    text   TEXT NOT NULL
) STRICT""",
    """
CREATE TABLE candidates (
    run       INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    sha256    TEXT NOT NULL REFERENCES texts (sha256),
    kernel    TEXT NOT NULL,
    stage     TEXT NOT NULL,
    schedules TEXT NOT NULL,                  -- JSON: the entries of its list
    at_s      REAL NOT NULL,
    PRIMARY KEY (run, sha256)
) STRICT""",
    """
CREATE TABLE builds (
    run       INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    candidate TEXT NOT NULL,                  -- sha256 of the file: a candidate, or the input
    digest    TEXT NOT NULL,                  -- of the record: entries that became the same program are one row
    kernel    TEXT NOT NULL,
    built     INTEGER NOT NULL CHECK (built IN (0, 1)),
    record    TEXT NOT NULL,                  -- JSON: the Build, or the BuildFailure
    PRIMARY KEY (run, candidate, digest)
) STRICT""",
    f"CREATE TABLE verdicts ({_ANSWER} status TEXT NOT NULL, reason TEXT NOT NULL, {_ANSWER_KEYS}) STRICT",
    f"""
CREATE TABLE timings ({_ANSWER}
    outcome TEXT NOT NULL,                    -- a Comparison's decision; a Screening's error, or nothing
    ratio REAL, low REAL, high REAL,          -- the baseline's time over the candidate's, with its interval
    {_ANSWER_KEYS}) STRICT""",
    f"CREATE TABLE profiles ({_ANSWER} origin TEXT NOT NULL, {_ANSWER_KEYS}) STRICT",
    f"CREATE TABLE answers ({_ANSWER} {_ANSWER_KEYS}) STRICT",
    """
CREATE TABLE documents (
    run      INTEGER PRIMARY KEY REFERENCES runs (number) ON DELETE CASCADE,
    document TEXT NOT NULL                    -- JSON, as docs/json.md has it
) STRICT""",
)
