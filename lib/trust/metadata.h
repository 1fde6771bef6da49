/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metadata.h - what a role says: the content of a document whose signatures were looked at.
 *
 * Does:     reads the four kinds of role, strictly where something follows from a member, and
 *           passes over what it does not know. Whether it is to be believed trust.h says.
 * Units:    _s seconds since 1970; lengths in bytes
 * Owner:    metadata_read, metadata_parse -> metadata_free
 * Errors:   ERR_INPUT, with the field; ERR_LIMIT
 * Source:   TUF 1.0.34, sections 4.3 to 4.6
 */
#ifndef METADATA_H
#define METADATA_H

#include "base/digest.h"
#include "trust/envelope.h"

enum role { ROLE_ROOT, ROLE_TIMESTAMP, ROLE_SNAPSHOT, ROLE_TARGETS, ROLE_COUNT };

/* "root", "timestamp", "snapshot", "targets". */
const char *metadata_role_name(enum role role);

/* A file that is listed: by a timestamp the snapshot, by a snapshot a role, by a role a target. */
struct listed {
	char *name;	  /* "snapshot.json", "targets.json", the path of a target */
	uint64_t version; /* 0: of a target, which has none */
	uint64_t length;  /* UINT64_MAX: not said */
	bool hashed;	  /* by something; what is known of it: */
	bool has_sha256, has_sha512;
	struct digest sha256;
	uint8_t sha512[DIGEST_SHA512_BYTES];
	/* Of a target, by its custom.guts2 (guts2-trust(7)): */
	bool security;
	char *advisory; /* NULL: none */
};

/* A role that targets of some paths are left to. */
struct delegation {
	char *name;
	struct signers signers;
	bool terminating;
	bool by_hash; /* patterns are beginnings of the hex digits of SHA-256 of the path */
	char **patterns;
	size_t pattern_count;
};

struct metadata {
	enum role role;
	uint64_t version;
	int64_t expires_s;
	/* ROOT, TARGETS: of those that are delegated to. */
	struct keyring keys;
	/* ROOT: */
	struct signers signers[ROLE_COUNT];
	bool consistent_snapshot;
	/* TIMESTAMP (one), SNAPSHOT, TARGETS: sorted by name. */
	struct listed *files;
	size_t file_count;
	/* TARGETS: the highest version that was ever listed, by custom.guts2; 0: not said. */
	uint64_t last;
	/* In the order of their priority. */
	struct delegation *delegations;
	size_t delegation_count;
};

/* Which role a document says it is. -1: ERR_INPUT, none. */
int metadata_role(const struct envelope *v, enum role *ret, struct err *e);

struct metadata *metadata_read(const struct envelope *v, enum role role, struct err *e);

/* The same of a document's bytes, whoever signed it, or nobody. */
struct metadata *metadata_parse(struct span bytes, enum role role, struct err *e);
void metadata_free(struct metadata *m);

/* NULL: it is not listed. */
const struct listed *metadata_find(const struct metadata *m, const char *name);

/* NULL: nothing is delegated to a role of this name. */
const struct delegation *metadata_delegation(const struct metadata *m, const char *name);

/* Whether what was received is what is listed. -1: ERR_DIGEST, ERR_LIMIT. */
int metadata_check(const struct listed *listed, struct span bytes, struct err *e);

#endif
