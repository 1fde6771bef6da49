/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * channels.h - what an administrator decided for single types: config/channels.json.
 *
 * Shapes:   {"legacy":["type", ...],
 *            "types":{"<glob>":{"enabled":true,"keep":20,"prefetch":false}}}
 *           every member may be absent; * and ? are the wildcards; nothing, or blanks
 *           alone, are an object without members
 * Owner:    channels_read, channels_parse -> channels_free; immutable in between
 * Errors:   ERR_INPUT with file, field (as types.virus-*.keep) and reason
 * Source:   channels.json(5)
 */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/ident.h"

enum { CHANNELS_KEEP_MAX = 200, CHANNELS_COUNT_MAX = 4096 };
#define CHANNELS_BYTES_MAX ((size_t)1 << 20)

enum channel_field { CHANNEL_ENABLED, CHANNEL_KEEP, CHANNEL_PREFETCH, CHANNEL_FIELDS };

/* value -1: this glob says nothing of the field. */
struct channel_rule {
	char glob[IDENT_TYPE_MAX + 1];
	int value[CHANNEL_FIELDS];
};

struct channels {
	char (*legacy)[IDENT_TYPE_MAX + 1]; /* sorted */
	size_t legacy_count;
	struct channel_rule *rules; /* the most specific first */
	size_t rule_count;
};

/* What holds for one type. keep 0: as for all. */
struct channel_policy {
	bool enabled;
	uint64_t keep;
	bool prefetch;
	bool legacy;
};

/* From the bytes of a file; path is for the errors. */
int channels_parse(struct span json, const char *path, struct channels *ret, struct err *e);

/* From the file itself; where it is absent nothing is said of any type. */
int channels_read(const char *path, struct channels *ret, struct err *e);
void channels_free(struct channels *c);

/*
 * A name without wildcards goes before a glob, a longer glob before a shorter
 * one; each field comes from the first that says something of it.
 */
struct channel_policy channels_policy(const struct channels *c, const char *type);

/* The name of a field; "keep". */
const char *channels_field_name(enum channel_field field);

#endif
