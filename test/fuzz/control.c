/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions over the control socket. */
#include "net/control.h"

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_DOC json_t *question = doc_parse(span_of(data, size), NULL);
	struct record r;

	if (question != NULL && control_get_record(question, &r, NULL) == 0) {
		AUTO_DOC json_t *again = json_object();
		struct record back;

		/* What was understood is said in the same way. */
		control_put_record(again, &r);
		assert(control_get_record(again, &back, NULL) == 0 && record_same(&r, &back));
	}
	return 0;
}
