"""The database's shape as numbered migrations. A migration that has shipped is never edited; a new one is appended."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE source (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL,
      options TEXT NOT NULL DEFAULT '{}',
      cursor TEXT,
      scanned_at REAL,
      state TEXT NOT NULL DEFAULT 'new',
      note TEXT NOT NULL DEFAULT ''
    ) STRICT;

    CREATE TABLE asset (
      id INTEGER PRIMARY KEY,
      source INTEGER NOT NULL REFERENCES source(id) ON DELETE CASCADE,
      key BLOB NOT NULL,
      revision TEXT NOT NULL,
      name BLOB NOT NULL,
      folder BLOB NOT NULL,
      size INTEGER NOT NULL,
      facts TEXT NOT NULL,
      content TEXT,
      ends TEXT,
      error TEXT NOT NULL DEFAULT '',
      seen INTEGER NOT NULL DEFAULT 0,
      gone_at REAL,
      UNIQUE (source, key)
    ) STRICT;
    CREATE INDEX asset_content ON asset(content) WHERE content IS NOT NULL;
    CREATE INDEX asset_size ON asset(size);
    CREATE INDEX asset_unread ON asset(id) WHERE content IS NULL AND error = '' AND gone_at IS NULL;

    CREATE TABLE alias (
      token TEXT NOT NULL,
      asset INTEGER NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
      PRIMARY KEY (token, asset)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX alias_asset ON alias(asset);

    CREATE TABLE signature (
      id INTEGER PRIMARY KEY,
      content TEXT NOT NULL UNIQUE,
      recipe INTEGER NOT NULL,
      phashes BLOB,
      pixels TEXT NOT NULL DEFAULT '',
      taken REAL,
      camera TEXT NOT NULL DEFAULT '',
      facts TEXT NOT NULL
    ) STRICT;
    CREATE INDEX signature_recipe ON signature(recipe);
    CREATE INDEX signature_pixels ON signature(pixels) WHERE pixels <> '';

    CREATE TABLE evidence (
      a TEXT NOT NULL,
      b TEXT NOT NULL,
      recipe INTEGER NOT NULL,
      measured TEXT NOT NULL,
      PRIMARY KEY (a, b),
      CHECK (a < b)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE embedding (
      content TEXT NOT NULL,
      model TEXT NOT NULL,
      vector BLOB NOT NULL,
      PRIMARY KEY (model, content)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE label (
      id INTEGER PRIMARY KEY,
      a TEXT NOT NULL,
      b TEXT NOT NULL,
      verdict TEXT NOT NULL CHECK (verdict IN ('not_similar', 'same', 'alternate')),
      weight REAL NOT NULL DEFAULT 1,
      origin TEXT NOT NULL DEFAULT '',
      who TEXT NOT NULL DEFAULT '',
      why TEXT NOT NULL DEFAULT '',
      features TEXT,
      created_at REAL NOT NULL,
      revoked_at REAL,
      CHECK (a < b)
    ) STRICT;
    CREATE INDEX label_pair ON label(a, b);

    CREATE TABLE run (
      id INTEGER PRIMARY KEY,
      started_at REAL NOT NULL,
      finished_at REAL,
      fingerprint TEXT NOT NULL DEFAULT '',
      summary TEXT NOT NULL DEFAULT '{}'
    ) STRICT;

    CREATE TABLE grp (
      id TEXT NOT NULL,
      run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
      relation TEXT NOT NULL,
      keep INTEGER NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
      score REAL NOT NULL,
      reason TEXT NOT NULL,
      edges TEXT NOT NULL DEFAULT '[]',
      PRIMARY KEY (run, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE member (
      run INTEGER NOT NULL,
      grp TEXT NOT NULL,
      asset INTEGER NOT NULL REFERENCES asset(id) ON DELETE CASCADE,
      role TEXT NOT NULL CHECK (role IN ('keep', 'drop', 'review')),
      reason TEXT NOT NULL DEFAULT '',
      PRIMARY KEY (run, grp, asset),
      FOREIGN KEY (run, grp) REFERENCES grp(run, id) ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX member_asset ON member(asset);

    CREATE TABLE plan (
      id TEXT PRIMARY KEY,
      created_at REAL NOT NULL,
      run INTEGER,
      state TEXT NOT NULL DEFAULT 'planned',
      body TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE journal (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      at REAL NOT NULL,
      plan TEXT NOT NULL,
      step INTEGER NOT NULL,
      token TEXT NOT NULL,
      state TEXT NOT NULL,
      source TEXT NOT NULL,
      key BLOB NOT NULL,
      receipt TEXT,
      note TEXT NOT NULL DEFAULT ''
    ) STRICT;
    CREATE INDEX journal_token ON journal(token);
    CREATE INDEX journal_plan ON journal(plan);
    CREATE TRIGGER journal_is_append_only BEFORE UPDATE ON journal
      BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    CREATE TRIGGER journal_keeps_everything BEFORE DELETE ON journal
      BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
    """,
    """
    CREATE TABLE decision (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      grp TEXT NOT NULL,
      mark TEXT NOT NULL,
      verb TEXT NOT NULL CHECK (verb IN ('keep', 'keep_all', 'not_duplicates', 'skip')),
      kept TEXT NOT NULL,
      dropped TEXT NOT NULL,
      size INTEGER NOT NULL,
      token TEXT NOT NULL,
      at REAL NOT NULL,
      revoked_at REAL
    ) STRICT;
    CREATE INDEX decision_mark ON decision(mark) WHERE revoked_at IS NULL;
    CREATE INDEX decision_token ON decision(token);
    """,
    """
    CREATE TABLE job_run (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      job TEXT NOT NULL,
      why TEXT NOT NULL,
      started_at REAL NOT NULL,
      finished_at REAL,
      state TEXT NOT NULL DEFAULT 'running',
      note TEXT NOT NULL DEFAULT '',
      plan TEXT NOT NULL DEFAULT '',
      summary TEXT NOT NULL DEFAULT '{}'
    ) STRICT;
    CREATE INDEX job_run_job ON job_run(job, id);
    """,
    """
    ALTER TABLE label ADD COLUMN relation TEXT NOT NULL DEFAULT '';
    ALTER TABLE label ADD COLUMN answer TEXT NOT NULL DEFAULT '';
    ALTER TABLE label ADD COLUMN pixels_a TEXT NOT NULL DEFAULT '';
    ALTER TABLE label ADD COLUMN pixels_b TEXT NOT NULL DEFAULT '';
    ALTER TABLE label ADD COLUMN look_a TEXT NOT NULL DEFAULT '';
    ALTER TABLE label ADD COLUMN look_b TEXT NOT NULL DEFAULT '';
    CREATE INDEX signature_look ON signature(substr(phashes, 1, 32)) WHERE phashes IS NOT NULL;
    """,
    """
    CREATE TABLE digest (
      own TEXT NOT NULL,
      content TEXT NOT NULL,
      PRIMARY KEY (own, content)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX digest_content ON digest(content);
    """,
    """
    DROP TABLE embedding;
    CREATE TABLE model (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      dimension INTEGER NOT NULL CHECK (dimension > 0),
      asked TEXT NOT NULL DEFAULT '',
      used_at REAL,
      floor REAL
    ) STRICT;
    CREATE TABLE vectors (
      id INTEGER PRIMARY KEY,
      model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
      signatures BLOB NOT NULL,
      vectors BLOB NOT NULL
    ) STRICT;
    CREATE INDEX vectors_model ON vectors(model);
    CREATE TABLE embedding (
      model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
      signature INTEGER NOT NULL REFERENCES signature(id),
      vectors INTEGER NOT NULL REFERENCES vectors(id) ON DELETE CASCADE,
      PRIMARY KEY (model, signature)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX embedding_vectors ON embedding(vectors);
    CREATE TABLE resemblance (
      model INTEGER NOT NULL REFERENCES model(id) ON DELETE CASCADE,
      a INTEGER NOT NULL REFERENCES signature(id),
      b INTEGER NOT NULL REFERENCES signature(id),
      cosine REAL NOT NULL,
      PRIMARY KEY (model, a, b),
      CHECK (a < b)
    ) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE decision ADD COLUMN answer TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE resemblance ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;
    """,
    """
    ALTER TABLE model ADD COLUMN joined TEXT NOT NULL DEFAULT '';
    """,
    """
    CREATE TABLE search (
      radius INTEGER PRIMARY KEY,
      rows BLOB NOT NULL,
      marks BLOB NOT NULL,
      a BLOB NOT NULL,
      b BLOB NOT NULL,
      distance BLOB NOT NULL,
      symmetry BLOB NOT NULL,
      left_out INTEGER NOT NULL
    ) STRICT;
    ALTER TABLE evidence ADD COLUMN unlike INTEGER NOT NULL DEFAULT 0;
    """,
    """
    CREATE TABLE other_view (
      asset INTEGER PRIMARY KEY REFERENCES asset(id) ON DELETE CASCADE,
      revision TEXT NOT NULL,
      content TEXT NOT NULL
    ) STRICT;
    """,
    """
    ALTER TABLE asset ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
    """,
)
