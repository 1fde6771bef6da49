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
#include "client/client_walk.h"
#include "codec/apply.h"

/* ---- The installed version as a base */

struct base {
	int tree; /* of the installed version */
	const struct header *header;
	const struct header_file **contents;
	size_t count;
	size_t next; /* of header's files, see base_find_same */
};

/* Most files are where they were, and a header is in the order of paths: the next one is near. */
static const struct header_file *
base_find_same(struct base *b, const struct header_file *file)
{
	const struct header_file *old = NULL;
	int order = 1;

	while (order > 0 && b->next < b->header->count) {
		old = &b->header->files[b->next];
		order = strcmp(file->path, old->path);
		b->next += order > 0;
	}
	return order == 0 && digest_equal(&old->digest, &file->digest) ? old : NULL;
}

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
base_begin(struct base *b, struct home *h, struct err *e)
{
	char name[HOME_NAME_MAX];

	b->tree = fs_open_dir(h->dir, client_home_tree(&h->named, name), e);
	b->header = b->tree < 0 ? NULL : client_home_header(h, e);
	if (b->header == NULL)
		return -1;
	b->contents = header_blobs(b->header, &b->count);
	return 0;
}

/* ---- Putting a version together */

struct install {
	struct home *home;
	const struct installation *what;
	struct base base;
	int fresh;			  /* directory of decoded files by digest */
	int tree;			  /* directory of the new version */
	const struct header_file **blobs; /* of the new version */
	size_t count;
	const char **placed[2]; /* where each blob is in tree already: plain, and executable */
	bool *taken; /* of each file: it is in tree, from what was installed, and right */
	bool unread; /* the bytes of one of these were not looked at now */
	struct look look;
	struct client_walk from; /* in the installed version */
	struct client_walk to;	 /* in the new one */
};

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

static size_t
blob_of(const struct install *x, const struct header_file *file)
{
	return header_blob_find(x->blobs, x->count, &file->digest);
}

static int
fail_changed(const struct header_file *file, struct err *e)
{
	return err_set(e, ERR_DIGEST, "%s: was changed since it was installed", file->path);
}

/* With the mode that it should have, whatever that has which it comes from. */
static int
put_copy(const struct install *x, int from_dir, const char *from, const char *name,
	const struct header_file *file, struct err *e)
{
	if (copy_file(from_dir, from, x->to.dir, name, e) != 0)
		return err_wrap(e, "%s", file->path);
	return fchmodat(x->to.dir, name, client_look_mode(file), 0) != 0
		       ? err_sys(e, "%s", file->path)
		       : 0;
}

/* A copy where copies are wanted, or where a file system has no more links. */
static int
put_file(const struct install *x, int from_dir, const char *from, const char *name,
	const struct header_file *file, bool link, struct err *e)
{
	if (link && linkat(from_dir, from, x->to.dir, name, 0) == 0)
		return 0;
	return put_copy(x, from_dir, from, name, file, e);
}

/* The decoded file itself gets the first name; with another mode it is needed as a copy. */
static int
put_decoded(const struct install *x, const struct header_file *file, const char *name, bool first,
	struct err *e)
{
	char hex[DIGEST_HEX + 1];

	(void)digest_hex(&file->digest, hex);
	if (first && fchmodat(x->fresh, hex, client_look_mode(file), 0) != 0)
		return err_sys(e, "%s", file->path);
	return put_file(x, x->fresh, hex, name, file, first, e);
}

/* By what an installed file that was right is known; its copy is another file. */
static struct look_file
known_of(const struct install *x, const struct header_file *old)
{
	size_t i = (size_t)(old - x->base.header->files);

	if (x->what->copy || i >= x->home->seen.count)
		return (struct look_file){0};
	return x->home->seen.files[i];
}

/*
 * By the new name, which is ours alone: what it leads to is what is looked at. Whether that is what
 * was right when the version was looked at, is seen by the same signs as then.
 */
static int
check_taken(
	struct install *x, size_t i, const char *name, const struct header_file *old, struct err *e)
{
	const struct header_file *file = &x->what->header->files[i];
	struct look_file *known = &x->look.files[i];
	enum client_look_found found;

	*known = known_of(x, old);
	found = client_look_check(x->to.dir, name, file, known);
	x->taken[i] = found == LOOK_UNCHANGED || found == LOOK_RIGHT;
	x->unread = x->unread || found == LOOK_UNCHANGED;
	return found == LOOK_WRONG ? fail_changed(file, e) : 0;
}

/*
 * The first name of each content that is installed already. A link on the way leads to what is not
 * ours: no name of ours for that.
 */
static int
take_installed(struct install *x, size_t i, struct err *e)
{
	const struct header_file *file = &x->what->header->files[i];
	const struct header_file *same = base_find_same(&x->base, file);
	const struct header_file *old = same != NULL ? same : base_find(&x->base, &file->digest);
	const char **first = &x->placed[file->executable][blob_of(x, file)];
	const char *from;
	const char *name;

	if (old == NULL || *first != NULL)
		return 0;
	name = client_walk_enter(&x->to, file->path, e);
	from = name == NULL ? NULL : client_walk_enter(&x->from, old->path, e);
	if (from == NULL || put_file(x, x->from.dir, from, name, file, !x->what->copy, e) != 0)
		return -1;
	*first = file->path;
	return check_taken(x, i, name, old, e);
}

/*
 * A hard link shares its mode with every other name of the file: it will do where that is right to
 * the last bit, and elsewhere there is a copy.
 */
static int
copy_instead(struct install *x, size_t i, const char *name, struct err *e)
{
	const struct header_file *file = &x->what->header->files[i];
	const char *from = client_walk_enter(&x->from, base_find(&x->base, &file->digest)->path, e);

	if (from == NULL)
		return -1;
	if (unlinkat(x->to.dir, name, 0) != 0)
		return err_sys(e, "%s", file->path);
	if (put_copy(x, x->from.dir, from, name, file, e) != 0)
		return -1;
	x->look.files[i] = (struct look_file){0};
	return client_look_check(x->to.dir, name, file, &x->look.files[i]) == LOOK_RIGHT
		       ? 0
		       : fail_changed(file, e);
}

/* What came out of the archive is right already. */
static int
place_file(struct install *x, size_t i, struct err *e)
{
	const struct header_file *file = &x->what->header->files[i];
	const char **first = &x->placed[file->executable][blob_of(x, file)];
	const char *name = client_walk_enter(&x->to, file->path, e);
	int result;

	if (name == NULL)
		return -1;
	if (*first == file->path)
		return copy_instead(x, i, name, e);
	if (*first != NULL) {
		result = put_file(x, x->tree, *first, name, file, !x->what->copy, e);
	} else {
		bool other = x->placed[!file->executable][blob_of(x, file)] != NULL;

		result = put_decoded(x, file, name, !other, e);
		*first = file->path;
	}
	x->look.files[i] = client_look_note(x->to.dir, name);
	return result;
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
	x->from = client_walk_begin(x->base.tree, false);
	x->to = client_walk_begin(x->tree, true);
	for (size_t i = 0; x->what->difference && i < header->count; i++)
		if (take_installed(x, i, e) != 0)
			return -1;
	for (size_t i = 0; i < header->count; i++)
		if (!x->taken[i] && place_file(x, i, e) != 0)
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
	x->look.verified_s = x->unread ? h->seen.verified_s : clock_wall_ms() / 1000;
	if (fs_put(h->state, "header", ident_header_name(&x->what->header->ident, header),
		    x->what->header_bytes, e) != 0 ||
		client_look_write(h->state, client_home_seen(edition, name), &x->look, e) != 0 ||
		publish_directory(h, client_home_tree(edition, name), e) != 0 ||
		switch_current(h, name, e) != 0)
		return -1;
	client_home_installed(h, edition, &x->look);
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
	client_walk_end(&x->from);
	client_walk_end(&x->to);
	free(x->base.contents);
	free(x->blobs);
	free(x->placed[0]);
	free(x->placed[1]);
	free(x->taken);
	client_look_free(&x->look);
	/* What failed leaves no room taken; what did not has its tree elsewhere by now. */
	(void)fs_remove(x->home->state, "new", NULL);
	(void)fs_remove(x->home->state, "tree", NULL);
}

int
client_install(struct home *h, const struct installation *what, struct err *e)
{
	struct install x = {.home = h,
		.what = what,
		.base.tree = -1,
		.fresh = -1,
		.tree = -1,
		.from.dir = -1,
		.to.dir = -1};
	int result = -1;

	x.blobs = header_blobs(what->header, &x.count);
	for (int i = 0; i < 2; i++)
		x.placed[i] = mem_new(x.count, sizeof(*x.placed[i]));
	x.taken = mem_new(what->header->count, sizeof(*x.taken));
	client_look_new(&x.look, what->header->count);
	x.fresh = empty_dir(h, "new", e);
	x.tree = x.fresh < 0 ? -1 : empty_dir(h, "tree", e);
	if (x.tree >= 0 && build_tree(&x, e) == 0)
		result = publish(&x, h, e);
	end(&x);
	return result;
}
