/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/trusted.h"

#include <string.h>

#include "base/mem.h"

static const char stage[] = "new";
/* No role has a file of this name. */
static const char pinned[] = "pinned";
static const char newest[] = "root.json";

bool
trusted_is_pinned(const struct trusted *k, struct span root)
{
	AUTO_BUF struct buf before = {0};

	return fs_read(k->dir, pinned, TRUST_ROOT_BYTES_MAX, &before, NULL) == 0 &&
	       before.len == root.len && memcmp(before.at, root.at, root.len) == 0;
}

int
trusted_pin(const struct trusted *k, struct span root, struct err *e)
{
	struct trust *t = trust_new(root, 0, e);

	if (t == NULL)
		return -1;
	trust_free(t);
	if (trusted_is_pinned(k, root))
		return 0;
	/* This one last: until it is there the next run pins again. */
	return fs_put_over(k->dir, stage, newest, root, e) != 0
		       ? -1
		       : fs_put_over(k->dir, stage, pinned, root, e);
}

/* What followed may be damaged; it follows again from what was pinned. */
struct trust *
trusted_begin(const struct trusted *k, int64_t now_s, struct err *e)
{
	static const char *const names[] = {newest, pinned};
	struct trust *t = NULL;

	for (size_t i = 0; t == NULL && i < 2; i++) {
		AUTO_BUF struct buf bytes = {0};

		if (fs_read(k->dir, names[i], TRUST_ROOT_BYTES_MAX, &bytes, e) == 0)
			t = trust_new(span_of(bytes.at, bytes.len), now_s, e);
	}
	return t;
}

/* What cannot be read is as good as what is not there: whoever is asked has it. */
void
trusted_look_up(const struct trusted *k, struct trust *t, const struct trust_want *want)
{
	AUTO_BUF struct buf bytes = {0};

	if (fs_read(k->dir, want->name, (size_t)want->max_bytes, &bytes, NULL) == 0)
		(void)trust_take(t, span_of(bytes.at, bytes.len));
	else
		trust_absent(t);
}

static bool
snapshot_holds(const struct trust *t)
{
	const struct metadata *timestamp = trust_role(t, ROLE_TIMESTAMP);
	const struct metadata *snapshot = trust_role(t, ROLE_SNAPSHOT);

	return timestamp != NULL && snapshot != NULL &&
	       snapshot->version == timestamp->files[0].version;
}

int
trusted_keep(struct trusted *k, const struct trust_want *want, struct span bytes, struct err *e)
{
	if (k->dir < 0 || k->read_only)
		return 0;
	if (want->role != ROLE_TIMESTAMP)
		return fs_put_over(k->dir, stage, want->name, bytes, e);
	buf_clear(&k->timestamp);
	buf_add(&k->timestamp, bytes.at, bytes.len);
	return 0;
}

int
trusted_settle(struct trusted *k, const struct trust *t, struct err *e)
{
	if (k->timestamp.len == 0 || !snapshot_holds(t))
		return 0;
	if (fs_put_over(k->dir, stage, "timestamp.json", span_of(k->timestamp.at, k->timestamp.len),
		    e) != 0)
		return -1;
	buf_clear(&k->timestamp);
	return 0;
}

void
trusted_replay(const struct trusted *k, struct trust *t)
{
	struct trust_want want;

	while (trust_next(t, &want)) {
		/* The next root is what nobody has seen yet. */
		if (!want.kept && want.role == ROLE_ROOT)
			trust_absent(t);
		else
			trusted_look_up(k, t, &want);
	}
}

/* False: it cannot be read, or kept. */
static bool
follow(struct trusted *k, int tuf, struct trust *t, const struct trust_want *want, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct span span;
	struct err why = {0};

	if (fs_read(tuf, want->file, (size_t)want->max_bytes, &bytes, &why) == 0) {
		span = span_of(bytes.at, bytes.len);
		return !trust_take(t, span) || trusted_keep(k, want, span, e) == 0;
	}
	if (why.code != ERR_MISSING && why.code != ERR_LIMIT) {
		(void)err_set(e, why.code, "tuf: %s", why.text);
		return false;
	}
	if (why.code == ERR_MISSING)
		trust_absent(t);
	else
		trust_oversized(t);
	return true;
}

int
trusted_follow(struct trusted *k, int tuf, struct trust *t, struct err *e)
{
	struct trust_want want;

	while (trust_next(t, &want)) {
		if (want.kept)
			trusted_look_up(k, t, &want);
		else if (!follow(k, tuf, t, &want, e))
			return -1;
		if (trusted_settle(k, t, e) != 0)
			return -1;
	}
	return 0;
}

void
trusted_clear(struct trusted *k)
{
	buf_free(&k->timestamp);
}
