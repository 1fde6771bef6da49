/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_init.h"

#include "model/record.h"
#include "signed_tree_commit.h"
#include "store/survey.h"

/*
 * All a client needs of a version, whatever it has: the full archive in each format that is made.
 * Where a publisher was interrupted before its end these are whole all the same, or not there.
 */
static bool
is_enough(void *context, const struct record *first, size_t count)
{
	unsigned formats = 0;

	for (size_t i = 1; i < count; i++)
		formats += record_is_full(&first[i]) && survey_check(context, &first[i], NULL) == 0;
	return formats == FORMAT_COUNT;
}

/* What was withdrawn is not announced again. */
static int
leave_withdrawn(struct repo *repo, struct idents *query, struct err *e)
{
	struct signed_tree *tree = NULL;

	if (signed_tree_open(repo, &tree, e) != 0)
		return -1;
	(void)signed_tree_commit_announce(tree, query);
	signed_tree_close(tree);
	return 0;
}

int
publish_init(const char *path, struct idents *ret_found, struct err *e)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_RECORDS struct records records = {0};
	AUTO_IDENTS struct idents query = {0};
	AUTO_BUF struct buf bytes = {0};
	struct err lost;

	*ret_found = (struct idents){0};
	if (repo_open(path, true, &repo, e) != 0 || survey_query(repo, &query, &lost, e) != 0)
		return -1;
	if (lost.code == ERR_NONE)
		return 0;
	if (repo_lock(repo, e) != 0 || survey_read(repo, NULL, NULL, &records, e) != 0)
		return -1;
	records_newest(&records, is_enough, repo, ret_found);
	if (leave_withdrawn(repo, ret_found, e) != 0)
		return -1;
	wire_query_format(ret_found, &bytes);
	return repo_put(repo, "q", span_of(bytes.at, bytes.len), e);
}
