/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/manners.h"

#include "unit.h"

/* Each row of guts2(7), MANNERS, for each document that can be asked for. */
static const struct {
	enum upstream_outcome came;
	long status;
	uint32_t retry_after_s;
	enum err_code why;
	bool gave_query;
	/* q, then h, o and f */
	enum upstream_outcome means[2];
	enum manners_effect effect[2];
} rows[] = {
	{UPSTREAM_FRESH, 200, 0, ERR_NONE, true, {UPSTREAM_FRESH, UPSTREAM_FRESH},
		{MANNERS_WORKS, MANNERS_WORKS}},
	{UPSTREAM_UNCHANGED, 304, 0, ERR_NONE, true, {UPSTREAM_UNCHANGED, UPSTREAM_UNCHANGED},
		{MANNERS_WORKS, MANNERS_WORKS}},
	{UPSTREAM_ABSENT, 404, 0, ERR_MISSING, true, {UPSTREAM_BROKEN, UPSTREAM_ABSENT},
		{MANNERS_FAILS, MANNERS_WORKS}},
	{UPSTREAM_REFUSED, 403, 0, ERR_INPUT, true, {UPSTREAM_REFUSED, UPSTREAM_ABSENT},
		{MANNERS_FAILS, MANNERS_WORKS}},
	{UPSTREAM_REFUSED, 403, 0, ERR_INPUT, false, {UPSTREAM_REFUSED, UPSTREAM_REFUSED},
		{MANNERS_FAILS, MANNERS_WORKS}},
	{UPSTREAM_REFUSED, 400, 0, ERR_INPUT, true, {UPSTREAM_REFUSED, UPSTREAM_REFUSED},
		{MANNERS_FAILS, MANNERS_WORKS}},
	{UPSTREAM_MOVED, 301, 0, ERR_INPUT, true, {UPSTREAM_MOVED, UPSTREAM_MOVED},
		{MANNERS_WORKS, MANNERS_WORKS}},
	{UPSTREAM_BUSY, 503, 60, ERR_BUSY, true, {UPSTREAM_BUSY, UPSTREAM_BUSY},
		{MANNERS_RESTS, MANNERS_SILENT}},
	{UPSTREAM_BUSY, 429, 60, ERR_BUSY, true, {UPSTREAM_BUSY, UPSTREAM_BUSY},
		{MANNERS_RESTS, MANNERS_SILENT}},
	{UPSTREAM_BUSY, 503, 0, ERR_BUSY, true, {UPSTREAM_BUSY, UPSTREAM_BUSY},
		{MANNERS_FAILS, MANNERS_FAILS}},
	{UPSTREAM_PREPARING, 503, 60, ERR_BUSY, true, {UPSTREAM_PREPARING, UPSTREAM_PREPARING},
		{MANNERS_WORKS, MANNERS_WORKS}},
	{UPSTREAM_UNREACHABLE, 0, 0, ERR_SYS, true, {UPSTREAM_UNREACHABLE, UPSTREAM_UNREACHABLE},
		{MANNERS_FAILS, MANNERS_FAILS}},
	{UPSTREAM_BROKEN, 500, 0, ERR_INPUT, true, {UPSTREAM_BROKEN, UPSTREAM_BROKEN},
		{MANNERS_FAILS, MANNERS_FAILS}},
	/* It could not be written here. */
	{UPSTREAM_BROKEN, 200, 0, ERR_FULL, true, {UPSTREAM_BROKEN, UPSTREAM_BROKEN},
		{MANNERS_SILENT, MANNERS_SILENT}},
	{UPSTREAM_BROKEN, 200, 0, ERR_SYS, true, {UPSTREAM_BROKEN, UPSTREAM_BROKEN},
		{MANNERS_SILENT, MANNERS_SILENT}},
};

START_TEST(manners__one_document_s_trouble_stays_its_own)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int what = SOURCE_QUERY; what <= SOURCE_FILE; what++) {
			struct upstream_reply reply = {.outcome = rows[i].came,
				.status = rows[i].status,
				.retry_after_s = rows[i].retry_after_s,
				.why.code = rows[i].why};
			int column = what != SOURCE_QUERY;

			reply.outcome =
				manners_outcome((enum source_what)what, &reply, rows[i].gave_query);
			ck_assert_msg(reply.outcome == rows[i].means[column],
				"row %zu, document %d: outcome %d", i, what, (int)reply.outcome);
			ck_assert_msg(manners_effect((enum source_what)what, &reply) ==
					      rows[i].effect[column],
				"row %zu, document %d: effect", i, what);
		}
}
END_TEST

void
manners_tests(TCase *c)
{
	tcase_add_test(c, manners__one_document_s_trouble_stays_its_own);
}
