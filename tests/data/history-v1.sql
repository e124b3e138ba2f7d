-- A conversation database as version 1 of the schema wrote it: no drafts, no attachments.
PRAGMA application_id = 1095189588;
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL DEFAULT '',
    system_prompt TEXT NOT NULL DEFAULT '',
    sampling TEXT NOT NULL DEFAULT '{}',
    preset TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '',
    pinned INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    updated REAL NOT NULL,
    active_child INTEGER,
    deleted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id INTEGER NOT NULL REFERENCES conversations (id) DEFERRABLE INITIALLY DEFERRED,
    parent_id INTEGER REFERENCES messages (id) DEFERRABLE INITIALLY DEFERRED,
    active_child INTEGER,
    deleted INTEGER NOT NULL DEFAULT 0,
    indexed INTEGER NOT NULL DEFAULT 0,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    created REAL NOT NULL,
    model TEXT NOT NULL DEFAULT '',
    stats TEXT NOT NULL DEFAULT '{}',
    text TEXT NOT NULL
);
CREATE INDEX messages_conversation ON messages (conversation_id, id);
CREATE INDEX messages_parent ON messages (parent_id);
CREATE INDEX messages_lookup ON messages (id, deleted, conversation_id);
CREATE INDEX messages_streaming ON messages (id) WHERE state = 'streaming';
CREATE INDEX messages_unindexed ON messages (id) WHERE indexed = 0;
CREATE INDEX messages_deleted ON messages (deleted) WHERE deleted != 0;
CREATE VIRTUAL TABLE search USING fts5 (
    text, content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
);
INSERT INTO conversations (id, title, system_prompt, sampling, pinned, created, updated, active_child)
VALUES (1, 'Trip to 北京', 'Be brief.', '{"temperature":0.3}', 1, 1700000000.0, 1700000100.0, 1),
       (2, 'Second', '', '{}', 0, 1700000200.0, 1700000300.0, 4);
INSERT INTO messages (id, conversation_id, parent_id, active_child, indexed, role, state, created, model, stats, text)
VALUES (1, 1, NULL, 3, 1, 'user', 'complete', 1700000001.0, '', '{}', 'When is spring in 北京?'),
       (2, 1, 1, NULL, 1, 'assistant', 'complete', 1700000002.0, 'tiny', '{"new_tokens":3}', 'In March.'),
       (3, 1, 1, NULL, 1, 'assistant', 'stopped', 1700000003.0, 'tiny', '{}', 'In April, perhaps'),
       (4, 2, NULL, NULL, 1, 'user', 'complete', 1700000201.0, '', '{}', 'A confidential pangolin.');
INSERT INTO search (rowid, text)
VALUES (1, 'When is spring in  北  京 ?'), (2, 'In March.'), (3, 'In April, perhaps'), (4, 'A confidential pangolin.');
PRAGMA user_version = 1;
