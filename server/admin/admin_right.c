/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/admin_right.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "model/admin_address.h"
#include "net/local.h"

/* The file's bytes, without the line's end. */
static int
take_token(struct admin_rights *r, struct span bytes, struct err *e)
{
	size_t len = bytes.len;

	while (len > 0 && (bytes.at[len - 1] == '\n' || bytes.at[len - 1] == '\r'))
		len--;
	if (len < ADMIN_TOKEN_MIN || len > ADMIN_TOKEN_MAX)
		return err_set(e, ERR_INPUT, "has no line of %d to %d characters", ADMIN_TOKEN_MIN,
			ADMIN_TOKEN_MAX);
	for (size_t i = 0; i < len; i++)
		if (bytes.at[i] <= ' ' || bytes.at[i] > '~')
			return err_set(e, ERR_INPUT, "has more than one word");
	memcpy(r->token, bytes.at, len);
	r->token[len] = '\0';
	return 0;
}

static int
read_token(struct admin_rights *r, const char *file, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct stat st;

	if (stat(file, &st) != 0)
		return err_sys(e, "%s", file);
	if ((st.st_mode & 077) != 0)
		return err_set(e, ERR_INPUT, "%s: others can read it: chmod 600", file);
	if (fs_read(AT_FDCWD, file, ADMIN_TOKEN_MAX + 2, &bytes, e) != 0)
		return -1;
	return take_token(r, span_of(bytes.at, bytes.len), e) == 0 ? 0 : err_wrap(e, "%s", file);
}

int
admin_right_open(struct admin_rights *r, bool local, const char *file, struct err *e)
{
	*r = (struct admin_rights){.local = local};
	return file[0] == '\0' ? 0 : read_token(r, file, e);
}

void
admin_right_close(struct admin_rights *r)
{
	explicit_bzero(r, sizeof(*r));
}

/* How long it takes does not tell how much of it is right. */
static bool
is_token(const struct admin_rights *r, const char *text)
{
	size_t len = strlen(text);
	size_t own = strlen(r->token);
	unsigned char differs = own != len;

	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)(text[i] ^ r->token[i % own]);
	return differs == 0;
}

/*
 * A browser that is sent to a name of somebody else's, which leads here, says that name: a page of
 * theirs must not read what is here for everybody on this machine.
 */
static bool
is_our_host(const char *host)
{
	static const char name[] = "localhost";
	AUTO_FREE char *with_port = mem_printf("%s:80", host);
	struct admin_address address;
	size_t len = sizeof(name) - 1;

	if (strncasecmp(host, name, len) == 0)
		return host[len] == '\0' || host[len] == ':';
	return (admin_address_parse(host, &address, NULL) == 0 ||
		       admin_address_parse(with_port, &address, NULL) == 0) &&
	       address.kind == ADMIN_ADDRESS_PORT;
}

enum admin_right
admin_right_of(const struct admin_rights *r, const struct admin_asker *asker)
{
	if (r->local)
		return local_is_ours(asker->fd) ? ADMIN_CHANGE : ADMIN_NOTHING;
	if (r->token[0] == '\0')
		return asker->host == NULL || is_our_host(asker->host) ? ADMIN_READ : ADMIN_NOTHING;
	return asker->token != NULL && is_token(r, asker->token) ? ADMIN_CHANGE : ADMIN_NOTHING;
}
