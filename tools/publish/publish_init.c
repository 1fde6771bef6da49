/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_init.h"

#include <string.h>

#include "model/record.h"
#include "store/survey.h"

/*
 * Archives are on the disk before their offer is, and the full archive's offer is all that a client
 * of any version needs: where a publisher was interrupted before its end this is whole all the
 * same.
 */
static void
find_newest(const struct records *records, struct idents *ret)
{
	const struct ident *header = NULL;

	/* Newest first, and of each version the header before its archives. */
	for (size_t i = 0; i < records->count; i++) {
		const struct record *r = &records->at[i];

		if (r->kind == RECORD_HEADER)
			header = &r->ident;
		else if (record_is_full(r) && header != NULL && ident_equal(header, &r->ident) &&
			 (ret->count == 0 ||
				 strcmp(ret->at[ret->count - 1].type, r->ident.type) != 0))
			idents_add(ret, &r->ident);
	}
}

static int
note_damaged(void *context, const char *name, const char *why, struct err *e)
{
	bool *damaged = context;

	(void)name;
	(void)why;
	(void)e;
	*damaged = true;
	return 0;
}

int
publish_init(const char *path, struct idents *ret_found, struct err *e)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_RECORDS struct records records = {0};
	AUTO_IDENTS struct idents query = {0};
	AUTO_BUF struct buf bytes = {0};
	bool damaged = false;

	*ret_found = (struct idents){0};
	if (repo_open(path, true, &repo, e) != 0 ||
		survey_query(repo, note_damaged, &damaged, &query, e) != 0)
		return -1;
	if (repo_has(repo, "q") && !damaged)
		return 0;
	if (repo_lock(repo, e) != 0 || survey_read(repo, NULL, NULL, &records, e) != 0)
		return -1;
	find_newest(&records, ret_found);
	wire_query_format(ret_found, &bytes);
	return repo_put(repo, "q", span_of(bytes.at, bytes.len), e);
}
