/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory is asked, which needs no network: the rules about answers are the same. */
#include "net/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

static const struct ident ident = {"t", {5, "00000005"}};
static const struct edition base = {4, "00000004"};

struct fixture {
	char *path;
	int dir;
	struct origin origin;
	struct source source;
	struct upstream *upstream;
	struct source_request request;
	struct upstream_reply reply;
};

static void
set_up(struct fixture *f)
{
	AUTO_FREE char *url = NULL;
	size_t len;

	*f = (struct fixture){0};
	f->dir = unit_dir(&f->path);
	len = strlen(f->path) - 1;
	/* Any byte may be written as its number, RFC 3986 section 2.1. */
	url = mem_printf("file://%.*s%%%02X", (int)len, f->path, (unsigned)f->path[len]);
	ck_assert_int_eq(origin_parse(url, &f->origin, NULL), 0);
	f->source.origin = &f->origin;
	ck_assert_int_eq(upstream_new(&f->upstream, NULL), 0);
	f->request.ident = ident;
}

static void
tear_down(struct fixture *f)
{
	source_clear(&f->request);
	upstream_free(f->upstream);
	origin_free(&f->origin);
	fs_close(&f->dir);
	free(f->path);
}

static void
put(const struct fixture *f, const char *name, const char *text)
{
	ck_assert_int_eq(fs_put(f->dir, "x", name, unit_text(text), NULL), 0);
}

static enum upstream_outcome
ask(struct fixture *f, enum source_what what)
{
	f->request.what = what;
	source_fetch(f->upstream, &f->source, &f->request, &f->reply);
	return f->reply.outcome;
}

START_TEST(source__what_is_no_file_keeps_nobody)
{
	struct fixture f;

	set_up(&f);
	ck_assert_int_eq(mkfifoat(f.dir, "q", 0644), 0);
	ck_assert_int_eq(ask(&f, SOURCE_QUERY), UPSTREAM_BROKEN);
	ck_assert_ptr_nonnull(strstr(f.reply.why.text, "no regular file"));
	tear_down(&f);
}
END_TEST

START_TEST(source__an_announcement_is_whole_or_broken)
{
	struct fixture f;

	set_up(&f);
	put(&f, "q", "{\"updates\":[{\"cookie\":\"00000005\",\"type\":\"t\",\"version\":5}]}");
	ck_assert_int_eq(ask(&f, SOURCE_QUERY), UPSTREAM_FRESH);
	ck_assert_uint_eq(f.request.query.count, 1);
	put(&f, "q", "<html>");
	ck_assert_int_eq(ask(&f, SOURCE_QUERY), UPSTREAM_BROKEN);
	ck_assert_uint_eq(f.request.query.count, 0);
	ck_assert_ptr_nonnull(strstr(f.reply.why.text, "not JSON"));
	tear_down(&f);
}
END_TEST

START_TEST(source_header__one_of_another_version_is_refused)
{
	static const char right[] =
		"{\"cookie\":\"00000005\",\"files\":[],\"title\":\"\",\"type\":\"t\","
		"\"version\":5}";
	static const char wrong[] =
		"{\"cookie\":\"00000006\",\"files\":[],\"title\":\"\",\"type\":\"t\","
		"\"version\":6}";
	char name[IDENT_NAME_MAX];
	struct header *h = NULL;
	struct fixture f;

	set_up(&f);
	put(&f, "q", "{\"updates\":[]}");
	(void)ident_header_name(&ident, name);
	ck_assert_int_eq(ask(&f, SOURCE_HEADER), UPSTREAM_ABSENT);
	put(&f, name, right);
	ck_assert_int_eq(ask(&f, SOURCE_HEADER), UPSTREAM_FRESH);
	ck_assert_int_eq(source_header(&f.request, &h, &f.reply), 0);
	ck_assert_uint_eq(f.request.bytes.len, strlen(right));
	header_free(h);
	put(&f, name, wrong);
	ck_assert_int_eq(ask(&f, SOURCE_HEADER), UPSTREAM_FRESH);
	ck_assert_int_eq(source_header(&f.request, &h, &f.reply), -1);
	ck_assert_int_eq(f.reply.outcome, UPSTREAM_BROKEN);
	tear_down(&f);
}
END_TEST

static void
check_reply(struct fixture *f, enum upstream_outcome outcome, enum err_code code, const char *words)
{
	f->reply = (struct upstream_reply){0};
	ck_assert_int_eq(ask(f, SOURCE_HEADER), outcome);
	ck_assert_int_eq(f->reply.why.code, code);
	ck_assert_msg(strstr(f->reply.why.text, words) != NULL, "%s", f->reply.why.text);
	source_clear(&f->request);
}

START_TEST(source__of_a_directory_only_what_is_not_there_is_absent)
{
	char name[IDENT_NAME_MAX];
	struct fixture f;

	set_up(&f);
	(void)ident_header_name(&ident, name);
	check_reply(&f, UPSTREAM_UNREACHABLE, ERR_MISSING, "no repository in this directory");
	put(&f, "q", "{\"updates\":[]}");
	check_reply(&f, UPSTREAM_ABSENT, ERR_MISSING, "no such file");
	ck_assert_int_eq(symlinkat(name, f.dir, name), 0);
	check_reply(&f, UPSTREAM_UNREACHABLE, ERR_SYS, "a file cannot be read: Too many levels");
	ck_assert_int_eq(unlinkat(f.dir, name, 0), 0);
	put(&f, name, "{}");
	unit_limit_files(0);
	check_reply(&f, UPSTREAM_UNREACHABLE, ERR_SYS, "a file could not be read just now");
	unit_limit_files(UINT_MAX);
	tear_down(&f);
}
END_TEST

START_TEST(source__an_offer_names_an_archive_or_is_broken)
{
	char name[IDENT_NAME_MAX];
	struct fixture f;

	set_up(&f);
	f.request.base = base;
	put(&f, "q", "{\"updates\":[]}");
	(void)ident_offer_name(&ident, &base, name);
	ck_assert_str_eq(source_name(&(struct source_request){
				 .what = SOURCE_OFFER, .ident = ident, .base = base}),
		name);
	ck_assert_int_eq(ask(&f, SOURCE_OFFER), UPSTREAM_ABSENT);
	put(&f, name, "{\"guts2ar9\":{}}");
	ck_assert_int_eq(ask(&f, SOURCE_OFFER), UPSTREAM_BROKEN);
	put(&f, name,
		"{\"guts2ar1\":{\"id\":\""
		"0000000000000000000000000000000000000000000000000000000000000007_archive\","
		"\"size\":7}}");
	ck_assert_int_eq(ask(&f, SOURCE_OFFER), UPSTREAM_FRESH);
	ck_assert_uint_eq(f.request.offer.archive[FORMAT_AR1].bytes, 7);
	tear_down(&f);
}
END_TEST

struct part {
	int fd;
	unsigned restarts;
};

static int
write_part(void *context, const void *bytes, size_t len, struct err *e)
{
	return fs_write(((struct part *)context)->fd, bytes, len, e);
}

static int
restart_part(void *context, struct err *e)
{
	struct part *p = context;

	p->restarts++;
	return source_part_restart(p->fd, e);
}

START_TEST(source__a_file_goes_on_where_its_part_ends_and_wrong_bytes_go)
{
	struct part part = {0};
	AUTO_BUF struct buf got = {0};
	char name[IDENT_NAME_MAX];
	struct fixture f;

	set_up(&f);
	put(&f, "q", "{\"updates\":[]}");
	ck_assert_int_eq(mkdirat(f.dir, "f", 0755), 0);
	f.request.file = (struct archive_ref){digest_of(unit_text("0123456789")), 10};
	put(&f, ident_file_name(&f.request.file.id, name), "0123456789");
	put(&f, "part", "0123");
	part.fd = source_part_open(f.dir, "part", 10, &f.request.resume_from, NULL);
	ck_assert_int_ge(part.fd, 0);
	ck_assert_uint_eq(f.request.resume_from, 4);
	f.request.write = write_part;
	f.request.restart = restart_part;
	f.request.context = &part;
	ck_assert_int_eq(ask(&f, SOURCE_FILE), UPSTREAM_FRESH);
	ck_assert_uint_eq(part.restarts, 0);
	ck_assert_int_eq(fs_read(f.dir, "part", 100, &got, NULL), 0);
	ck_assert_str_eq(got.at, "0123456789");
	/* One that has another size than was said. */
	put(&f, name, "01234");
	f.request.resume_from = 0;
	ck_assert_int_eq(ask(&f, SOURCE_FILE), UPSTREAM_BROKEN);
	ck_assert_uint_eq(part.restarts, 1);
	fs_close(&part.fd);
	/* A part that is longer than its file is not of this file. */
	put(&f, "part", "0123456789");
	part.fd = source_part_open(f.dir, "part", 5, &f.request.resume_from, NULL);
	ck_assert_uint_eq(f.request.resume_from, 0);
	fs_close(&part.fd);
	/* Nor is a FIFO, which is not waited for, whether somebody reads it or not. */
	ck_assert_int_eq(mkfifoat(f.dir, "fifo", 0600), 0);
	ck_assert_int_eq(source_part_open(f.dir, "fifo", 5, &f.request.resume_from, NULL), -1);
	part.fd = openat(f.dir, "fifo", O_RDONLY | O_NONBLOCK);
	ck_assert_int_eq(source_part_open(f.dir, "fifo", 5, &f.request.resume_from, NULL), -1);
	fs_close(&part.fd);
	tear_down(&f);
}
END_TEST

void
source_tests(TCase *c)
{
	tcase_add_test(c, source__what_is_no_file_keeps_nobody);
	tcase_add_test(c, source__an_announcement_is_whole_or_broken);
	tcase_add_test(c, source_header__one_of_another_version_is_refused);
	tcase_add_test(c, source__of_a_directory_only_what_is_not_there_is_absent);
	tcase_add_test(c, source__an_offer_names_an_archive_or_is_broken);
	tcase_add_test(c, source__a_file_goes_on_where_its_part_ends_and_wrong_bytes_go);
}
