/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/vouch_tree.h"

#include <inttypes.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"

static const char stage[] = "new";

struct putting {
	const struct trusted *kept;
	const struct metadata *snapshot;
	const struct vouched *before;
	int dir; /* tuf/ */
};

static char *
numbered(uint64_t version, const char *name)
{
	return mem_printf("%" PRIu64 ".%s", version, name);
}

static struct metadata *
read_kept(int dir, const char *name, enum role role)
{
	AUTO_BUF struct buf bytes = {0};

	if (fs_read(dir, name, TRUST_TARGETS_BYTES_MAX, &bytes, NULL) != 0)
		return NULL;
	return metadata_parse(span_of(bytes.at, bytes.len), role, NULL);
}

/* From what is kept, unless it is there; listed: what it has to be, NULL: nobody says. */
static int
put(const struct putting *p, const char *kept, const char *name, const struct listed *listed,
	struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	AUTO_BUF struct buf there = {0};
	struct span span;

	/* What cannot be read, or is not what is listed, is no part of this tree. */
	if (fs_read(p->kept->dir, kept, TRUST_TARGETS_BYTES_MAX, &bytes, NULL) != 0)
		return 0;
	span = span_of(bytes.at, bytes.len);
	if (listed != NULL && metadata_check(listed, span, NULL) != 0)
		return fs_remove(p->dir, name, e);
	if (fs_read(p->dir, name, TRUST_TARGETS_BYTES_MAX, &there, NULL) == 0 &&
		there.len == span.len && memcmp(there.at, span.at, span.len) == 0)
		return 0;
	return fs_put_over(p->dir, stage, name, span, e);
}

/* Roles that are kept, in the version that is listed. What lies there was looked at. */
static int
put_role(void *context, int dir, const char *name, struct err *e)
{
	const struct putting *p = context;
	const struct listed *listed = metadata_find(p->snapshot, name);
	AUTO_FREE char *file = listed != NULL ? numbered(listed->version, name) : NULL;
	struct metadata *m;
	bool same;

	if (listed == NULL || (vouched_has(p->before, file, listed) && fs_exists(p->dir, file)) ||
		(p->before == NULL && listed->hashed && fs_exists(p->dir, file)))
		return 0;
	m = read_kept(dir, name, ROLE_TARGETS);
	same = m != NULL && m->version == listed->version;
	metadata_free(m);
	return same ? put(p, name, file, listed, e) : 0;
}

/* ---- What goes */

static bool
is_listed(const struct metadata *snapshot, const char *name, uint64_t version)
{
	const struct listed *listed;

	if (snapshot == NULL)
		return false;
	if (strcmp(name, "snapshot.json") == 0)
		return snapshot->version == version;
	listed = metadata_find(snapshot, name);
	return listed != NULL && listed->version == version;
}

static bool
is_root(int dir, const char *name)
{
	const struct verdict_basis nobody = {0};
	AUTO_BUF struct buf bytes = {0};
	struct metadata *m = NULL;
	bool is = fs_read(dir, name, TRUST_ROOT_BYTES_MAX, &bytes, NULL) == 0 &&
		  verdict_read(&nobody, ROLE_ROOT, span_of(bytes.at, bytes.len), &m, NULL) ==
			  VERDICT_GOOD;

	metadata_free(m);
	return is;
}

/* Nobody knows what lies there: what is listed by its digest is that, or goes; roots are roots. */
static int
remove_wrong(void *context, int dir, const char *name, struct err *e)
{
	const struct putting *p = context;
	const char *dot = strchr(name, '.');
	const struct listed *listed = dot != NULL ? metadata_find(p->snapshot, dot + 1) : NULL;
	AUTO_FREE char *file = listed != NULL ? numbered(listed->version, listed->name) : NULL;
	AUTO_BUF struct buf bytes = {0};

	if (dot != NULL && strcmp(dot, ".root.json") == 0)
		return is_root(dir, name) ? 0 : fs_remove(dir, name, e);
	if (listed == NULL || strcmp(file, name) != 0 ||
		(fs_read(dir, name, TRUST_TARGETS_BYTES_MAX, &bytes, NULL) == 0 &&
			metadata_check(listed, span_of(bytes.at, bytes.len), NULL) == 0))
		return 0;
	return fs_remove(dir, name, e);
}

static int
remove_unlisted(void *context, int dir, const char *name, struct err *e)
{
	const struct putting *p = context;
	size_t digits = strspn(name, "0123456789");
	const char *role = name + digits + 1;
	uint64_t version;

	if (name[digits] != '.' || !num_parse(name, digits, INT64_MAX, &version) ||
		strcmp(role, "root.json") == 0 || is_listed(p->snapshot, role, version) ||
		is_listed(p->before->snapshot, role, version))
		return 0;
	return fs_remove(dir, name, e);
}

/* ---- All of it */

static int
put_all(const struct putting *p, const struct trust *t, struct err *e)
{
	AUTO_FREE char *root = numbered(trust_role(t, ROLE_ROOT)->version, "root.json");
	AUTO_FREE char *snapshot = numbered(p->snapshot->version, "snapshot.json");
	const struct listed *of_snapshot = trust_role(t, ROLE_TIMESTAMP)->files;

	if ((p->before == NULL &&
		    fs_each(p->dir, ".", remove_wrong, (void *)(uintptr_t)p, e) != 0) ||
		put(p, "root.json", root, NULL, e) != 0 ||
		fs_each(p->kept->dir, ".", put_role, (void *)(uintptr_t)p, e) != 0 ||
		put(p, "snapshot.json", snapshot, of_snapshot, e) != 0)
		return -1;
	/* Last: whoever sees it finds all that it leads to. */
	return put(&(struct putting){p->kept, p->snapshot, NULL, p->dir}, "timestamp.json",
		"timestamp.json", NULL, e);
}

struct vouched *
vouch_tree_put(struct repo *repo, const struct trusted *kept, const struct trust *t,
	const struct vouched *before, struct err *e)
{
	struct metadata *snapshot = read_kept(kept->dir, "snapshot.json", ROLE_SNAPSHOT);
	AUTO_CLOSE int dir = fs_make_dirs(repo_dir(repo), "tuf", e);
	const struct putting p = {kept, snapshot, before, dir};

	if (snapshot == NULL || dir < 0 || put_all(&p, t, e) != 0 ||
		(before != NULL && before->snapshot != NULL &&
			before->snapshot->version != snapshot->version &&
			fs_each(dir, ".", remove_unlisted, (void *)(uintptr_t)&p, e) != 0)) {
		metadata_free(snapshot);
		return NULL;
	}
	return vouched_new(dir, snapshot, trust_role(t, ROLE_TIMESTAMP)->expires_s);
}

int
vouch_tree_root(struct repo *repo, uint64_t version, struct buf *ret, struct err *e)
{
	AUTO_FREE char *name = numbered(version, "root.json");
	AUTO_CLOSE int dir = fs_open_dir(repo_dir(repo), "tuf", e);

	return dir < 0 ? -1 : fs_read(dir, name, TRUST_ROOT_BYTES_MAX, ret, e);
}

int
vouch_tree_put_root(struct repo *repo, uint64_t version, struct span bytes, struct err *e)
{
	AUTO_FREE char *name = numbered(version, "root.json");
	AUTO_CLOSE int dir = fs_make_dirs(repo_dir(repo), "tuf", e);

	return dir < 0 ? -1 : fs_put_over(dir, stage, name, bytes, e);
}
