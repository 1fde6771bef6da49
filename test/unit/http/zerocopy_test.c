/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Buffers that stand for bytes of a file, and how they are sent. */
#include "http/zerocopy.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

enum { LEN = 1 << 20, BLOCK = 1 << 14, FIRST = 100 };

struct ends {
	int at[2];
	int file;
	unsigned char *bytes; /* of the file */
	char *buffer;
};

static void
set_up(struct ends *s)
{
	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, s->at), 0);
	s->file = memfd_create("file", MFD_CLOEXEC);
	s->bytes = unit_bytes(LEN, 1);
	s->buffer = mem_new(BLOCK, 1);
	ck_assert_int_eq(fs_write(s->file, s->bytes, LEN, NULL), 0);
}

static void
tear_down(struct ends *s)
{
	zerocopy_end(s->at[0]);
	fs_close(&s->at[0]);
	fs_close(&s->at[1]);
	fs_close(&s->file);
	free(s->bytes);
	free(s->buffer);
}

/* All of it, in whatever pieces the socket takes. */
static void
send_all(struct ends *s, const char *at, size_t len, unsigned char *ret)
{
	size_t taken = 0;
	size_t given = 0;

	while (taken < len) {
		ssize_t n = send(s->at[0], at + given, len - given, MSG_NOSIGNAL);

		ck_assert(n > 0 || errno == EAGAIN || given == len);
		given += n > 0 ? (size_t)n : 0;
		n = recv(s->at[1], ret + taken, len - taken, 0);
		taken += n > 0 ? (size_t)n : 0;
	}
}

START_TEST(zerocopy_begin__a_buffer_is_sent_as_what_it_stands_for)
{
	AUTO_FREE unsigned char *got = mem_new(LEN, 1);
	struct ends s;

	set_up(&s);
	ck_assert(zerocopy_begin(s.at[0], s.buffer, BLOCK, s.file, FIRST));
	send_all(&s, s.buffer, BLOCK, got);
	ck_assert_mem_eq(got, s.bytes + FIRST, BLOCK);
	/* From within, and the last byte. */
	send_all(&s, s.buffer + BLOCK / 2, BLOCK / 2, got);
	ck_assert_mem_eq(got, s.bytes + FIRST + BLOCK / 2, BLOCK / 2);
	/* In place of that. */
	ck_assert(zerocopy_begin(s.at[0], s.buffer, BLOCK, s.file, LEN - BLOCK));
	send_all(&s, s.buffer, BLOCK, got);
	ck_assert_mem_eq(got, s.bytes + LEN - BLOCK, BLOCK);
	tear_down(&s);
}
END_TEST

/* Another buffer, another socket, before it began and after it has ended. */
START_TEST(zerocopy_file__nothing_else_is_sent_from_there)
{
	unsigned char got[16];
	char own[] = "what it says";
	struct ends s;
	off_t offset;

	set_up(&s);
	ck_assert_int_eq(zerocopy_file(s.at[0], s.buffer, &offset), -1);
	ck_assert(zerocopy_begin(s.at[0], s.buffer, BLOCK, s.file, 0));
	ck_assert_int_eq(zerocopy_file(s.at[0], s.buffer - 1, &offset), -1);
	ck_assert_int_eq(zerocopy_file(s.at[0], s.buffer + BLOCK, &offset), -1);
	ck_assert_int_eq(zerocopy_file(s.at[1], s.buffer, &offset), -1);
	ck_assert_int_eq(zerocopy_file(s.at[0], s.buffer + BLOCK - 1, &offset), s.file);
	ck_assert_int_eq(offset, BLOCK - 1);
	send_all(&s, own, sizeof(own), got);
	ck_assert_str_eq((char *)got, own);
	zerocopy_end(s.at[0]);
	ck_assert_int_eq(zerocopy_file(s.at[0], s.buffer, &offset), -1);
	tear_down(&s);
}
END_TEST

START_TEST(zerocopy_begin__not_of_numbers_that_no_socket_has)
{
	off_t offset;
	char buffer[1] = "";

	ck_assert(!zerocopy_begin(-1, buffer, 1, 0, 0));
	ck_assert(!zerocopy_begin(1 << 20, buffer, 1, 0, 0));
	ck_assert_int_eq(zerocopy_file(-1, buffer, &offset), -1);
	ck_assert_int_eq(zerocopy_file(1 << 20, buffer, &offset), -1);
	zerocopy_end(-1);
	ck_assert(zerocopy_begin((1 << 20) - 1, buffer, 1, 0, 7));
	ck_assert_int_eq(zerocopy_file((1 << 20) - 1, buffer, &offset), 0);
	zerocopy_end((1 << 20) - 1);
}
END_TEST

void
zerocopy_tests(TCase *c)
{
	tcase_add_test(c, zerocopy_begin__a_buffer_is_sent_as_what_it_stands_for);
	tcase_add_test(c, zerocopy_file__nothing_else_is_sent_from_there);
	tcase_add_test(c, zerocopy_begin__not_of_numbers_that_no_socket_has);
}
