/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/control_server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/mem.h"
#include "net/control.h"
#include "net/local.h"

enum { BUSY_MS = 100 };

struct control_server {
	struct verbs_parts parts;
	pthread_t thread;
	int listener;
	int wake; /* readable: it is time to end */
};

/*
 * One question, one answer. Who asks is looked at first, and a question has to come within a time
 * (control.h): nobody keeps the next one waiting.
 */
static void
serve(struct control_server *a, int fd)
{
	AUTO_DOC json_t *question = NULL;
	json_t *reply = NULL;
	char by[32];
	struct err e = {0};

	if (!local_is_ours(fd))
		return;
	question = control_receive(fd, &e);
	if (question != NULL) {
		(void)json_object_set_new(
			question, "by", json_string(local_name(fd, by, sizeof(by))));
		reply = verbs_answer(&a->parts, question, &e);
	}
	if (reply == NULL)
		/*
		 * An error can quote what lies on the disk, which a document has to be able to say.
		 */
		reply = json_pack("{s:s}", "error", doc_text_valid(e.text) ? e.text : "failed");
	(void)control_send(fd, reply, NULL);
}

/* ---- The thread */

static void *
run(void *context)
{
	struct control_server *a = context;
	struct pollfd fds[2] = {
		{.fd = a->wake, .events = POLLIN}, {.fd = a->listener, .events = POLLIN}};

	for (;;) {
		AUTO_CLOSE int fd = -1;

		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		/* Ending goes before a question that has come as well. */
		if (fds[0].revents != 0)
			return NULL;
		fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(a, fd);
		else /* no descriptor is free: it is there still, and ready at once again */
			(void)poll(fds, 1, BUSY_MS);
	}
}

/*
 * A thread of its own, since all of this waits for disks. The socket of a server that was killed is
 * replaced: who is here has the cache's lock.
 */
int
control_server_start(const struct verbs_parts *parts, struct control_server **ret, struct err *e)
{
	struct control_server *a = mem_new(1, sizeof(*a));

	a->parts = *parts;
	a->wake = eventfd(0, EFD_CLOEXEC);
	a->listener = control_listen(repo_dir(stock_repo(parts->stock)), e);
	if (a->wake >= 0 && a->listener >= 0 && pthread_create(&a->thread, NULL, run, a) == 0) {
		*ret = a;
		return 0;
	}
	if (a->listener >= 0)
		(void)err_set(e, ERR_SYS, "cannot start a thread");
	fs_close(&a->wake);
	fs_close(&a->listener);
	free(a);
	return -1;
}

void
control_server_stop(struct control_server *a)
{
	const uint64_t one = 1;

	if (a == NULL)
		return;
	(void)!write(a->wake, &one, sizeof(one));
	(void)pthread_join(a->thread, NULL);
	fs_close(&a->wake);
	control_unlisten(repo_dir(stock_repo(a->parts.stock)), &a->listener);
	free(a);
}
