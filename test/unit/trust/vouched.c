/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/vouched.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "unit.h"

const int64_t vouched_now_s = 1795729153;
struct signed_keys vouched_keys;
struct vouched_files vouched_repository, vouched_kept;
char vouched_asked[1024];

void
vouched_put(struct vouched_files *f, const char *name, struct span bytes)
{
	struct vouched_file *file = f->at;

	while (file < f->at + f->count && strcmp(file->name, name) != 0)
		file++;
	f->count += file == f->at + f->count;
	ck_assert_uint_le(f->count, VOUCHED_FILES);
	(void)snprintf(file->name, sizeof(file->name), "%s", name);
	buf_clear(&file->bytes);
	buf_add(&file->bytes, bytes.at, bytes.len);
}

const struct vouched_file *
vouched_get(const struct vouched_files *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->at[i].bytes.len > 0 && strcmp(f->at[i].name, name) == 0)
			return &f->at[i];
	return NULL;
}

static void
clear(struct vouched_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		buf_free(&f->at[i].bytes);
	f->count = 0;
}

/* ---- A repository: each role of the root's has the key of its number. */

void
vouched_publish(const char *name, const char *by, char *take_content)
{
	AUTO_FREE char *content = take_content;
	AUTO_BUF struct buf bytes = {0};

	signed_document(&vouched_keys, content, by, &bytes);
	vouched_put(&vouched_repository, name, signed_span(&bytes));
}

char *
vouched_common(const char *type, unsigned version, const char *expires)
{
	return mem_printf("\"_type\":\"%s\",\"spec_version\":\"1.0.34\",\"version\":%u,"
			  "\"expires\":\"%s\"",
		type, version, expires);
}

/* who: the number of each role's key, in the order of enum role. */
char *
vouched_root(unsigned version, const char *expires, const char *who)
{
	AUTO_FREE char *head = vouched_common("root", version, expires);
	AUTO_BUF struct buf entries = {0};
	AUTO_BUF struct buf roles = {0};

	for (unsigned i = 0; i < SIGNED_KEYS; i++) {
		signed_entry(&vouched_keys, i, &entries);
		buf_add_string(&entries, i + 1 < SIGNED_KEYS ? "," : "");
	}
	for (int role = 0; role < ROLE_COUNT; role++)
		buf_printf(&roles, "%s\"%s\":{\"keyids\":[\"k%c\"],\"threshold\":1}",
			role > 0 ? "," : "", metadata_role_name((enum role)role), who[role]);
	return mem_printf("{%s,\"consistent_snapshot\":true,\"keys\":{%s},\"roles\":{%s}}", head,
		entries.at, roles.at);
}

char *
vouched_timestamp(unsigned version, unsigned snapshot, const char *expires)
{
	AUTO_FREE char *head = vouched_common("timestamp", version, expires);

	return mem_printf("{%s,\"meta\":{\"snapshot.json\":{\"version\":%u}}}", head, snapshot);
}

/* a, b: the versions of the roles a and b; 0: it is not listed. */
char *
vouched_snapshot(unsigned version, unsigned targets, unsigned a, unsigned b)
{
	AUTO_FREE char *head = vouched_common("snapshot", version, VOUCHED_SOON);
	AUTO_BUF struct buf meta = {0};

	buf_printf(&meta, "\"targets.json\":{\"version\":%u}", targets);
	if (a > 0)
		buf_printf(&meta, ",\"a.json\":{\"version\":%u}", a);
	if (b > 0)
		buf_printf(&meta, ",\"b.json\":{\"version\":%u}", b);
	return mem_printf("{%s,\"meta\":{%s}}", head, meta.at);
}

static const char digest_of_nothing[] =
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* path NULL: no target. roles: of delegations. */
char *
vouched_targets(unsigned version, const char *expires, const char *path, const char *roles)
{
	AUTO_FREE char *head = vouched_common("targets", version, expires);
	AUTO_BUF struct buf entries = {0};
	AUTO_BUF struct buf files = {0};

	for (unsigned i = 0; i < 4; i++) {
		signed_entry(&vouched_keys, i, &entries);
		buf_add_string(&entries, i < 3 ? "," : "");
	}
	buf_add_string(&files, "");
	if (path != NULL)
		buf_printf(&files, "\"%s\":{\"length\":0,\"hashes\":{\"sha256\":\"%s\"}}", path,
			digest_of_nothing);
	return mem_printf("{%s,\"targets\":{%s},\"delegations\":{\"keys\":{%s},\"roles\":[%s]}}",
		head, files.len > 0 ? files.at : "", entries.at, roles);
}

/* Everything in its first version. */
void
vouched_set_up(void)
{
	signed_set_up(&vouched_keys);
	vouched_publish("1.root.json", "0", vouched_root(1, VOUCHED_SOON, "0123"));
	vouched_publish("timestamp.json", "1", vouched_timestamp(1, 1, VOUCHED_SOON));
	vouched_publish("1.snapshot.json", "2", vouched_snapshot(1, 1, 1, 1));
	vouched_publish("1.targets.json", "3",
		vouched_targets(1, VOUCHED_SOON, "top", VOUCHED_A("false") "," VOUCHED_B));
	vouched_publish("1.a.json", "0", vouched_targets(1, VOUCHED_SOON, "xa", ""));
	vouched_publish("1.b.json", "1", vouched_targets(1, VOUCHED_SOON, "xb", ""));
	vouched_put(&vouched_kept, "root.json",
		signed_span(&vouched_get(&vouched_repository, "1.root.json")->bytes));
}

void
vouched_tear_down(void)
{
	clear(&vouched_repository);
	clear(&vouched_kept);
}

/* ---- A client: it keeps what it is told to. */

void
vouched_run(struct trust *t)
{
	struct trust_want want;
	size_t len = strlen(vouched_asked);

	while (trust_next(t, &want)) {
		const struct vouched_file *f =
			want.kept ? vouched_get(&vouched_kept, want.name)
				  : vouched_get(&vouched_repository, want.file);

		if (!want.kept)
			len += (size_t)snprintf(
				vouched_asked + len, sizeof(vouched_asked) - len, "%s ", want.file);
		if (f == NULL)
			trust_absent(t);
		else if (trust_take(t, signed_span(&f->bytes)) && !want.kept)
			vouched_put(&vouched_kept, want.name, signed_span(&f->bytes));
	}
}

/* With what is kept, at a time. */
enum verdict
vouched_refresh_at(int64_t s, const char **ret_why)
{
	static char why[sizeof(((struct err *)0)->text)];
	struct trust *t =
		trust_new(signed_span(&vouched_get(&vouched_kept, "root.json")->bytes), s, NULL);
	enum verdict reason;

	ck_assert_ptr_nonnull(t);
	vouched_asked[0] = '\0';
	vouched_run(t);
	reason = trust_verdict(t);
	(void)snprintf(why, sizeof(why), "%s", trust_why(t));
	trust_free(t);
	if (ret_why != NULL)
		*ret_why = why;
	return reason;
}

enum verdict
vouched_refresh(void)
{
	return vouched_refresh_at(vouched_now_s, NULL);
}
