/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/admin_http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "admin/admin_conns.h"
#include "admin/admin_right.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "http/guard.h"
#include "http/http_response.h"
#include "http/listen.h"
#include "model/admin_address.h"
#include "net/local.h"

enum {
	CONNECTION_BYTES = 8192,
	SILENT_S = 10,
	REQUEST_MS = 20000, /* until a request is complete */
	ANSWER_MS = 60000,  /* and, once it was answered, until that has gone out */
};

static const char socket_name[] = "admin.socket";

struct admin_http {
	struct verbs_parts parts;
	struct admin_rights rights;
	struct MHD_Daemon *daemon;
	int listening; /* the library's once that has started */
	int dir;       /* of a Unix socket */
	char *name;    /* of that */
	ino_t inode;   /* the same: another one is another server's */
	char *address;
	struct admin_conns *conns;
};

/* ---- Connections */

static int
descriptor_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
	enum MHD_ConnectionNotificationCode code)
{
	struct admin_http *a = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = admin_conns_add(
			a->conns, descriptor_of(connection), clock_mono_ms() + REQUEST_MS);
		return;
	}
	admin_conns_remove(a->conns, *socket_context);
	*socket_context = NULL;
}

static void
set_deadline(struct admin_http *a, struct MHD_Connection *connection, uint64_t until_ms)
{
	admin_conns_set_deadline(a->conns,
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context,
		until_ms);
}

void
admin_http_reap(struct admin_http *a, uint64_t now_ms)
{
	if (a != NULL)
		admin_conns_reap(a->conns, now_ms);
}

/* ---- Requests */

/* From the head to the end of the answer; texts are the library's, but for token. */
struct asked {
	struct guard guard;
	size_t head_bytes;
	const char *accept;
	const char *content_type;
	const char *host;
	const char *bearer;
	bool body_too_long;
	struct buf body;
};

static void
note_field(struct asked *asked, const char *name, size_t len, const char *value)
{
	static const char prefix[] = "Bearer ";
	const struct {
		const char *name;
		const char **at;
	} fields[] = {{"Accept", &asked->accept}, {"Content-Type", &asked->content_type},
		{"Host", &asked->host}, {"Authorization", &asked->bearer}};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (strlen(fields[i].name) == len && strncasecmp(name, fields[i].name, len) == 0)
			*fields[i].at = value;
	if (asked->bearer == value)
		asked->bearer = strncasecmp(value, prefix, sizeof(prefix) - 1) == 0
					? value + sizeof(prefix) - 1
					: NULL;
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
	size_t value_len)
{
	struct asked *asked = cls;

	(void)kind;
	/* A folded line: see http_request.c. */
	if (value == NULL || value <= name || value - name > CONNECTION_BYTES)
		asked->guard.bad_header = true;
	asked->head_bytes += name_len + value_len + strlen(": \r\n");
	guard_header(&asked->guard, name, name_len, value != NULL ? value : "", value_len);
	if (value != NULL)
		note_field(asked, name, name_len, value);
	return MHD_YES;
}

static void
add_fields(struct MHD_Response *response, const struct admin_reply *reply)
{
	static const char *const fields[][2] = {
		{"Connection", "close"},
		{"Cache-Control", "no-store"},
		{"Content-Security-Policy",
			"default-src 'none'; style-src 'self'; script-src 'self'; "
			"connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; "
			"base-uri 'none'; form-action 'none'"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		(void)MHD_add_response_header(response, fields[i][0], fields[i][1]);
	(void)MHD_add_response_header(response, "Content-Type", reply->type);
	if (reply->allow != NULL)
		(void)MHD_add_response_header(response, "Allow", reply->allow);
	if (reply->status == 401)
		(void)MHD_add_response_header(
			response, "WWW-Authenticate", "Basic realm=\"guts2d\"");
}

static enum MHD_Result
send_reply(struct admin_http *a, struct MHD_Connection *connection, struct admin_reply *reply)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		reply->text.len, reply->text.at, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_NO;

	set_deadline(a, connection, clock_mono_ms() + ANSWER_MS);
	if (response != NULL) {
		add_fields(response, reply);
		result = MHD_queue_response(connection, reply->status, response);
		MHD_destroy_response(response);
	}
	admin_reply_free(reply);
	return result;
}

static enum MHD_Result
refuse(struct admin_http *a, struct MHD_Connection *connection, unsigned status, const char *reason)
{
	struct admin_reply reply = {0};

	admin_reply_error(&reply, status, "malformed", reason);
	return send_reply(a, connection, &reply);
}

/* As for clients: what two programs on the way can read differently is not believed. */
static enum MHD_Result
take_head(struct admin_http *a, struct MHD_Connection *connection, struct asked *asked,
	const struct guard_head *line)
{
	struct guard_head head = *line;
	const char *reason = NULL;
	unsigned status;

	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_header, asked);
	head.head_bytes = head.line_bytes + asked->head_bytes + strlen("\r\n");
	status = guard_judge(&asked->guard, &head, &reason);
	return status == 0 ? MHD_YES : refuse(a, connection, status, reason);
}

static enum admin_right
right_of(const struct admin_http *a, struct MHD_Connection *connection, const struct asked *asked)
{
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(connection, &password);
	const struct admin_asker asker = {.fd = descriptor_of(connection),
		.host = asked->host,
		.token = asked->bearer != NULL ? asked->bearer : password};
	enum admin_right right = admin_right_of(&a->rights, &asker);

	MHD_free(user);
	MHD_free(password);
	return right;
}

static const char *
name_asker(const struct admin_http *a, struct MHD_Connection *connection, char *ret, size_t size)
{
	if (a->rights.local)
		return local_name(descriptor_of(connection), ret, size);
	(void)snprintf(ret, size, "who has the token");
	return ret;
}

static enum MHD_Result
answer(struct admin_http *a, struct MHD_Connection *connection, const struct asked *asked,
	const char *method, const char *path)
{
	char by[32];
	const struct admin_request request = {.method = method,
		.path = path,
		.accept = asked->accept,
		.content_type = asked->content_type,
		.body = span_of(asked->body.at, asked->body.len),
		.right = right_of(a, connection, asked),
		.by = name_asker(a, connection, by, sizeof(by))};
	struct admin_reply reply = {0};

	/* What is asked for has the time that it takes. */
	set_deadline(a, connection, 0);
	admin_reply_make(&a->parts, &request, &reply);
	return send_reply(a, connection, &reply);
}

/* The library calls it with the head, with each piece of the body, and once more without one. */
static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *upload_data, size_t *upload_size, void **request_cls)
{
	struct admin_http *a = cls;
	struct asked *asked = *request_cls;

	if (asked == NULL) {
		const struct guard_head line = {.method = method,
			.version = version,
			.line_bytes = strlen(method) + strlen(url) + strlen(version) + 4};

		*request_cls = asked = mem_new(1, sizeof(*asked));
		return take_head(a, connection, asked, &line);
	}
	if (*upload_size > 0) {
		if (asked->body.len + *upload_size > GUARD_BODY_MAX)
			asked->body_too_long = true;
		else
			buf_add(&asked->body, upload_data, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (asked->body_too_long)
		return refuse(a, connection, 413, "body too long");
	return answer(a, connection, asked, method, url);
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **request_cls,
	enum MHD_RequestTerminationCode code)
{
	struct asked *asked = *request_cls;

	(void)cls;
	(void)connection;
	(void)code;
	if (asked == NULL)
		return;
	buf_free(&asked->body);
	free(asked);
	*request_cls = NULL;
}

/* ---- Starting and ending */

static void
log_library(void *cls, const char *fmt, va_list ap)
{
	(void)cls;
	(void)fmt;
	(void)ap;
}

/* Nothing is decoded: paths are what they are. */
static size_t
leave_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static int
start_daemon(struct admin_http *a, struct err *e)
{
	a->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION |
					     MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
					     MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, a, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
		MHD_OPTION_LISTEN_SOCKET, a->listening, MHD_OPTION_CONNECTION_LIMIT,
		admin_conns_max(a->conns) + ADMIN_CONNS_SPARE, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)SILENT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, a, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, a, MHD_OPTION_END);
	return a->daemon == NULL ? err_set(e, ERR_SYS, "the HTTP library does not start") : 0;
}

/* Of what is at the socket's path now; 0: nothing. */
static ino_t
inode_of(const struct admin_http *a)
{
	struct stat st;

	return fstatat(a->dir, a->name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

static int
open_socket(struct admin_http *a, const char *path, struct err *e)
{
	const char *name;

	a->dir = fs_open_dir_of(AT_FDCWD, path, &name, e);
	if (a->dir < 0)
		return -1;
	/* A path is whoever's it is. */
	if (!local_is_free(a->dir, name))
		return err_set(e, ERR_BUSY, "%s: something else is there, or listens there", path);
	a->listening = local_listen(a->dir, name, e);
	if (a->listening < 0)
		return -1;
	a->name = mem_string(name);
	a->address = mem_string(path);
	a->inode = inode_of(a);
	return 0;
}

static int
open_port(struct admin_http *a, const struct admin_address *address, struct err *e)
{
	char where[80];

	a->listening = listen_open(address->host, address->port, e);
	if (a->listening < 0 || listen_name(a->listening, where, sizeof(where), e) != 0)
		return -1;
	a->address = mem_printf("http://%s/", where);
	return 0;
}

static int
open_listener(struct admin_http *a, const struct options *o, struct err *e)
{
	AUTO_FREE char *own = mem_printf("%s/%s", o->root, socket_name);
	struct admin_address address;

	if (admin_address_parse(o->adminAddress, &address, e) != 0 ||
		admin_right_open(
			&a->rights, address.kind != ADMIN_ADDRESS_PORT, o->adminTokenFile, e) != 0)
		return -1;
	switch (address.kind) {
	case ADMIN_ADDRESS_OFF:
		return 0;
	case ADMIN_ADDRESS_OWN:
		return open_socket(a, own, e);
	case ADMIN_ADDRESS_SOCKET:
		return open_socket(a, o->adminAddress, e);
	case ADMIN_ADDRESS_PORT:
		return open_port(a, &address, e);
	}
	return -1;
}

static void
free_admin(struct admin_http *a)
{
	if (a->name != NULL && inode_of(a) == a->inode)
		local_unlisten(a->dir, a->name, &a->listening);
	fs_close(&a->listening);
	fs_close(&a->dir);
	admin_right_close(&a->rights);
	admin_conns_free(a->conns);
	free(a->name);
	free(a->address);
	free(a);
}

int
admin_http_start(const struct verbs_parts *parts, const struct options *o, struct admin_http **ret,
	struct err *e)
{
	struct admin_http *a = mem_new(1, sizeof(*a));

	*ret = NULL;
	*a = (struct admin_http){.parts = *parts, .listening = -1, .dir = -1};
	a->conns = admin_conns_new();
	if (open_listener(a, o, e) != 0 || (a->listening >= 0 && start_daemon(a, e) != 0)) {
		free_admin(a);
		return err_wrap(e, "adminAddress");
	}
	if (a->listening >= 0)
		*ret = a;
	else
		free_admin(a);
	return 0;
}

const char *
admin_http_address(const struct admin_http *a)
{
	return a->address;
}

/* The library closes the socket. */
void
admin_http_stop(struct admin_http *a)
{
	if (a == NULL)
		return;
	MHD_stop_daemon(a->daemon);
	a->listening = -1;
	free_admin(a);
}
