/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control.h - the word between a running server and the tools on its machine.
 *
 * Does:     one question and one answer over a Unix socket in the cache's
 *           directory, as JSON objects of one line. Only root and the server's own user are
 *           heard (local_is_ours).
 * Shapes:   {"do":"check",<record>}          {"result":"good"|"damaged"|"absent"}
 *           {"do":"drop","type","version"?}  {"removed":N,"bytes":N}
 *           {"do":"forget","type"}           as drop; what is announced of it goes as well
 *           {"do":"reindex"}                 {"records":N}
 *           {"do":"known"}                   {"state":"unknown"|"coming"|"failed"|"absent",
 *                                            "reason"?,"announced":bool}, of the announcement,
 *                                            and whether it is known;
 *                                            reason: of failed, a word of a 503
 *           {"do":"known",<record>,"build"?} the same of an archive: as the upstream has it, or as
 *                                            it is built here
 *           {"do":"poll"}                    {"asked":bool}: whether the upstream is asked
 *           {"do":"status"}                  how the server is: guts2d(8), STATUS
 *           anything that fails              {"error":"<sentence>"}
 * Threads:  any
 * Owner:    descriptors are the caller's
 * Errors:   ERR_MISSING no server listens; ERR_INPUT; ERR_SYS
 * Source:   unix(7)
 */
#ifndef CONTROL_H
#define CONTROL_H

#include "base/err.h"
#include "model/doc.h"
#include "model/record.h"

/* A listening socket in the cache's directory dir; an old one is replaced. The caller has the lock.
 */
int control_listen(int dir, struct err *e);

/* Nobody listens there any more. */
void control_unlisten(int dir, int *fd);

/* A whole question, of 4 KiB at the most, in a bounded time; NULL: there was none. */
json_t *control_receive(int fd, struct err *e);

/* An answer; consumes take. ERR_LIMIT: of more than 16 MiB. */
int control_send(int fd, json_t *take, struct err *e);

/* Ask a running server; consumes take. An answer with "error" becomes an error. NULL: failed. */
json_t *control_ask(int dir, json_t *take_question, struct err *e);

/* The members of a record that say which one it is. */
void control_put_record(json_t *object, const struct record *r);
int control_get_record(const json_t *object, struct record *ret, struct err *e);

#endif
