/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_install.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/apply.h"

/* ---- The installed version as a base */

struct base {
	int tree; /* of the installed version */
	struct header *header;
	const struct header_file **contents;
	size_t count;
};

static const struct header_file *
base_find(const struct base *b, const struct digest *digest)
{
	size_t i = header_blob_find(b->contents, b->count, digest);

	return i < b->count ? b->contents[i] : NULL;
}

static bool
base_has(void *context, const struct digest *digest)
{
	return base_find(context, digest) != NULL;
}

/* Anybody can have changed it since it was looked at. */
static int
base_open(void *context, const struct digest *digest, bool check, struct map *ret, struct err *e)
{
	const struct base *b = context;
	const char *path = base_find(b, digest)->path;
	const char *name;
	AUTO_CLOSE int dir = fs_open_dir_of(b->tree, path, &name, e);
	struct digest got;

	if (dir < 0 || map_open_read(dir, name, NULL, ret, check ? &got : NULL, e) != 0)
		return -1;
	if (!check || digest_equal(&got, digest))
		return 0;
	map_close(ret);
	return err_set(e, ERR_DIGEST, "%s: was changed since it was installed", path);
}

static int
base_begin(struct base *b, const struct home *h, struct err *e)
{
	char name[HOME_NAME_MAX];
	struct digest digest;

	b->tree = fs_open_dir(h->dir, client_home_tree(&h->named, name), e);
	b->header = b->tree < 0 ? NULL : client_home_header(h, &digest, e);
	if (b->header == NULL)
		return -1;
	b->contents = header_blobs(b->header, &b->count);
	return 0;
}

/* ---- Putting a version together */

struct install {
	const struct home *home;
	const struct installation *what;
	struct base base;
	int fresh;			  /* directory of decoded files by digest */
	int tree;			  /* directory of the new version */
	const struct header_file **blobs; /* of the new version */
	size_t count;
	const char **placed[2]; /* where each blob is in tree already: plain, and executable */
	struct look look;
};

static int
make_parents(int tree, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = NULL;
	AUTO_CLOSE int fd = -1;

	if (slash == NULL)
		return 0;
	parent = mem_string_n(path, (size_t)(slash - path));
	fd = fs_make_dirs(tree, parent, e);
	return fd < 0 ? -1 : 0;
}

/* Both share what is on disk until one of them is written to: ioctl_ficlone(2). */
static bool
clone_file(int from_dir, const char *from, int to_dir, const char *to)
{
	AUTO_CLOSE int in = fs_open(from_dir, from, NULL, NULL);
	AUTO_CLOSE int out =
		openat(to_dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);

	return in >= 0 && out >= 0 && ioctl(out, FICLONE, in) == 0;
}

/* Not synced here: build_tree does it once for the whole tree. */
static int
copy_file(int from_dir, const char *from, int to_dir, const char *to, struct err *e)
{
	AUTO_MAP struct map from_map = {0};
	AUTO_MAP struct map copy = {0};

	if (clone_file(from_dir, from, to_dir, to))
		return 0;
	if (map_open(from_dir, from, &from_map, e) != 0 ||
		map_create(to_dir, to, from_map.len, &copy, e) != 0)
		return -1;
	memcpy(copy.at, from_map.at, from_map.len);
	return 0;
}

/*
 * A hard link shares its mode with every other name of the file: it will do where that is right to
 * the last bit, and elsewhere, or where a file system has no more links, there is a copy.
 */
static int
put_file(struct install *x, int from_dir, const char *from, const struct header_file *file,
	bool link, struct err *e)
{
	mode_t mode = client_look_mode(file);
	struct stat st;

	if (link && fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		(st.st_mode & 07777) == mode && linkat(from_dir, from, x->tree, file->path, 0) == 0)
		return 0;
	if (copy_file(from_dir, from, x->tree, file->path, e) != 0)
		return err_wrap(e, "%s", file->path);
	return fchmodat(x->tree, file->path, mode, 0) != 0 ? err_sys(e, "%s", file->path) : 0;
}

/* The decoded file itself gets the first name; with another mode it is needed as a copy. */
static int
put_decoded(struct install *x, const char *hex, const struct header_file *file, bool first,
	struct err *e)
{
	if (first && fchmodat(x->fresh, hex, client_look_mode(file), 0) != 0)
		return err_sys(e, "%s", file->path);
	return put_file(x, x->fresh, hex, file, first, e);
}

/* A link on the way leads to what is not ours: no name of ours for that. */
static int
put_installed(struct install *x, const struct header_file *file, struct err *e)
{
	const char *name;
	AUTO_CLOSE int dir =
		fs_open_dir_of(x->base.tree, base_find(&x->base, &file->digest)->path, &name, e);

	return dir < 0 ? -1 : put_file(x, dir, name, file, !x->what->copy, e);
}

/* What came out of the archive is right already; of what was installed the new name is checked. */
static int
put_first(struct install *x, size_t blob, const struct header_file *file, bool *ret_check,
	struct err *e)
{
	bool first = x->placed[!file->executable][blob] == NULL;
	char hex[DIGEST_HEX + 1];

	(void)digest_hex(&file->digest, hex);
	*ret_check = !fs_exists(x->fresh, hex);
	if (!*ret_check)
		return put_decoded(x, hex, file, first, e);
	return put_installed(x, file, e);
}

static int
place_file(struct install *x, size_t i, struct err *e)
{
	const struct header_file *file = &x->what->header->files[i];
	size_t blob = header_blob_find(x->blobs, x->count, &file->digest);
	const char **twin = &x->placed[file->executable][blob];
	bool check = false;

	if (make_parents(x->tree, file->path, e) != 0)
		return -1;
	if ((*twin != NULL ? put_file(x, x->tree, *twin, file, !x->what->copy, e)
			   : put_first(x, blob, file, &check, e)) != 0)
		return -1;
	*twin = file->path;
	/* The time before the bytes: a write that comes between shows when it is looked at. */
	x->look.changed_ns[i] = client_look_changed_ns(x->tree, file->path);
	if (check && !client_look_is_right(x->tree, file))
		return err_set(e, ERR_DIGEST, "%s: was changed since it was installed", file->path);
	return 0;
}

static int
build_tree(struct install *x, struct err *e)
{
	const struct header *header = x->what->header;
	struct blobs base = {&x->base, base_has, base_open};
	struct apply what = {
		.archive = x->what->archive, .header = header, .base = &base, .dir = x->fresh};

	if (x->what->difference && base_begin(&x->base, x->home, e) != 0)
		return -1;
	what.old = x->what->difference ? x->base.header : NULL;
	if (apply_archive(&what, e) != 0)
		return -1;
	for (size_t i = 0; i < header->count; i++)
		if (place_file(x, i, e) != 0)
			return -1;
	/* One for all files instead of one for each; nothing leads to the tree yet. */
	return syncfs(x->tree) != 0 ? err_sys(e, "sync") : 0;
}

/* ---- Giving it its name */

/*
 * A rename puts a link in the place of anything but a directory. That goes to the leftovers, and is
 * removed with them.
 */
static int
make_way(const struct home *h, struct err *e)
{
	struct stat st;

	if (fstatat(h->dir, "current", &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	if (fs_remove(h->state, "aside", e) != 0)
		return -1;
	return renameat(h->dir, "current", h->state, "aside") != 0 ? err_sys(e, "current") : 0;
}

/* A link cannot be changed in place; a new one renamed over it is seen whole or not at all. */
static int
switch_current(const struct home *h, const char *tree, struct err *e)
{
	if (fs_remove(h->state, "current", e) != 0)
		return -1;
	if (symlinkat(tree, h->state, "current") != 0)
		return err_sys(e, "current");
	if (make_way(h, e) != 0)
		return -1;
	return fs_publish(h->state, "current", h->dir, "current", e);
}

/* A tree of this name is damaged, and `current` may lead to it: the two are exchanged at once. */
static int
publish_directory(const struct home *h, const char *tree, struct err *e)
{
	if (!fs_exists(h->dir, tree))
		return fs_publish(h->state, "tree", h->dir, tree, e);
	if (renameat2(h->state, "tree", h->dir, tree, RENAME_EXCHANGE) != 0)
		return err_sys(e, "%s", tree);
	return fs_sync(h->dir, tree, e);
}

/*
 * Header and record first: a tree that is there without them would be of no use, and beside a tree
 * that they do not fit yet they only mean that its files are digested.
 */
static int
publish(struct install *x, struct home *h, struct err *e)
{
	const struct edition *edition = &x->what->header->ident.edition;
	char header[IDENT_NAME_MAX];
	char name[HOME_NAME_MAX];

	x->look.header = digest_of(x->what->header_bytes);
	x->look.verified_s = clock_wall_ms() / 1000;
	if (fs_put(h->state, "header", ident_header_name(&x->what->header->ident, header),
		    x->what->header_bytes, e) != 0 ||
		client_look_write(h->state, client_home_seen(edition, name), &x->look, e) != 0 ||
		publish_directory(h, client_home_tree(edition, name), e) != 0 ||
		switch_current(h, name, e) != 0)
		return -1;
	h->named = *edition;
	h->whole = h->header_known = true;
	h->header = x->look.header;
	h->verified_s = x->look.verified_s;
	return 0;
}

/* fd of a new empty directory in .state/. */
static int
empty_dir(const struct home *h, const char *name, struct err *e)
{
	if (fs_remove(h->state, name, e) != 0)
		return -1;
	return fs_make_dirs(h->state, name, e);
}

static void
end(struct install *x)
{
	fs_close(&x->tree);
	fs_close(&x->fresh);
	fs_close(&x->base.tree);
	header_free(x->base.header);
	free(x->base.contents);
	free(x->blobs);
	free(x->placed[0]);
	free(x->placed[1]);
	client_look_free(&x->look);
	/* What failed leaves no room taken; what did not has its tree elsewhere by now. */
	(void)fs_remove(x->home->state, "new", NULL);
	(void)fs_remove(x->home->state, "tree", NULL);
}

int
client_install(struct home *h, const struct installation *what, struct err *e)
{
	struct install x = {.home = h, .what = what, .base.tree = -1, .fresh = -1, .tree = -1};
	int result = -1;

	x.blobs = header_blobs(what->header, &x.count);
	for (int i = 0; i < 2; i++)
		x.placed[i] = mem_new(x.count, sizeof(*x.placed[i]));
	client_look_new(&x.look, what->header->count);
	x.fresh = empty_dir(h, "new", e);
	x.tree = x.fresh < 0 ? -1 : empty_dir(h, "tree", e);
	if (x.tree >= 0 && build_tree(&x, e) == 0)
		result = publish(&x, h, e);
	end(&x);
	return result;
}
