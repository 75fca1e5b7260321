-- How far a version is on its way to other tenants; `state` says whether its package is sound.
ALTER TABLE version ADD COLUMN release TEXT NOT NULL DEFAULT 'private';
    -- private, submitted, approved, refused, published, suspended, withdrawn
ALTER TABLE version ADD COLUMN release_reason TEXT;      -- why a reviewer refused it
CREATE INDEX version_submitted ON version (id) WHERE release = 'submitted';
