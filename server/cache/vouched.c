/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/vouched.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "trust/trust.h"

struct listing {
	struct vouched *new;
	size_t capacity;
};

bool
vouched_has(const struct vouched *v, const char *name, const struct listed *listed)
{
	const struct vouched_document *d =
		v != NULL && listed->has_sha256 ? vouched_find(v, name) : NULL;
	char etag[ETAG_MAX];

	if (d == NULL)
		return false;
	view_record_etag(&listed->sha256, etag);
	return strcmp(etag, d->etag) == 0;
}

/* Whether the name has the version that is listed. */
static bool
is_current(const struct listed *listed, const char *name)
{
	char file[IDENT_NAME_MAX];

	(void)snprintf(file, sizeof(file), "%" PRIu64 ".%.160s", listed->version, listed->name);
	return strcmp(file, name) == 0;
}

static bool
fill(const struct listing *l, int dir, const char *name, struct vouched_document *ret)
{
	const char *dot = strchr(name, '.');
	const struct listed *listed = l->new->snapshot != NULL &&dot != NULL
					      ? metadata_find(l->new->snapshot, dot + 1)
					      : NULL;
	AUTO_BUF struct buf bytes = {0};
	struct digest digest;
	struct stat st;

	/* Whoever put it there has looked whether it is what is listed. */
	if (listed != NULL && listed->has_sha256 && is_current(listed, name) &&
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		ret->bytes = (uint64_t)st.st_size;
		view_record_etag(&listed->sha256, ret->etag);
	} else {
		if (fs_read(dir, name, TRUST_TARGETS_BYTES_MAX, &bytes, NULL) != 0)
			return false;
		digest = digest_of(span_of(bytes.at, bytes.len));
		ret->bytes = bytes.len;
		view_record_etag(&digest, ret->etag);
	}
	ret->name = mem_string(name);
	return true;
}

static int
add(void *context, int dir, const char *name, struct err *e)
{
	struct listing *l = context;
	struct vouched *v = l->new;
	size_t len = strlen(name);

	(void)e;
	if (len < 5 || strcmp(name + len - 5, ".json") != 0)
		return 0;
	v->at = mem_grow(v->at, v->count, &l->capacity, sizeof(*v->at));
	v->count += fill(l, dir, name, &v->at[v->count]);
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct vouched_document *)a)->name,
		((const struct vouched_document *)b)->name);
}

struct vouched *
vouched_new(int dir, struct metadata *take_snapshot, int64_t expires_s)
{
	struct vouched *v = mem_new(1, sizeof(*v));
	struct listing l = {.new = v};

	v->references = 1;
	v->snapshot = take_snapshot;
	v->expires_s = expires_s;
	(void)fs_each(dir, ".", add, &l, NULL);
	mem_sort(v->at, v->count, sizeof(*v->at), compare);
	return v;
}

struct vouched *
vouched_take(struct vouched *v)
{
	if (v != NULL)
		(void)atomic_fetch_add(&v->references, 1);
	return v;
}

void
vouched_release(struct vouched *v)
{
	if (v == NULL || atomic_fetch_sub(&v->references, 1) != 1)
		return;
	for (size_t i = 0; i < v->count; i++)
		free(v->at[i].name);
	free(v->at);
	metadata_free(v->snapshot);
	free(v);
}

const struct vouched_document *
vouched_find(const struct vouched *v, const char *name)
{
	const struct vouched_document key = {.name = (char *)(uintptr_t)name};

	return v->count > 0 ? bsearch(&key, v->at, v->count, sizeof(*v->at), compare) : NULL;
}

bool
vouched_lists(const struct vouched *v, const char *name, char ret_type[IDENT_TYPE_MAX + 1])
{
	const char *role = strchr(name, '.');
	const struct listed *listed =
		role != NULL && v->snapshot != NULL ? metadata_find(v->snapshot, role + 1) : NULL;
	size_t len;

	if (listed == NULL || strncmp(role + 1, "t-", 2) != 0)
		return false;
	len = strlen(role + 3) - 5; /* ".json" */
	if (!is_current(listed, name) || len > IDENT_TYPE_MAX)
		return false;
	memcpy(ret_type, role + 3, len);
	ret_type[len] = '\0';
	return ident_type_valid(ret_type);
}
