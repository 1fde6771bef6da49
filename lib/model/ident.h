/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ident.h - the global identity of an update, and the names made of it.
 *
 * Does:     parses and formats what stands behind the host in a URL; the same
 *           names are the file names of a repository.
 * Shapes:   h;t=T;v=V;c=C   o;t=T;v=V;c=C[;pv=PV;pc=PC]   f/<64 hex>_archive   q
 *           legacy/T   tuf/NAME   tuf/targets/<64 hex>.h;t=T;v=V;c=C
 *           c;t=T;v=V;c=C and c/<64 hex> on disk: content (repo.h)
 * Owner:    idents_free releases a list
 * Errors:   ERR_INPUT with the parameter and the reason
 * Source:   guts2(7), IDENTITY and REQUESTS
 */
#ifndef IDENT_H
#define IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

enum {
	IDENT_TYPE_MAX = 64,
	IDENT_COOKIE = 8,
	IDENT_NAME_MAX = 192, /* any name above fits, with its NUL */
};
#define IDENT_VERSION_MAX ((1ULL << 53) - 1)

/* A version of no particular type: what `pv` and `pc` name. Version 0: none. */
struct edition {
	uint64_t version;
	char cookie[IDENT_COOKIE + 1];
};

struct ident {
	char type[IDENT_TYPE_MAX + 1];
	struct edition edition;
};

/* Identities, sorted by type; one for each, but where a list says otherwise. */
struct idents {
	struct ident *at;
	size_t count;
	size_t capacity;
};

#define AUTO_IDENTS __attribute__((cleanup(idents_free)))

void idents_add(struct idents *list, const struct ident *ident);
/* What is of a type (in this version; 0: in any) goes. Returns whether anything was. */
bool idents_remove(struct idents *list, const char *type, uint64_t version);
/* Sort; false where a type is repeated. */
bool idents_sort(struct idents *list);
/* Whether two sorted lists are the same. */
bool idents_equal(const struct idents *a, const struct idents *b);
const struct ident *idents_find(const struct idents *list, const char *type);
/* This very identity, in a sorted list with several of a type. */
bool idents_has(const struct idents *list, const struct ident *ident);
void idents_free(struct idents *list);

/* Whether a version is the time that it should be: one that is less was counted. */
static inline bool
ident_is_time(int64_t version)
{
	return version >= 1000000000;
}

/* CONTENT is a name on a server's disk only, and never parsed from a request. */
enum target_kind {
	TARGET_QUERY,
	TARGET_HEADER,
	TARGET_OFFER,
	TARGET_FILE,
	TARGET_CONTENT,
	TARGET_TRUST,  /* a document that is signed */
	TARGET_LEGACY, /* the newest full archive of a type, for clients that know no more */
};

/* What a request asks for. */
struct target {
	enum target_kind kind;
	bool prefixed;	     /* the path began with /guts2 */
	struct ident ident;  /* header, offer, content; legacy: the type alone */
	struct edition base; /* offer: version 0 asks for the full archive */
	struct digest file;  /* file; by_digest: of the header */
	bool by_digest;	     /* a header, if it has this digest */
	const char *trust;   /* trust: its name below tuf/, in the path that was parsed */
};

bool ident_type_valid(const char *type);
bool ident_cookie_valid(const char *cookie);
bool ident_edition_equal(const struct edition *a, const struct edition *b);
bool ident_equal(const struct ident *a, const struct ident *b);

/* A version of a type, whose name is a valid one. */
struct ident ident_of(const char *type, const struct edition *edition);

/* A request's path, with its leading slash, from the raw bytes of the wire. */
int ident_target_parse(const char *path, struct target *ret, struct err *e);

/* The repository's name of a target, without leading slash. Returns ret. */
char *ident_target_name(const struct target *target, char ret[IDENT_NAME_MAX]);

/* Shorthands for ident_target_name. */
char *ident_header_name(const struct ident *ident, char ret[IDENT_NAME_MAX]);
char *ident_content_name(const struct ident *ident, char ret[IDENT_NAME_MAX]);
char *ident_offer_name(
	const struct ident *ident, const struct edition *base, char ret[IDENT_NAME_MAX]);
char *ident_file_name(const struct digest *id, char ret[IDENT_NAME_MAX]);
/* "c/<64 hex>" */
char *ident_blob_name(const struct digest *file, char ret[IDENT_NAME_MAX]);

/* A header's name, of this type (NULL: of any). False: another one. */
bool ident_header_parse(const char *name, const char *type, struct ident *ret);

/* A file name of the repository's top: a header, an offer or a content. False: another one. */
bool ident_target_parse_stored(const char *name, struct target *ret);

#endif
