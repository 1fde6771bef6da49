/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/vouch_root.h"

#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "store/trusted_state.h"

char *
vouch_root_path(const struct options *o)
{
	return o->trustRoot[0] != '\0' ? mem_string(o->trustRoot)
				       : mem_printf("%s/config/root.json", o->root);
}

char *
vouch_root_kept(const struct options *o)
{
	return mem_printf("%s/data/guts2/trust", o->root);
}

int
vouch_root_print(const struct options *o, FILE *to)
{
	AUTO_FREE char *path = vouch_root_path(o);
	AUTO_FREE char *kept = vouch_root_kept(o);
	AUTO_CLOSE int dir = fs_open_dir(AT_FDCWD, kept, NULL);
	AUTO_BUF struct buf root = {0};
	struct trusted_state state;
	struct trust *t;
	struct err e = {0};
	char until[CLOCK_TEXT];

	if (fs_read(AT_FDCWD, path, TRUST_ROOT_BYTES_MAX, &root, &e) != 0) {
		(void)fprintf(to, "trust=not signed  # %s\n", e.text);
		return e.code == ERR_MISSING && o->trustRoot[0] == '\0' ? 0 : -1;
	}
	t = trust_new(span_of(root.at, root.len), time(NULL), &e);
	if (t == NULL) {
		(void)fprintf(to, "trust=  # %s: %s\n", path, e.text);
		return -1;
	}
	(void)fprintf(to, "trust=root %" PRIu64 ", ", trust_role(t, ROLE_ROOT)->version);
	trust_free(t);
	if (dir >= 0 && trusted_state_open(dir, &state, &e) == 0) {
		(void)fprintf(to,
			"verified to root %" PRIu64 ", timestamp %" PRIu64 " good until %s",
			state.root, state.timestamp, clock_text(state.expires_s, until));
		trusted_state_clear(&state);
	} else {
		(void)fprintf(to, "nothing verified yet");
	}
	(void)fprintf(to, "  # %s\n", path);
	return 0;
}
