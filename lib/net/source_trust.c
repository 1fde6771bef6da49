/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/source_trust.h"

#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

/* What cannot be read is as good as what is not there: the source has it. */
static void
look_up(const struct source_trust *s, struct trust *t, const struct trust_want *want)
{
	AUTO_BUF struct buf bytes = {0};

	if (fs_read(s->kept, want->name, (size_t)want->max_bytes, &bytes, NULL) == 0)
		(void)trust_take(t, span_of(bytes.at, bytes.len));
	else
		trust_absent(t);
}

static int
ask(const struct source_trust *s, struct trust *t, const struct trust_want *want,
	struct upstream_reply *ret_reply, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%s%s", s->below, want->file);
	struct source_request request = {
		.what = SOURCE_TRUST, .trust_file = file, .trust_bytes_max = want->max_bytes};
	int result = 0;

	source_fetch(s->upstream, s->source, &request, ret_reply);
	if (ret_reply->outcome == UPSTREAM_ABSENT) {
		trust_absent(t);
	} else if (ret_reply->outcome == UPSTREAM_BROKEN && ret_reply->why.code == ERR_LIMIT) {
		trust_oversized(t);
	} else if (ret_reply->outcome != UPSTREAM_FRESH) {
		result = err_set(e, ret_reply->why.code, "%s: %s", file, ret_reply->why.text);
	} else {
		struct span bytes = span_of(request.bytes.at, request.bytes.len);

		if (trust_take(t, bytes))
			result = s->keep(s->context, want->name, bytes, e);
	}
	source_clear(&request);
	return result;
}

int
source_trust_run(const struct source_trust *s, struct trust *t, struct upstream_reply *ret_reply,
	struct err *e)
{
	struct trust_want want;

	while (trust_next(t, &want)) {
		if (want.kept)
			look_up(s, t, &want);
		else if (ask(s, t, &want, ret_reply, e) != 0)
			return -1;
	}
	return 0;
}
