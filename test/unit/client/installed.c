/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/installed.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

/* Of version n: some kilobytes that compress, and differ in a line. */
static char *
text_of(unsigned n)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(3000, 7);

	return mem_printf("version %u\n%.3000s", n, (const char *)bytes);
}

void
installed_publish(struct installed *f, unsigned n)
{
	AUTO_FREE char *text = text_of(n);

	published_put(&f->cloud, "sub/changes", text, false);
	f->version[n] = published_add(&f->cloud, "t", n);
}

void
installed_set_up(struct installed *f)
{
	AUTO_FREE char *url = NULL;
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = -1;

	unit_listen(); /* to what the client complains of */
	*f = (struct installed){0};
	published_set_up(&f->cloud);
	published_put(&f->cloud, "same", "always the same", false);
	published_put(&f->cloud, "run", "#!/bin/sh\n", true);
	installed_publish(f, 1);
	dir = unit_dir(&f->path);
	path = mem_printf("%s/t", f->path);
	f->dir = fs_make_dirs(AT_FDCWD, path, NULL);
	url = mem_printf("file://%s", f->cloud.path);
	ck_assert_int_eq(origin_parse(url, &f->origin, NULL), 0);
	f->source.origin = &f->origin;
	f->session.client = (struct update_client){.source = &f->source, .id = "unit"};
	ck_assert_int_eq(upstream_new(&f->session.client.upstream, NULL), 0);
}

void
installed_tear_down(struct installed *f)
{
	upstream_free(f->session.client.upstream);
	origin_free(&f->origin);
	published_tear_down(&f->cloud);
	fs_close(&f->dir);
	free(f->path);
}

enum update_result
installed_run(struct installed *f)
{
	static const char *const types[] = {"t"};

	client_session_begin(&f->session, f->path, types, 1);
	client_session_try(&f->session);
	f->u = &f->session.updates[0];
	return f->u->result;
}

char *
installed_read(const struct installed *f, const char *name)
{
	AUTO_CLOSE int fd = openat(f->dir, name, O_RDONLY | O_CLOEXEC);
	char *text = mem_new(1 << 16, 1);

	ck_assert(fd < 0 || read(fd, text, (1 << 16) - 1) >= 0);
	return text;
}

void
installed_write(const struct installed *f, const char *name, const char *text)
{
	AUTO_CLOSE int fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_eq(fs_write(fd, text, strlen(text), NULL), 0);
}

void
installed_write_quietly(const struct installed *f, const char *name, const char *text)
{
	struct stat st;

	ck_assert_int_eq(fstatat(f->dir, name, &st, 0), 0);
	installed_write(f, name, text);
	ck_assert_int_eq(
		utimensat(f->dir, name, (struct timespec[]){st.st_atim, st.st_mtim}, 0), 0);
}

bool
installed_has(const struct installed *f, const char *name)
{
	return faccessat(f->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct stat
stat_of(const struct installed *f, const char *name)
{
	struct stat st;

	ck_assert_int_eq(fstatat(f->dir, name, &st, 0), 0);
	return st;
}

unsigned
installed_mode(const struct installed *f, const char *name)
{
	return stat_of(f, name).st_mode & 07777;
}

unsigned
installed_links(const struct installed *f, const char *name)
{
	return (unsigned)stat_of(f, name).st_nlink;
}

unsigned
installed_count(const struct installed *f, const char *directory)
{
	return unit_count(f->dir, directory);
}

static bool
is_text(const struct installed *f, const char *name, const char *text)
{
	AUTO_FREE char *got = installed_read(f, name);

	return strcmp(got, text) == 0;
}

bool
installed_is_whole(const struct installed *f, unsigned n)
{
	const struct edition *edition = &f->version[n].edition;
	AUTO_FREE char *text = text_of(n);
	char link[HOME_NAME_MAX] = "";
	char tree[HOME_NAME_MAX];

	return readlinkat(f->dir, "current", link, sizeof(link) - 1) > 0 &&
	       strcmp(link, client_home_tree(edition, tree)) == 0 &&
	       is_text(f, "current/same", "always the same") &&
	       is_text(f, "current/run", "#!/bin/sh\n") &&
	       is_text(f, "current/sub/changes", text) &&
	       installed_mode(f, "current/run") == 0755 &&
	       installed_mode(f, "current/same") == 0644;
}

char *
installed_part(const struct archive_ref *archive)
{
	char hex[DIGEST_HEX + 1];

	return mem_printf(".state/%s.part", digest_hex(&archive->id, hex));
}

void
installed_check_result(const struct installed *f, enum update_result result, const char *why)
{
	ck_assert_msg(f->u->result == result, "%d: %s", f->u->result, f->u->why.text);
	ck_assert_msg(strstr(f->u->why.text, why) != NULL, "%s", f->u->why.text);
}

void
installed_check_taken(const struct installed *f, unsigned n, const char *via, uint64_t bytes)
{
	installed_check_result(f, f->u->from.version == n ? UPDATE_REPAIRED : UPDATE_UPDATED, "");
	ck_assert(ident_edition_equal(&f->u->to, &f->version[n].edition));
	ck_assert_str_eq(f->u->via, via);
	ck_assert_uint_eq(f->u->bytes, bytes);
	ck_assert(installed_is_whole(f, n));
}

uint64_t
installed_archive_bytes(const struct installed *f, unsigned n, unsigned base, enum format format)
{
	return published_archive(
		&f->cloud, &f->version[n], base > 0 ? &f->version[base].edition : NULL, format)
		.bytes;
}
