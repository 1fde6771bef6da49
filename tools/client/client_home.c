/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_home.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "codec/apply.h"

enum { TREE_NAME_MAX = 48 };

static char *
tree_name(const struct edition *edition, char ret[TREE_NAME_MAX])
{
	(void)snprintf(ret, TREE_NAME_MAX, "%" PRIu64 "-%s", edition->version, edition->cookie);
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

/* Nothing is installed where the link, its tree or its header is missing: then a full archive is.
 */
static int
read_installed(struct home *h, struct err *e)
{
	char link[TREE_NAME_MAX] = "";
	char name[IDENT_NAME_MAX];
	struct ident ident = {0};
	AUTO_BUF struct buf bytes = {0};
	ssize_t len = readlinkat(h->dir, "current", link, sizeof(link) - 1);

	if (len < 0 && errno != ENOENT)
		return err_sys(e, "current");
	memcpy(ident.type, h->type, sizeof(ident.type));
	if (len < 0 || !tree_parse(link, &ident.edition) || !fs_exists(h->dir, link) ||
		!fs_exists(h->state, ident_header_name(&ident, name)))
		return 0;
	if (fs_read(h->state, name, HEADER_BYTES_MAX, &bytes, e) != 0 ||
		header_parse(span_of(bytes.at, bytes.len), &h->installed, e) != 0)
		return err_wrap(e, ".state/%s", name);
	return 0;
}

int
client_home_open(struct home *h, const char *directory, const char *type, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", directory, type);

	*h = (struct home){.dir = -1, .state = -1, .lock = -1};
	(void)snprintf(h->type, sizeof(h->type), "%s", type);
	/* The lock before any look: another client would remove what is built here. */
	h->dir = fs_make_dirs(AT_FDCWD, path, e);
	h->state = h->dir < 0 ? -1 : fs_make_dirs(h->dir, ".state", e);
	h->lock = h->state < 0 ? -1 : fs_lock(h->state, "lock", e);
	if (h->lock >= 0 && read_installed(h, e) == 0)
		return 0;
	client_home_close(h);
	return err_wrap(e, "%s", path);
}

void
client_home_close(struct home *h)
{
	header_free(h->installed);
	h->installed = NULL;
	fs_close(&h->lock);
	fs_close(&h->state);
	fs_close(&h->dir);
}

/* ---- The installed version as a base */

struct base {
	const struct home *home;
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

/* The name below h->dir of an installed file. The caller frees. */
static char *
installed_path(const struct home *h, const struct header_file *file)
{
	char tree[TREE_NAME_MAX];

	return mem_printf("%s/%s", tree_name(&h->installed->ident.edition, tree), file->path);
}

/* Installed files can have been changed by anybody: what is taken over as it is, is checked. */
static int
base_open(void *context, const struct digest *digest, bool check, struct map *ret, struct err *e)
{
	struct base *b = context;
	AUTO_FREE char *path = installed_path(b->home, base_find(b, digest));
	struct digest got;

	if (map_open_read(b->home->dir, path, NULL, ret, check ? &got : NULL, e) != 0)
		return -1;
	if (!check || digest_equal(&got, digest))
		return 0;
	map_close(ret);
	return err_set(e, ERR_DIGEST, "%s: was changed since it was installed", path);
}

/* ---- Putting a version together */

struct install {
	struct home *home;
	const struct header *header;
	struct base base;
	int fresh; /* directory of decoded files by digest */
	int tree;  /* directory of the new version; links into fresh and into the installed one */
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

/* Not synced here: build_tree does it once for the whole tree. */
static int
copy_file(int from_dir, const char *from, int to_dir, const char *to, struct err *e)
{
	AUTO_MAP struct map from_map = {0};
	AUTO_MAP struct map copy = {0};

	if (map_open(from_dir, from, &from_map, e) != 0 ||
		map_create(to_dir, to, from_map.len, &copy, e) != 0)
		return -1;
	memcpy(copy.at, from_map.at, from_map.len);
	return 0;
}

/*
 * A hard link shares its mode with every other name of the file: it will do
 * where the mode is right, and elsewhere the version gets a copy.
 */
static int
put_blob(struct install *x, int from_dir, const char *from, const struct header_file *file,
	struct err *e)
{
	mode_t mode = file->executable ? 0755 : 0644;
	struct stat st;

	if (make_parents(x->tree, file->path, e) != 0)
		return -1;
	if (fstatat(from_dir, from, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_sys(e, "%s", from);
	if ((st.st_mode & 0777) == mode && linkat(from_dir, from, x->tree, file->path, 0) == 0)
		return 0;
	if (copy_file(from_dir, from, x->tree, file->path, e) != 0)
		return err_wrap(e, "%s", file->path);
	return fchmodat(x->tree, file->path, mode, 0) != 0 ? err_sys(e, "%s", file->path) : 0;
}

/* A decoded file is right already, an unchanged one is checked before it is linked. */
static int
place_file(struct install *x, const struct header_file *file, struct err *e)
{
	char hex[DIGEST_HEX + 1];
	AUTO_FREE char *installed = NULL;
	AUTO_MAP struct map map = {0};

	(void)digest_hex(&file->digest, hex);
	if (fs_exists(x->fresh, hex))
		return put_blob(x, x->fresh, hex, file, e);
	assert(x->home->installed != NULL); /* apply found it there */
	if (base_open(&x->base, &file->digest, true, &map, e) != 0)
		return -1;
	installed = installed_path(x->home, base_find(&x->base, &file->digest));
	return put_blob(x, x->home->dir, installed, file, e);
}

/* fd of a new empty directory in .state/. */
static int
empty_dir(struct home *h, const char *name, struct err *e)
{
	if (fs_remove(h->state, name, e) != 0)
		return -1;
	return fs_make_dirs(h->state, name, e);
}

static int
build_tree(struct install *x, struct span archive, bool difference, struct err *e)
{
	struct blobs base = {&x->base, base_has, base_open};
	const struct apply what = {archive, x->header, difference ? &base : NULL, x->fresh, NULL};

	if (apply_archive(&what, e) != 0)
		return -1;
	for (size_t i = 0; i < x->header->count; i++)
		if (place_file(x, &x->header->files[i], e) != 0)
			return -1;
	/* One for all files instead of one for each; nothing leads to the tree yet. */
	return syncfs(x->tree) != 0 ? err_sys(e, "sync") : 0;
}

/* A link cannot be changed in place; a new one renamed over it is seen whole or not at all. */
static int
switch_current(struct home *h, const char *tree, struct err *e)
{
	if (fs_remove(h->state, "current", e) != 0)
		return -1;
	if (symlinkat(tree, h->state, "current") != 0)
		return err_sys(e, "current");
	return fs_publish(h->state, "current", h->dir, "current", e);
}

struct keep {
	const struct home *home;
	const struct edition *newest;
};

/* Versions go, but for the new one and the one before it, which programs may be reading from. */
static int
remove_if_old(void *context, int dir, const char *name, struct err *e)
{
	const struct keep *keep = context;
	const struct home *h = keep->home;
	struct ident ident = {0};
	char header[IDENT_NAME_MAX];

	if (!tree_parse(name, &ident.edition) ||
		ident_edition_equal(&ident.edition, keep->newest) ||
		(h->installed != NULL &&
			ident_edition_equal(&ident.edition, &h->installed->ident.edition)))
		return 0;
	memcpy(ident.type, h->type, sizeof(ident.type));
	if (fs_remove(dir, name, e) != 0)
		return -1;
	return fs_remove(h->state, ident_header_name(&ident, header), e);
}

/* A tree of this name is left from an earlier try, and `current` may lead to it: exchange them. */
static int
publish_directory(struct home *h, const char *tree, struct err *e)
{
	if (!fs_exists(h->dir, tree))
		return fs_publish(h->state, "tree", h->dir, tree, e);
	if (renameat2(h->state, "tree", h->dir, tree, RENAME_EXCHANGE) != 0)
		return err_sys(e, "%s", tree);
	return fs_remove(h->state, "tree", e);
}

/* The header goes first: a tree that is there without one would be of no use. */
static int
publish_tree(struct install *x, struct span header_bytes, struct err *e)
{
	struct home *h = x->home;
	const struct edition *edition = &x->header->ident.edition;
	char name[IDENT_NAME_MAX];
	char tree[TREE_NAME_MAX];

	if (fs_put(h->state, "header", ident_header_name(&x->header->ident, name), header_bytes,
		    e) != 0 ||
		publish_directory(h, tree_name(edition, tree), e) != 0)
		return -1;
	return switch_current(h, tree, e);
}

int
client_home_install(struct home *h, const struct header *header, struct span header_bytes,
	struct span archive, bool difference, struct err *e)
{
	struct install x = {.home = h, .header = header, .fresh = -1, .tree = -1};
	struct keep keep = {h, &header->ident.edition};
	int result = -1;

	x.base.home = h;
	if (h->installed != NULL)
		x.base.contents = header_blobs(h->installed, &x.base.count);
	x.fresh = empty_dir(h, "new", e);
	x.tree = x.fresh < 0 ? -1 : empty_dir(h, "tree", e);
	if (x.tree >= 0 && build_tree(&x, archive, difference, e) == 0)
		result = publish_tree(&x, header_bytes, e);
	fs_close(&x.tree);
	fs_close(&x.fresh);
	free(x.base.contents);
	/* Cleaning up comes last: by now `current` leads to the new version. */
	if (result == 0)
		result = fs_remove(h->state, "new", e);
	if (result == 0)
		result = fs_each(h->dir, ".", remove_if_old, &keep, e);
	return result;
}
