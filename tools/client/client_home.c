/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_home.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"

char *
client_home_tree(const struct edition *edition, char ret[HOME_NAME_MAX])
{
	(void)snprintf(ret, HOME_NAME_MAX, "%" PRIu64 "-%s", edition->version, edition->cookie);
	return ret;
}

char *
client_home_seen(const struct edition *edition, char ret[HOME_NAME_MAX])
{
	(void)snprintf(
		ret, HOME_NAME_MAX, "%" PRIu64 "-%s.seen", edition->version, edition->cookie);
	return ret;
}

/* Strict: what looks like a version may be removed, anything else in DIR/T is left alone. */
static bool
tree_parse(const char *name, struct edition *ret)
{
	size_t digits = strspn(name, "0123456789");

	if (!num_parse(name, digits, IDENT_VERSION_MAX, &ret->version) || name[digits] != '-' ||
		!ident_cookie_valid(name + digits + 1))
		return false;
	memcpy(ret->cookie, name + digits + 1, IDENT_COOKIE + 1);
	return true;
}

/*
 * By its name alone, even where nothing is behind it any more: damage must not be a way back to
 * an older version. What is no such link is replaced by one.
 */
static int
read_named(struct home *h, struct err *e)
{
	char link[HOME_NAME_MAX] = "";
	struct edition edition = {0};
	ssize_t len = readlinkat(h->dir, "current", link, sizeof(link) - 1);

	if (len < 0 && errno != ENOENT && errno != EINVAL)
		return err_sys(e, "current");
	if (len >= 0 && tree_parse(link, &edition))
		h->named = edition;
	return 0;
}

/* The lock before any look: another client would remove what is built here. */
static int
open_all(struct home *h, const char *path, struct err *e)
{
	h->dir = fs_make_dirs(AT_FDCWD, path, e);
	h->state = h->dir < 0 ? -1 : fs_make_dirs(h->dir, ".state", e);
	if (h->state < 0)
		return -1;
	/* Whoever cannot enter cannot hold the lock, nor read what is not checked yet. */
	if (fchmod(h->state, 0700) != 0)
		return err_sys(e, ".state");
	h->lock = fs_lock(h->state, "lock", e);
	if (h->lock < 0)
		return e != NULL && e->code == ERR_BUSY
			       ? err_wrap(e, "another run of guts2-client is at work")
			       : -1;
	return read_named(h, e);
}

int
client_home_open(struct home *h, const char *directory, const char *type, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", directory, type);

	*h = (struct home){.dir = -1, .state = -1, .lock = -1};
	(void)snprintf(h->type, sizeof(h->type), "%s", type);
	if (open_all(h, path, e) == 0)
		return 0;
	client_home_close(h);
	return err_wrap(e, "%s", path);
}

static void
forget_header(struct home *h)
{
	header_free(h->files);
	h->files = NULL;
}

void
client_home_close(struct home *h)
{
	fs_close(&h->lock);
	fs_close(&h->state);
	fs_close(&h->dir);
	forget_header(h);
	client_look_free(&h->seen);
}

/* ---- What is installed */

static void
name_header(const struct home *h, const struct edition *edition, char ret[IDENT_NAME_MAX])
{
	const struct ident ident = ident_of(h->type, edition);

	(void)ident_header_name(&ident, ret);
}

const struct header *
client_home_header(struct home *h, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	const struct ident ident = ident_of(h->type, &h->named);
	char name[IDENT_NAME_MAX];

	if (h->files != NULL)
		return h->files;
	name_header(h, &h->named, name);
	if (fs_read(h->state, name, HEADER_BYTES_MAX, &bytes, e) != 0 ||
		header_parse_of(span_of(bytes.at, bytes.len), &ident, &h->files, e) != 0)
		return NULL;
	h->header = digest_of(span_of(bytes.at, bytes.len));
	return h->files;
}

static void
put_seen(struct home *h, struct look *take_look)
{
	client_look_free(&h->seen);
	h->seen = *take_look;
	*take_look = (struct look){0};
}

void
client_home_installed(struct home *h, const struct edition *edition, struct look *take_look)
{
	forget_header(h);
	h->named = *edition;
	h->whole = h->header_known = true;
	h->header = take_look->header;
	put_seen(h, take_look);
}

/*
 * A header that the record does not know may be another one: then nothing can be said of the files.
 * Without a record it is as good as the files that it fits. What cannot be recorded is looked at
 * again the next time: no reason to fail.
 */
static void
look_at_tree(struct home *h, int tree, const struct header *header, bool verify)
{
	AUTO_LOOK struct look look = {0};
	uint64_t now_s = clock_wall_ms() / 1000;
	char name[HOME_NAME_MAX];
	const char *first;
	size_t damaged;
	bool recorded;

	client_look_new(&look, header->count);
	recorded = client_look_read(h->state, client_home_seen(&h->named, name), &look, NULL) == 0;
	if (recorded && !digest_equal(&look.header, &h->header)) {
		(void)snprintf(h->damage, sizeof(h->damage), "its header was changed");
		return;
	}
	/* A clock that was ahead has left a time that is none. */
	verify = verify || !recorded || now_s < look.verified_s ||
		 now_s - look.verified_s >= HOME_VERIFY_S;
	damaged = client_look_files(tree, header, &look, verify, &first);
	if (verify) {
		look.header = h->header;
		look.verified_s = now_s;
	}
	/* A record is what says that the header is right: where the files do not, there is none. */
	if ((recorded || damaged == 0) && (verify || look.news))
		(void)client_look_write(h->state, name, &look, NULL);
	h->whole = damaged == 0;
	h->header_known = recorded || h->whole;
	if (damaged > 0)
		(void)snprintf(h->damage, sizeof(h->damage),
			"%zu of %zu files missing or changed, such as %.250s", damaged,
			header->count, first);
	put_seen(h, &look);
}

void
client_home_look(struct home *h, bool verify)
{
	const struct header *header;
	AUTO_CLOSE int tree = -1;
	struct err e = {0};
	char name[HOME_NAME_MAX];

	forget_header(h);
	h->whole = h->header_known = false;
	h->damage[0] = '\0';
	if (h->named.version == 0)
		return;
	tree = fs_open_dir(h->dir, client_home_tree(&h->named, name), &e);
	header = tree < 0 ? NULL : client_home_header(h, &e);
	if (header != NULL)
		look_at_tree(h, tree, header, verify);
	else
		(void)snprintf(h->damage, sizeof(h->damage), "%.350s", e.text);
}

/* ---- Leftovers */

struct tidy {
	const struct home *home;
	struct edition before; /* the version before the installed one; version 0: none */
	const char *part;
};

static int
find_before(void *context, int dir, const char *name, struct err *e)
{
	struct tidy *t = context;
	struct edition edition;

	(void)dir;
	(void)e;
	if (tree_parse(name, &edition) && edition.version < t->home->named.version &&
		edition.version > t->before.version)
		t->before = edition;
	return 0;
}

static bool
is_kept(const struct tidy *t, const struct edition *edition)
{
	return edition->version > 0 && (ident_edition_equal(edition, &t->home->named) ||
					       ident_edition_equal(edition, &t->before));
}

static int
remove_tree(void *context, int dir, const char *name, struct err *e)
{
	const struct tidy *t = context;
	struct edition edition;

	return tree_parse(name, &edition) && !is_kept(t, &edition) ? fs_remove(dir, name, e) : 0;
}

static bool
is_of(const struct tidy *t, const struct edition *edition, const char *name)
{
	char header[IDENT_NAME_MAX];
	char seen[HOME_NAME_MAX];

	if (edition->version == 0)
		return false;
	name_header(t->home, edition, header);
	return strcmp(name, header) == 0 || strcmp(name, client_home_seen(edition, seen)) == 0;
}

bool
client_home_marked(const struct home *h, const char *mark)
{
	uint64_t now_s = clock_wall_ms() / 1000;
	struct stat st;

	return fstatat(h->state, mark, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (uint64_t)st.st_mtime <= now_s && now_s - (uint64_t)st.st_mtime < HOME_MARKED_S;
}

static bool
is_of_use(const struct tidy *t, const char *name)
{
	const char *end = strrchr(name, '.');

	if (is_of(t, &t->home->named, name) || is_of(t, &t->before, name))
		return true;
	if (t->part == NULL)
		return false;
	return strcmp(name, t->part) == 0 ||
	       (end != NULL && strcmp(end, ".bad") == 0 && client_home_marked(t->home, name));
}

/*
 * All in .state is ours: what is not known to be of use is none. Neither is what has the name alone
 * and is no file: nothing could be put in a directory's place.
 */
static int
remove_leftover(void *context, int dir, const char *name, struct err *e)
{
	const struct tidy *t = context;
	struct stat st;

	if (strcmp(name, "lock") == 0)
		return 0;
	if (is_of_use(t, name) && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISREG(st.st_mode))
		return 0;
	return fs_remove(dir, name, e);
}

int
client_home_tidy(const struct home *h, const char *part, struct err *e)
{
	struct tidy t = {.home = h, .part = part};

	if (fs_each(h->dir, ".", find_before, &t, e) != 0 ||
		fs_each(h->dir, ".", remove_tree, &t, e) != 0)
		return -1;
	return fs_each(h->state, ".", remove_leftover, &t, e);
}

bool
client_home_drop_before(const struct home *h)
{
	struct tidy t = {.home = h};
	char name[HOME_NAME_MAX];

	(void)fs_each(h->dir, ".", find_before, &t, NULL);
	return t.before.version > 0 &&
	       fs_remove(h->dir, client_home_tree(&t.before, name), NULL) == 0;
}
