/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_trust.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "cli.h"

void
cache_trust_open(struct cache_trust *t, const char *root)
{
	AUTO_FREE char *path = mem_printf("%s/data/guts2/trust", root);

	*t = (struct cache_trust){.dir = fs_open_dir(AT_FDCWD, path, &t->why)};
	if (t->dir >= 0)
		(void)trusted_state_open(t->dir, &t->state, &t->why);
}

void
cache_trust_close(struct cache_trust *t)
{
	if (t->why.code == ERR_NONE)
		trusted_state_clear(&t->state);
	fs_close(&t->dir);
}

char *
cache_trust_text(const struct cache_trust *t, const char *type)
{
	struct trusted_type found;
	char until[CLOCK_TEXT];
	char *text;

	if (t->dir < 0)
		return mem_string("not signed: no root was given to this server");
	if (t->why.code != ERR_NONE)
		return mem_printf("not verified: %s", t->why.text);
	trusted_state_type(&t->state, type, &found);
	if (found.keys == NULL)
		text = mem_string("nobody may sign it");
	else if (found.version == 0)
		text = mem_printf(
			"%s may sign it, and what they signed was not asked for yet", found.keys);
	else
		text = mem_printf("signed by %s, until %s; the newest is %" PRIu64, found.keys,
			clock_text(found.expires_s, until), found.newest);
	trusted_state_clear_type(&found);
	return text;
}

json_t *
cache_trust_object(const struct cache_trust *t, const char *type)
{
	struct trusted_type found;
	json_t *object;

	if (t->dir < 0 || t->why.code != ERR_NONE)
		return json_null();
	trusted_state_type(&t->state, type, &found);
	object = json_pack("{s:o,s:I,s:I,s:I}", "keys",
		found.keys != NULL ? cli_json_text(found.keys) : json_null(), "role",
		(json_int_t)found.version, "until", (json_int_t)found.expires_s, "newest",
		(json_int_t)found.newest);
	trusted_state_clear_type(&found);
	return object;
}

struct checking {
	const struct metadata *snapshot; /* NULL: nobody says what is listed */
	void (*wrong)(void *context, int dir, const char *name, const char *why);
	void *context;
	uint64_t checked;
};

/* What is listed now, by its digest; what was before says itself what it is. */
static int
check_bytes(const struct checking *c, const char *name, struct span bytes, struct err *e)
{
	const char *role = name + strspn(name, "0123456789") + 1;
	const struct listed *listed =
		c->snapshot != NULL && role > name + 1 ? metadata_find(c->snapshot, role) : NULL;
	const struct verdict_basis nobody = {0};
	struct metadata *m = NULL;
	struct envelope *v;

	if (listed != NULL && strtoull(name, NULL, 10) == listed->version)
		return metadata_check(listed, bytes, e);
	/* A root is signed by itself. */
	if (strcmp(role, "root.json") == 0) {
		bool good = verdict_read(&nobody, ROLE_ROOT, bytes, &m, e) == VERDICT_GOOD;

		metadata_free(m);
		return good ? 0 : -1;
	}
	v = envelope_read(bytes, e);
	envelope_free(v);
	return v != NULL ? 0 : -1;
}

static int
check_document(void *context, int dir, const char *name, struct err *e)
{
	struct checking *c = context;
	AUTO_BUF struct buf bytes = {0};
	size_t len = strlen(name);
	struct err why = {0};

	(void)e;
	/* "targets" is a directory for other names of headers, in a repository. */
	if (len < 5 || strcmp(name + len - 5, ".json") != 0)
		return 0;
	c->checked++;
	if (fs_read(dir, name, TRUST_TARGETS_BYTES_MAX, &bytes, &why) != 0 ||
		check_bytes(c, name, span_of(bytes.at, bytes.len), &why) != 0)
		c->wrong(c->context, dir, name, why.text);
	return 0;
}

uint64_t
cache_trust_check(const struct cache_trust *t, int cache,
	void (*wrong)(void *context, int dir, const char *name, const char *why), void *context)
{
	struct checking c = {.wrong = wrong, .context = context};

	if (t->dir >= 0 && t->why.code == ERR_NONE)
		c.snapshot = trust_role(t->state.trust, ROLE_SNAPSHOT);
	(void)fs_each(cache, "tuf", check_document, &c, NULL);
	return c.checked;
}

char *
cache_trust_summary(const struct cache_trust *t)
{
	char came[CLOCK_TEXT];
	char until[CLOCK_TEXT];

	if (t->dir < 0)
		return mem_string("Not signed: no root was given to this server (guts2-trust(7)).");
	if (t->why.code != ERR_NONE)
		return mem_printf("Not verified: %s.", t->why.text);
	return mem_printf("Signed: root %" PRIu64 ", timestamp %" PRIu64 " of %s, %s %s.",
		t->state.root, t->state.timestamp, clock_text(t->state.came_s, came),
		t->state.expires_s > time(NULL) ? "good until" : "EXPIRED",
		clock_text(t->state.expires_s, until));
}
