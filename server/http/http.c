/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "http/conns.h"
#include "http/http_request.h"
#include "http/listen.h"
#include "log.h"
#include "metrics.h"

enum {
	HELD_SHARE = 16,   /* one address may have a sixteenth of all connections held */
	REFUSED_MS = 2000, /* so long somebody who found no place is thought to want one */
	DRAIN_LOOK_MS = 20,
	DRAIN_LAST_MS = 2000, /* for what was cut off to be closed */
};

struct http {
	struct http_requests requests;
	struct MHD_Daemon *daemon;
	int listening; /* the library's once that has started */
	int silent;    /* is never ready: takes the number of listening in the end */
	unsigned per_address;
	struct peers *peers;
	struct conns *conns;
	char address[80];
};

/* ---- Connections */

/* Before it is a connection of the library: where there are far too many. */
static enum MHD_Result
on_accept(void *cls, const struct sockaddr *address, socklen_t len)
{
	struct http *h = cls;

	(void)len;
	return conns_has_room(h->conns, peers_connections(h->peers, address)) ? MHD_YES : MHD_NO;
}

static struct conn *
open_connection(struct http *h, int fd, const struct sockaddr *address)
{
	unsigned connections;
	struct peer *peer = peers_join(h->peers, address, &connections);
	struct conn *conn;
	char text[64];

	metrics_add(METRIC_CONNECTIONS_OPENED, 1);
	conn = conns_add(h->conns, fd, peer, listen_address_text(address, text, sizeof(text)));
	if (connections > h->per_address)
		conns_limit_address(h->conns, conn, connections, h->per_address);
	return conn;
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct http *h = cls;
	const union MHD_ConnectionInfo *fd;
	const union MHD_ConnectionInfo *address;
	struct peer *peer;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		/*
		 * The library closes the descriptor after this: once the connection is off the list
		 * the reaper cannot shut down a number that another one has by then.
		 */
		metrics_add(METRIC_CONNECTIONS_CLOSED, 1);
		peer = ((struct conn *)*socket_context)->peer;
		conns_remove(h->conns, *socket_context);
		peers_leave(h->peers, peer);
		*socket_context = NULL;
		return;
	}
	fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	assert(fd != NULL && address != NULL);
	*socket_context = open_connection(h, fd->connect_fd, address->client_addr);
}

/* ---- The daemon */

/* Nothing is decoded: the router knows raw paths only. */
static size_t
leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static void
log_library(void *cls, const char *fmt, va_list ap)
{
	(void)cls;
	(void)fmt;
	(void)ap;
}

/* Those that this process may use. */
static unsigned
processor_count(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static int
start_daemon(struct http *h, unsigned connections, struct err *e)
{
	unsigned threads = processor_count();

	/*
	 * The library divides its limit by its threads, which have not the same number each. Its
	 * time-out begins anew with each byte, and takes who reads on from what his kernel has for
	 * somebody who has gone: conns.c has the deadlines.
	 */
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
		on_accept, h, http_request, &h->requests, MHD_OPTION_EXTERNAL_LOGGER, log_library,
		NULL, MHD_OPTION_LISTEN_SOCKET, h->listening, MHD_OPTION_THREAD_POOL_SIZE,
		threads > 1 ? threads : 0, MHD_OPTION_CONNECTION_LIMIT,
		(connections + conns_spare(connections)) * threads, MHD_OPTION_CONNECTION_TIMEOUT,
		0U, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_REQUEST_CONNECTION_BYTES,
		MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)1024, MHD_OPTION_STRICT_FOR_CLIENT,
		0, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK,
		http_request_line, &h->requests, MHD_OPTION_NOTIFY_COMPLETED,
		http_request_completed, &h->requests, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
		h, MHD_OPTION_END);
	return h->daemon == NULL ? err_set(e, ERR_SYS, "the HTTP library does not start") : 0;
}

static void
free_http(struct http *h)
{
	fs_close(&h->listening);
	fs_close(&h->silent);
	conns_free(h->conns);
	peers_free(h->peers);
	free(h);
}

static int
open_sockets(struct http *h, const struct options *o, struct err *e)
{
	h->silent = eventfd(0, EFD_CLOEXEC);
	if (h->silent < 0) {
		h->listening = -1;
		return err_sys(e, "eventfd");
	}
	h->listening = listen_open(o->hostModuleAddress, (uint16_t)o->hostModulePort, e);
	return h->listening < 0 ? -1 : listen_name(h->listening, h->address, sizeof(h->address), e);
}

int
http_start(const struct reply_parts *parts, struct http **ret, struct err *e)
{
	const struct options *o = parts->options;
	struct http *h = mem_new(1, sizeof(*h));
	unsigned connections;

	/* Before there is any response that could be released. */
	view_record_response_free = http_response_release;
	h->requests.context.parts = *parts;
	h->requests.context.limiter.max = o->maxSynchronousPackageRetrievalRequests;
	h->requests.files.repo = stock_repo(parts->stock);
	h->per_address = (unsigned)o->maxConnectionsPerAddress;
	if (open_sockets(h, o, e) != 0 || conns_limit((unsigned)o->maxConnections, &connections,
						  &h->requests.files.max, e) != 0) {
		free_http(h);
		return -1;
	}
	h->requests.held_max = connections / HELD_SHARE + 1;
	h->peers = peers_new();
	h->conns = conns_new(connections);
	if (start_daemon(h, connections, e) != 0) {
		free_http(h);
		return -1;
	}
	*ret = h;
	return 0;
}

const char *
http_address(const struct http *h)
{
	return h->address;
}

void
http_reap(struct http *h, uint64_t now_ms)
{
	uint64_t refused_ms = h->requests.context.limiter.refused_ms;

	(void)conns_reap(h->conns, now_ms, now_ms < refused_ms + REFUSED_MS);
}

/* True: nobody is left. */
static bool
drain(struct http *h, uint64_t until_ms, bool all)
{
	const struct timespec pause = {.tv_nsec = DRAIN_LOOK_MS * 1000000L};

	while (conns_drain(h->conns, all) > 0) {
		if (clock_mono_ms() >= until_ms)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

/*
 * Not by MHD_quiesce_daemon: it takes the socket out of the epoll sets of the threads, and so do
 * these, and where the second finds it gone the library ends the process (0.9.75). A socket that is
 * closed leaves the sets by itself, epoll(7); to the threads it is there still, and silent.
 */
static void
stop_listening(const struct http *h)
{
	while (dup3(h->silent, h->listening, O_CLOEXEC) < 0 && (errno == EINTR || errno == EBUSY))
		;
}

/*
 * Nobody new is let in, at once: whoever looks for a server finds the next one. An answer that is
 * on its way has its time, everything else ends. The library is stopped when it has no connection
 * any more: with some it calls back for requests that it has refused already (0.9.75).
 */
void
http_stop(struct http *h, uint64_t drain_ms)
{
	uint64_t now_ms = clock_mono_ms();

	if (h == NULL)
		return;
	stop_listening(h);
	if (!drain(h, now_ms + drain_ms, false))
		(void)drain(h, clock_mono_ms() + DRAIN_LAST_MS, true);
	MHD_stop_daemon(h->daemon);
	h->listening = -1;
	free_http(h);
}
