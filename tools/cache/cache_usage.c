/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_usage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "model/header.h"

/*
 * Where the bytes of a file below c/ belong. A file has a digest for a name, and says nothing of
 * its type: the headers of versions whose content is kept do.
 */
struct owner {
	struct digest file;
	const char *type;
};

/* A line of the table. */
struct sum {
	char type[IDENT_TYPE_MAX + 1]; /* "" none */
	char kind[16];
	uint64_t bytes;
	uint64_t files;
};

struct usage {
	const struct cache *cache;
	struct owner *owners; /* sorted by file once all are known */
	size_t owner_count;
	size_t owner_capacity;
	const char *part; /* the directory that is walked, "" the top */
	struct sum *sums;
	size_t count;
	size_t capacity;
};

/* There are a few kinds of each type: looking through all sums is quick enough. */
static void
add(struct usage *u, const char *type, const char *kind, uint64_t bytes)
{
	size_t i = 0;

	while (i < u->count &&
		(strcmp(u->sums[i].type, type) != 0 || strcmp(u->sums[i].kind, kind) != 0))
		i++;
	if (i == u->count) {
		u->sums = mem_grow(u->sums, u->count, &u->capacity, sizeof(*u->sums));
		u->sums[u->count] = (struct sum){0};
		(void)snprintf(u->sums[i].type, sizeof(u->sums[i].type), "%s", type);
		(void)snprintf(u->sums[i].kind, sizeof(u->sums[i].kind), "%s", kind);
		u->count++;
	}
	u->sums[i].bytes += bytes;
	u->sums[i].files++;
}

static int
compare_owners(const void *a, const void *b)
{
	return digest_compare(&((const struct owner *)a)->file, &((const struct owner *)b)->file);
}

/* A file that several types share is one of theirs. */
static void
add_owners(struct usage *u)
{
	const struct records *all = &u->cache->records;

	for (size_t i = 0; i < all->count; i++) {
		AUTO_HEADER struct header *h = NULL;

		/* The files of a header are in c/ only where its version's content is kept. */
		if (all->at[i].kind != RECORD_CONTENT ||
			repo_read_header(u->cache->repo, &all->at[i].ident, &h, NULL, NULL) != 0)
			continue;
		for (size_t f = 0; f < h->count; f++) {
			u->owners = mem_grow(
				u->owners, u->owner_count, &u->owner_capacity, sizeof(*u->owners));
			u->owners[u->owner_count++] =
				(struct owner){h->files[f].digest, all->at[i].ident.type};
		}
	}
}

static void
add_content(struct usage *u, const char *name, uint64_t bytes)
{
	const struct owner *owner = NULL;
	struct owner key = {.type = NULL};

	if (u->owner_count > 0 && strlen(name) == DIGEST_HEX && digest_parse(name, &key.file))
		owner = bsearch(
			&key, u->owners, u->owner_count, sizeof(*u->owners), compare_owners);
	if (owner != NULL)
		add(u, owner->type, "content", bytes);
	else
		add(u, "", "stray", bytes);
}

/*
 * By its id, since a file below f/ does not tell what it is. One that several offers name is
 * counted once, for the first of them.
 */
static void
add_archive(struct usage *u, const char *name, uint64_t bytes)
{
	const struct records *all = &u->cache->records;
	struct digest id;

	for (size_t i = 0; digest_parse(name, &id) && i < all->count; i++) {
		if (all->at[i].kind != RECORD_ARCHIVE || !digest_equal(&all->at[i].ref.id, &id))
			continue;
		add(u, all->at[i].ident.type, record_kind_name(&all->at[i]), bytes);
		return;
	}
	add(u, "", "stray", bytes);
}

/*
 * The names at the top are documents, which say themselves of what they are, and a few files of the
 * server's.
 */
static void
add_document(struct usage *u, const char *name, uint64_t bytes)
{
	static const char *const kinds[] = {
		[TARGET_HEADER] = "header", [TARGET_OFFER] = "offer", [TARGET_CONTENT] = "content"};
	struct target target;

	if (ident_target_parse_stored(name, &target))
		add(u, target.ident.type, kinds[target.kind], bytes);
	else if (strcmp(name, "q") == 0)
		add(u, "", "announcement", bytes);
	else if (strncmp(name, "index.sqlite", 12) == 0)
		add(u, "", "index", bytes);
	else
		add(u, "", strcmp(name, "lock") == 0 ? "lock" : "foreign", bytes);
}

/*
 * For each file of the cache, whatever it is: the sum is that of all sizes. What nothing explains
 * is stray where files of the cache lie, and else somebody else's.
 */
static int
add_file(void *context, int dir, const char *name, struct err *e)
{
	struct usage *u = context;
	const char *part = u->part;
	struct stat st;
	int result;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0; /* it has just gone */
	if (S_ISDIR(st.st_mode)) {
		/* However deep it goes, what counts is the directory at the top. */
		u->part = *part != '\0' ? part : name;
		result = fs_each(dir, name, add_file, u, e);
		u->part = part;
		/* The server may remove a directory while it is walked. */
		return result == 0 || e->code == ERR_MISSING ? 0 : -1;
	}
	if (!S_ISREG(st.st_mode)) /* the control socket */
		return 0;
	if (strcmp(part, "f") == 0)
		add_archive(u, name, (uint64_t)st.st_size);
	else if (strcmp(part, "c") == 0)
		add_content(u, name, (uint64_t)st.st_size);
	else if (*part == '\0')
		add_document(u, name, (uint64_t)st.st_size);
	else
		add(u, "",
			strcmp(part, "stage") == 0	  ? "stage"
			: strcmp(part, "quarantine") == 0 ? "quarantine"
			: strcmp(part, "tuf") == 0	  ? "signed"
							  : "foreign",
			(uint64_t)st.st_size);
	return 0;
}

static int
compare_sums(const void *a, const void *b)
{
	const struct sum *left = a;
	const struct sum *right = b;
	int order = strcmp(left->type, right->type);

	return order != 0 ? order : strcmp(left->kind, right->kind);
}

static void
print_sums(const struct usage *u, uint64_t total, bool json)
{
	json_t *objects = json_array();
	char bytes[32];

	for (size_t i = 0; i < u->count; i++) {
		const struct sum *s = &u->sums[i];

		(void)json_array_append_new(
			objects, json_pack("{s:o,s:s,s:I,s:I}", "type",
					 *s->type != '\0' ? json_string(s->type) : json_null(),
					 "kind", s->kind, "files", (json_int_t)s->files, "bytes",
					 (json_int_t)s->bytes));
		if (!json)
			(void)printf("%9s  %6llu files  %-12s  %s\n",
				num_bytes_text(s->bytes, bytes, sizeof(bytes)),
				(unsigned long long)s->files, s->kind, s->type);
	}
	if (json)
		cli_print_json(json_pack("{s:I,s:O}", "bytes", (json_int_t)total, "rows", objects));
	else
		(void)printf("%9s  in all\n", num_bytes_text(total, bytes, sizeof(bytes)));
	json_decref(objects);
}

int
cache_usage(const struct cache *c, bool json)
{
	struct usage u = {.cache = c, .part = ""};
	uint64_t total = 0;
	struct err e = {0};
	int result;

	add_owners(&u);
	mem_sort(u.owners, u.owner_count, sizeof(*u.owners), compare_owners);
	result = fs_each(repo_dir(c->repo), ".", add_file, &u, &e);
	if (result == 0) {
		mem_sort(u.sums, u.count, sizeof(*u.sums), compare_sums);
		for (size_t i = 0; i < u.count; i++)
			total += u.sums[i].bytes;
		print_sums(&u, total, json);
	} else {
		(void)cli_fail(&e);
	}
	free(u.sums);
	free(u.owners);
	return result == 0 ? CLI_OK : CLI_FAILED;
}
