// SPDX-License-Identifier: MIT
// clients: who is connected to the listeners, and where to.
#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "ctl/client.h"
#include "ctl/target.h"
#include "report/text.h"
#include "ctl/view.h"

#define CLIENTS_PATIENCE_MS 15000 /* longer than a supervisor waits for its worker */

struct listing {
	const struct args *args;
	struct table table; /* one of the two is filled */
	json_t *json;
};

static void destination(const struct control_connection *m, char *buf, size_t size)
{
	bool colons = strchr(m->asked, ':') && *m->asked != '[';

	*buf = '\0';
	if (*m->asked)
		snprintf(buf, size, colons ? "[%s]:%u" : "%s:%u", m->asked, m->asked_port);
}

static int add_row(struct table *t, const struct control_connection *m)
{
	char text[TEXT_CELL_MAX], at[HOSTPORT_TEXT_MAX] = "", size[TEXT_SIZE_MAX];
	int r = 0;

	r |= table_add(t, "%s", m->tailnet);
	r |= table_add(t, "%s", hostport_format(&m->client, at));
	r |= table_add(t, "%s", m->user);
	r |= table_add(t, "%s", client_protocol_name(m->protocol));
	r |= table_add(t, "%s", client_state_name(m->state));
	destination(m, text, sizeof(text));
	r |= table_add(t, "%s", text);
	r |= table_add(t, "%s", m->resolved.addr.family ? hostport_format(&m->resolved, at) : "");
	r |= table_add(t, "%s", text_bytes(m->up_bytes, size));
	r |= table_add(t, "%s", text_bytes(m->down_bytes, size));
	r |= table_add(t, "%s", text_duration(m->age_ms / 1000, size));
	return r;
}

static json_t *connection_json(const struct control_connection *m)
{
	char text[MSG_DOMAIN_MAX + 16], at[HOSTPORT_TEXT_MAX];
	json_t *j = json_object();

	json_object_set_new(j, "tailnet", text_json(m->tailnet));
	json_object_set_new(j, "client", json_string(hostport_format(&m->client, at)));
	json_object_set_new(j, "user", *m->user ? text_json(m->user) : json_null());
	json_object_set_new(j, "protocol",
		m->protocol == CLIENT_UNKNOWN ? json_null()
					      : json_string(client_protocol_name(m->protocol)));
	json_object_set_new(j, "state", json_string(client_state_name(m->state)));
	destination(m, text, sizeof(text));
	json_object_set_new(j, "destination", *text ? text_json(text) : json_null());
	json_object_set_new(j, "address",
		m->resolved.addr.family ? json_string(hostport_format(&m->resolved, at))
					: json_null());
	json_object_set_new(j, "up_bytes", json_integer((json_int_t)m->up_bytes));
	json_object_set_new(j, "down_bytes", json_integer((json_int_t)m->down_bytes));
	json_object_set_new(j, "age_s", json_real((double)m->age_ms / 1000));
	return j;
}

static int on_record(void *arg, const union control_any *m)
{
	struct listing *l = arg;

	if (m->h.record != CONTROL_CONNECTION)
		return -EBADMSG;
	if (l->json)
		return json_array_append_new(l->json, connection_json(&m->connection)) < 0 ? -ENOMEM
											   : 0;
	return add_row(&l->table, &m->connection) ? -ENOMEM : 0;
}

static int ask(struct listing *l, const char *name, int fd)
{
	struct control_request q = {.verb = CONTROL_CLIENTS};
	struct control_end end;
	int r;

	memcpy(q.name, name, strlen(name));
	r = client_ask(fd, &q, CLIENTS_PATIENCE_MS, on_record, l, &end);
	if (r < 0)
		return client_complain(l->args->run_dir, name, r);
	if (end.code != CTL_DONE)
		fprintf(stderr, "tsgwctl: %s: %s\n", name,
			*end.text ? end.text : "the supervisor broke off");
	return end.code;
}

static int ask_one(struct listing *l, const char *name)
{
	struct args named = *l->args;
	_cleanup_close_ int fd = -1;
	int code;

	named.name = name;
	code = target_open(&named, false, &fd, NULL);
	return code == CTL_DONE ? ask(l, name, fd) : code;
}

/* Every tailnet that somebody serves. */
static int ask_all(struct listing *l)
{
	int code = CTL_DONE;
	struct view v;

	if (view_load(l->args, &v) < 0)
		return client_complain(l->args->run_dir, NULL, -ENOMEM);
	if (!v.supervisors) {
		code = client_complain(
			l->args->run_dir, NULL, v.first_error ? v.first_error : -ENOENT);
		view_free(&v);
		return code;
	}
	for (size_t i = 0; i < v.table.n; i++) {
		int one = view_at(&v, i)->live ? ask_one(l, view_at(&v, i)->name) : CTL_DONE;

		code = code ? code : one;
	}
	view_free(&v);
	return code;
}

int clients_show(const struct args *a)
{
	static const char *const heads[] = {"TAILNET", "CLIENT", "USER", "PROTOCOL", "STATE",
		"DESTINATION", "ADDRESS", "UP", "DOWN", "AGE"};
	struct listing l = {.args = a, .table.columns = ELEMENTSOF(heads)};
	int code, r = 0;

	if (a->json)
		l.json = json_array();
	for (size_t i = 0; !a->json && i < ELEMENTSOF(heads); i++)
		r |= table_add(&l.table, "%s", heads[i]);
	if (r < 0 || (a->json && !l.json))
		code = client_complain(a->run_dir, a->name, -ENOMEM);
	else
		code = a->name ? ask_one(&l, a->name) : ask_all(&l);
	if (code == CTL_DONE && a->json)
		code = text_print_json(take_ptr(l.json));
	else if (code == CTL_DONE)
		table_print(&l.table, stdout);
	table_free(&l.table);
	json_decref(l.json);
	return code;
}
