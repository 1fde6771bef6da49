/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/survey.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "codec/validate.h"
#include "model/header.h"
#include "store/content.h"

struct survey {
	struct repo *repo;
	int (*bad)(void *context, const char *name, const char *why, struct err *e);
	void *context;
	struct records *records;
};

/*
 * A document that cannot be believed is told of; one that cannot be read is an error, since it may
 * be good; and one that went while it was looked at is none. The last is asked first: whatever the
 * error was, it is of no interest then.
 */
static int
complain(struct survey *s, const struct target *t, const struct err *why, struct err *e)
{
	char name[IDENT_NAME_MAX];

	if (!repo_has(s->repo, ident_target_name(t, name)))
		return 0;
	if (why->code == ERR_SYS || why->code == ERR_FULL) {
		if (e != NULL)
			*e = *why;
		return -1;
	}
	return s->bad != NULL ? s->bad(s->context, name, why->text, e) : 0;
}

/* A header, or what its content marker stands for. */
static int
visit_version(struct survey *s, const struct target *t, struct err *e)
{
	AUTO_HEADER struct header *h = NULL;
	struct record r = {.kind = RECORD_HEADER, .ident = t->ident};
	struct err why = {0};

	if (repo_read_header(s->repo, &t->ident, &h, &r.ref, &why) != 0)
		return complain(s, t, &why, e);
	if (t->kind == TARGET_CONTENT) {
		r.kind = RECORD_CONTENT;
		r.ref.bytes = content_bytes(h);
		/* A marker says so, but somebody may have removed a file since. */
		if (!content_is_complete(s->repo, h)) {
			(void)err_set(&why, ERR_MISSING, "a file of it is not in c/");
			return complain(s, t, &why, e);
		}
	}
	records_add(s->records, &r);
	return 0;
}

/* The archives of an offer that are there. */
static int
read_archives(struct survey *s, const struct target *t, struct err *e)
{
	struct record r = {.ident = t->ident, .base = t->base};
	struct offer offer;
	char name[IDENT_NAME_MAX];
	bool any = false;

	if (repo_read_offer(s->repo, ident_target_name(t, name), &offer, e) != 0)
		return -1;
	for (int i = 0; i < FORMAT_COUNT; i++) {
		r.format = (enum format)i;
		r.ref = offer.archive[i];
		if (r.ref.bytes == 0 || !repo_has_archive(s->repo, &r.ref))
			continue;
		records_add(s->records, &r);
		any = true;
	}
	return any ? 0 : err_set(e, ERR_MISSING, "no archive that it names is there");
}

static int
visit_offer(struct survey *s, const struct target *t, struct err *e)
{
	struct err why = {0};

	/* The second look is for an offer that was replaced, and its archive removed, meanwhile. */
	for (int look = 0; look < 2; look++)
		if (read_archives(s, t, &why) == 0)
			return 0;
	return complain(s, t, &why, e);
}

static int
visit(void *context, const struct target *t, struct err *e)
{
	return t->kind == TARGET_OFFER ? visit_offer(context, t, e) : visit_version(context, t, e);
}

/*
 * Headers are parsed and digested, which are small; of archives and contents names and sizes are
 * compared. So a start takes a moment, whatever the cache holds.
 */
int
survey_read(struct repo *repo,
	int (*bad)(void *context, const char *name, const char *why, struct err *e), void *context,
	struct records *ret, struct err *e)
{
	struct survey s = {repo, bad, context, ret};

	if (repo_walk(repo, visit, &s, e) != 0)
		return -1;
	records_sort(ret);
	return 0;
}

static void
add_content(struct repo *repo, const struct records *records, size_t record, struct tally *ret)
{
	const struct record *r = &records->at[record];
	AUTO_HEADER struct header *h = NULL;
	AUTO_FREE const struct header_file **files = NULL;
	size_t count = 0;

	if (repo_read_header(repo, &r->ident, &h, NULL, NULL) == 0)
		files = header_blobs(h, &count);
	else
		tally_add(ret, record, RECORD_CONTENT, &r->ref);
	for (size_t i = 0; i < count; i++)
		tally_add(ret, record, RECORD_CONTENT,
			&(struct archive_ref){files[i]->digest, files[i]->size});
}

uint64_t
survey_tally(struct repo *repo, const struct records *records, struct tally *ret)
{
	for (size_t i = 0; i < records->count; i++) {
		const struct record *r = &records->at[i];

		if (r->kind == RECORD_CONTENT)
			add_content(repo, records, i, ret);
		else
			tally_add(ret, i, r->kind, &r->ref);
	}
	return tally_total(ret);
}

int
survey_query(struct repo *repo, struct idents *ret, struct err *ret_lost, struct err *e)
{
	*ret_lost = (struct err){0};
	if (!repo_has(repo, "q"))
		(void)err_set(ret_lost, ERR_MISSING, "q: there is none");
	if (repo_read_query(repo, ret, ret_lost) == 0 || ret_lost->code == ERR_INPUT ||
		ret_lost->code == ERR_LIMIT || ret_lost->code == ERR_MISSING)
		return 0;
	return err_set(e, ret_lost->code, "%s", ret_lost->text);
}

/*
 * The digest first: only of the right bytes anything can be said. A header that is not here, or
 * cannot be read, says nothing of the archive: it is compared where it is used (apply.h), and by
 * the next look.
 */
int
survey_check_archive(struct repo *repo, const struct record *r, const char *name, struct err *e)
{
	AUTO_HEADER struct header *h = NULL;
	AUTO_HEADER struct header *old = NULL;
	AUTO_MAP struct map map = {0};
	struct validate against = {.full = record_is_full(r)};
	const struct ident from = record_base(r);

	if (repo_check(repo, name, &r->ref, e) != 0 || map_open(repo_dir(repo), name, &map, e) != 0)
		return -1;
	(void)repo_read_header(repo, &r->ident, &h, NULL, NULL);
	if (!against.full)
		(void)repo_read_header(repo, &from, &old, NULL, NULL);
	against.header = h;
	against.old = old;
	return validate_archive(map_span(&map), &against, e);
}

/*
 * Of content the digest of each file, since that of its record is its header's.
 */
int
survey_check(struct repo *repo, const struct record *r, struct err *e)
{
	AUTO_HEADER struct header *h = NULL;
	char name[IDENT_NAME_MAX];

	switch (r->kind) {
	case RECORD_HEADER:
		return repo_check(repo, record_name(r, name), &r->ref, e);
	case RECORD_CONTENT:
		if (repo_read_header(repo, &r->ident, &h, NULL, e) != 0)
			return -1;
		return content_check(repo, h, e);
	case RECORD_ARCHIVE:
		break;
	}
	return survey_check_archive(repo, r, ident_file_name(&r->ref.id, name), e);
}
