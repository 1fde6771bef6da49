/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_add.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "model/header.h"
#include "model/wire.h"
#include "parallel.h"
#include "publish/publish_archives.h"
#include "publish/publish_scan.h"
#include "publish/publish_sweep.h"
#include "signed_tree_commit.h"
#include "versions.h"

/* Without it nobody knows which versions are leftovers. */
static int
read_query(struct repo *repo, struct idents *ret, struct err *e)
{
	struct err why = {0};

	if (repo_read_query(repo, ret, &why) == 0)
		return 0;
	return err_set(e, why.code, "%s; guts2-publish init makes a damaged one anew", why.text);
}

/* One version on its way into the repository. */
struct add {
	struct repo *repo;
	const struct publish_request *request;
	struct idents query;
	struct signed_tree *tree;
	struct idents last; /* of each type, ever */
	struct header *header;
	struct header **older;
	size_t older_count;
	int content; /* directory below stage/: the files of the version by their digests */
	struct publish_archives archives;
	struct publish_staged documents; /* which refer to them */
};

/* ---- Threads and a bar */

struct publish_crew {
	unsigned threads;
	struct cli_progress *progress;
};

static int
each_task(void *context, size_t count, int (*run)(void *context, size_t index, struct err *e),
	void *run_context, struct err *e)
{
	const struct publish_crew *crew = context;

	return parallel_for(count, crew->threads, run, run_context, e);
}

static void
begin_tasks(void *context, const char *what, uint64_t bytes)
{
	const struct publish_crew *crew = context;

	cli_progress_end(crew->progress);
	cli_progress_start(crew->progress, what, bytes);
}

static void
add_bytes(void *context, uint64_t bytes)
{
	cli_progress_add(((struct publish_crew *)context)->progress, bytes);
}

/* ---- One version */

/* Larger than the last one: clients and servers take nothing that is older than what they have. */
static int
choose_version(struct add *a, struct err *e)
{
	const struct ident *last = idents_find(&a->last, a->request->type);
	uint64_t last_version = last != NULL ? last->edition.version : 0;
	uint64_t version = a->request->version;

	if (version == 0) {
		version = clock_wall_ms() / 1000;
		/* The clock was set back, or two versions came within a second. */
		if (version <= last_version)
			version = last_version + 1;
	}
	if (version <= last_version)
		return err_set(e, ERR_INPUT,
			"--version %" PRIu64 ": must be larger than the last one, %" PRIu64,
			version, last_version);
	if (version > IDENT_VERSION_MAX)
		return err_set(e, ERR_INPUT, "--version: larger than 2^53-1");
	a->header->ident.edition.version = version;
	return 0;
}

/* The newest first, at most as many as differences are wanted from. */
static int
open_all_older(struct add *a, struct err *e)
{
	AUTO_FREE struct ident *versions = NULL;
	size_t count;

	if (versions_read(a->repo, a->request->type, &versions, &count, e) != 0)
		return -1;
	if (count > a->request->diffs)
		count = a->request->diffs;
	a->older = mem_new(count, sizeof(*a->older));
	/* Counted one by one, so that after an error those that are there are freed. */
	for (; a->older_count < count; a->older_count++)
		if (repo_read_header(a->repo, &versions[a->older_count], &a->older[a->older_count],
			    NULL, e) != 0)
			return -1;
	return 0;
}

static int
stage_document(struct add *a, const char *name, const struct buf *bytes, struct err *e)
{
	AUTO_CLOSE int fd = publish_staged_open(&a->documents, name, e);

	return fd < 0 ? -1 : fs_write(fd, bytes->at, bytes->len, e);
}

/* Number 0: of the full archives; the others, of the differences from a->older. */
static int
stage_offer(struct add *a, size_t number, struct err *e)
{
	const struct edition *base = number > 0 ? &a->older[number - 1]->ident.edition : NULL;
	const struct offer *offer = &a->archives.offers[number];
	AUTO_BUF struct buf bytes = {0};
	char name[IDENT_NAME_MAX];
	bool any = false;

	for (int i = 0; i < FORMAT_COUNT; i++)
		any = any || offer->archive[i].bytes > 0;
	if (!any)
		return 0;
	wire_offer_format(offer, &bytes);
	return stage_document(a, ident_offer_name(&a->header->ident, base, name), &bytes, e);
}

static int
stage_archives(struct add *a, struct err *e)
{
	a->archives.header = a->header;
	a->archives.older = a->older;
	a->archives.older_count = a->older_count;
	a->archives.last = idents_find(&a->query, a->request->type);
	a->archives.content = a->content;
	if (publish_archives_make(&a->archives, e) != 0)
		return -1;
	for (size_t i = 0; i <= a->older_count; i++)
		if (stage_offer(a, i, e) != 0)
			return -1;
	return 0;
}

/* A header that is larger than clients take is refused here, while nothing is announced. */
static int
stage_header(struct add *a, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	char name[IDENT_NAME_MAX];

	header_format(a->header, &bytes);
	if (bytes.len > HEADER_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "the header would be larger than %zu bytes",
			HEADER_BYTES_MAX);
	return stage_document(a, ident_header_name(&a->header->ident, name), &bytes, e);
}

static int
announce(struct add *a, struct err *e)
{
	const struct ident *last = idents_find(&a->query, a->request->type);
	AUTO_BUF struct buf bytes = {0};
	uint64_t timestamp;

	/* The role lists it, and whoever lists it announces it. */
	if (signed_tree_has_root(a->tree))
		return publish_role_add(
			       a->tree, a->repo, &a->header->ident, a->request->signing, e) == 0
			       ? signed_tree_commit(
					 a->tree, a->request->signing->keys, &timestamp, e)
			       : -1;
	if (last != NULL)
		a->query.at[last - a->query.at] = a->header->ident;
	else
		idents_add(&a->query, &a->header->ident);
	(void)idents_sort(&a->query);
	wire_query_format(&a->query, &bytes);
	return repo_put(a->repo, "q", span_of(bytes.at, bytes.len), e);
}

/* One that c/ has already is replaced by an equal one, which mends what may have been damaged
 * since. */
static int
move_content(const struct add *a, struct err *e)
{
	size_t count;
	AUTO_FREE const struct header_file **blobs = header_blobs(a->header, &count);

	if (a->request->directory == NULL)
		return 0;
	for (size_t i = 0; i < count; i++) {
		char stage[DIGEST_HEX + 16] = "content/";
		char name[IDENT_NAME_MAX];

		(void)digest_hex(&blobs[i]->digest, stage + strlen(stage));
		if (repo_move(a->repo, stage, ident_blob_name(&blobs[i]->digest, name), e) != 0)
			return -1;
	}
	return 0;
}

/*
 * The bytes of everything are on the disk before anything has its name; files have theirs before
 * what refers to them; `q` comes last. Wherever power goes, what has a name is whole. A sync that
 * fails ends it: then nothing is announced, and the next run sweeps what there is.
 */
static int
give_names(struct add *a, struct err *e)
{
	if (repo_sync(a->repo, e) != 0 || move_content(a, e) != 0 ||
		publish_staged_move(&a->archives.staged, e) != 0 || repo_sync(a->repo, e) != 0 ||
		publish_staged_move(&a->documents, e) != 0 || repo_sync(a->repo, e) != 0)
		return -1;
	return announce(a, e);
}

/* The header of an older version, under the new number. */
static int
take_content_of(struct add *a, struct err *e)
{
	AUTO_FREE struct ident *versions = NULL;
	struct edition edition = a->header->ident.edition;
	struct header *older = NULL;
	size_t count;
	size_t i = 0;

	if (versions_read(a->repo, a->request->type, &versions, &count, e) != 0)
		return -1;
	while (i < count && versions[i].edition.version != a->request->content_of)
		i++;
	if (i == count)
		return err_set(e, ERR_MISSING, "--to: there is no version %" PRIu64 " of %s",
			a->request->content_of, a->request->type);
	if (repo_read_header(a->repo, &versions[i], &older, NULL, e) != 0)
		return -1;
	header_free(a->header);
	a->header = older;
	a->header->ident.edition = edition;
	if (a->request->title != NULL) {
		free(a->header->title);
		a->header->title = mem_string(a->request->title);
	}
	return 0;
}

static int
build_version(struct add *a, struct err *e)
{
	a->content = fs_make_dirs(repo_stage_dir(a->repo), "content", e);
	if (a->content < 0)
		return -1;
	if (a->request->directory == NULL
			? take_content_of(a, e) != 0
			: publish_scan(a->request->directory, a->content, a->header, e) != 0)
		return -1;
	header_cookie(a->header, a->header->ident.edition.cookie);
	if (open_all_older(a, e) != 0 || stage_archives(a, e) != 0)
		return -1;
	return stage_header(a, e) != 0 ? -1 : give_names(a, e);
}

/* Before anything is made: who publishes learns at once that it could not be signed. */
static int
open_tree(struct add *a, struct err *e)
{
	const struct publish_signing *signing = a->request->signing;

	if (signed_tree_open(a->repo, &a->tree, e) != 0 ||
		publish_role_last(a->tree, &a->query, a->request->type, &a->last, e) != 0)
		return -1;
	if (signed_tree_has_root(a->tree))
		return signed_tree_check_keys(a->tree, a->request->type, signing->keys, e);
	if (signing->keys->count > 0 || signing->security || signing->advisory != NULL)
		return err_set(e, ERR_INPUT, "this repository is not signed; see guts2-sign(1)");
	return 0;
}

int
publish_add(
	struct repo *repo, const struct publish_request *request, struct ident *ret, struct err *e)
{
	struct cli_progress progress = {0};
	struct publish_crew publish_crew = {(unsigned)request->jobs, &progress};
	struct encode_crew crew = {each_task, begin_tasks, add_bytes, &publish_crew};
	struct add a = {.repo = repo,
		.request = request,
		.header = header_new(),
		.content = -1,
		.archives = {.repo = repo, .crew = &crew},
		.documents = {.repo = repo, .what = "document"}};
	const bool locked = repo_lock(repo, e) == 0;
	int result = -1;

	memcpy(a.header->ident.type, request->type, strlen(request->type));
	a.header->title = mem_string(request->title != NULL ? request->title : request->type);
	/* What an earlier run left goes first: its version may be the one that is chosen now. */
	if (locked && read_query(repo, &a.query, e) == 0 && open_tree(&a, e) == 0 &&
		publish_sweep(repo, &a.last, e) == 0 && choose_version(&a, e) == 0)
		result = build_version(&a, e);
	*ret = a.header->ident;
	cli_progress_end(&progress);
	publish_archives_free(&a.archives);
	publish_staged_free(&a.documents);
	fs_close(&a.content);
	for (size_t i = 0; i < a.older_count; i++)
		header_free(a.older[i]);
	free(a.older);
	idents_free(&a.query);
	idents_free(&a.last);
	signed_tree_close(a.tree);
	header_free(a.header);
	/*
	 * It is published by now, or was not: then whoever shares the disk has the room again. What
	 * is left here the next run removes first.
	 */
	if (locked)
		(void)repo_stage_clear(repo, NULL);
	return result;
}
