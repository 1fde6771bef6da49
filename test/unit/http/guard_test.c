/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/guard.h"

#include "unit.h"

START_TEST(guard_judge__one_row_for_each_rule)
{
	static const struct {
		const char *method, *version;
		const char *headers[6]; /* name, value, ... */
		size_t line, head;
		unsigned status;
	} rows[] = {{"GET", "HTTP/1.1", {"Host", "x"}, 20, 100, 0},
		{"GET", "HTTP/1.0", {NULL}, 20, 100, 0},
		{"POST", "HTTP/1.1", {"Host", "x", "Content-Length", "65536"}, 20, 100, 0},
		{"POST", "HTTP/1.1", {"Host", "x", "Transfer-Encoding", "chunked"}, 20, 100, 0},
		{"GET", "HTTP/1.1", {"Host", "x", "content-length", "0"}, 20, 100, 0},
		{"GET", "HTTP/1.1", {"Host", "x"}, 1025, 1100, 414},
		{"GET", "HTTP/1.1", {"Host", "x"}, 20, 3073, 431},
		{"GET", "HTTP/1.2", {"Host", "x"}, 20, 100, 400},
		{"GET", "HTTP/1.1", {NULL}, 20, 100, 400},
		{"GET", "HTTP/1.1", {"Host", "x", "HOST", "y"}, 20, 100, 400},
		{"GET", "HTTP/1.1", {"Host", "x", "X ", "y"}, 20, 100, 400},
		{"GET", "HTTP/1.1", {"Host", "x", "X", "a\x01"}, 20, 100, 400},
		{"POST", "HTTP/1.1", {"Host", "x", "Content-Length", "1", "Content-Length", "1"},
			20, 100, 400},
		{"POST", "HTTP/1.1", {"Host", "x", "Content-Length", "-1"}, 20, 100, 400},
		{"POST", "HTTP/1.1", {"Host", "x", "Content-Length", "0x1"}, 20, 100, 400},
		{"POST", "HTTP/1.1",
			{"Host", "x", "Content-Length", "1", "Transfer-Encoding", "chunked"}, 20,
			100, 400},
		{"GET", "HTTP/1.1", {"Host", "x", "Transfer-Encoding", "chunked"}, 20, 100, 400},
		{"POST", "HTTP/1.1", {"Host", "x", "Transfer-Encoding", "Chunked"}, 20, 100, 0},
		{"POST", "HTTP/1.1", {"Host", "x", "Transfer-Encoding", "xchunked"}, 20, 100, 501},
		{"POST", "HTTP/1.1", {"Host", "x", "Transfer-Encoding", "identity"}, 20, 100, 501},
		{"POST", "HTTP/1.1", {"Host", "x", "Transfer-Encoding", "gzip, chunked"}, 20, 100,
			501},
		{"GET", "HTTP/1.1", {"Host", "x", "Content-Length", "1"}, 20, 100, 400},
		{"PUT", "HTTP/1.1", {"Host", "x"}, 20, 100, 405},
		{"POST", "HTTP/1.1", {"Host", "x", "Content-Length", "65537"}, 20, 100, 413}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guard g = {0};
		struct guard_head head = {
			rows[i].method, rows[i].version, rows[i].line, rows[i].head};
		const char *reason = NULL;

		for (size_t j = 0; j < 6 && rows[i].headers[j] != NULL; j += 2)
			guard_header(&g, rows[i].headers[j], strlen(rows[i].headers[j]),
				rows[i].headers[j + 1], strlen(rows[i].headers[j + 1]));
		ck_assert_msg(guard_judge(&g, &head, &reason) == rows[i].status, "row %zu", i);
		ck_assert((reason != NULL) == (rows[i].status != 0));
	}
}
END_TEST

void
guard_tests(TCase *c)
{
	tcase_add_test(c, guard_judge__one_row_for_each_rule);
}
