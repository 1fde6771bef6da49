/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_walk.h"

#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

static bool
is_same_directory(const struct client_walk *w, const char *path, size_t len)
{
	return w->last != NULL && strncmp(w->last, path, len) == 0 &&
	       strchr(w->last + len, '/') == NULL;
}

const char *
client_walk_enter(struct client_walk *w, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash + 1 - path) : 0;

	if (!is_same_directory(w, path, len)) {
		AUTO_FREE char *parent = len > 0 ? mem_string_n(path, len) : mem_string(".");

		fs_close(&w->dir);
		w->dir = w->make ? fs_make_dirs(w->tree, parent, e)
				 : fs_open_dir(w->tree, parent, e);
	}
	w->last = path;
	return w->dir < 0 ? NULL : path + len;
}

void
client_walk_end(struct client_walk *w)
{
	fs_close(&w->dir);
}
