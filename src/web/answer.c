// SPDX-License-Identifier: MIT
// From a request to an answer. Pure but for the model that it reads.
#include "web/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/distance.h"
#include "report/dnscounts.h"
#include "report/text.h"
#include "web/asset.h"

#define TEXT_TYPE "text/plain; charset=utf-8"

bool answer_needs_fresh(const struct request *r)
{
	return r->route == ROUTE_PAGE || r->route == ROUTE_STATUS || r->route == ROUTE_METRICS;
}

/* ---- views ---- */

int answer_view(const struct visit *v, const char *name, struct clients_view *ret)
{
	const struct model *m = v->site->model;
	struct clients_tailnet *list = calloc(m->n_tailnets + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_tailnets; i++) {
		const struct web_tailnet *t = m->tailnets[i];

		if (!model_sees(t, &v->client) || !model_serves(t) ||
			(*name && strcmp(name, t->config.name)))
			continue;
		list[n++] = (struct clients_tailnet){.name = t->config.name,
			.port = t->config.port,
			.suffixes = t->config.suffixes,
			.n_suffixes = t->config.n_suffixes,
			.routes = t->routes.items,
			.n_routes = t->routes.n};
	}
	*ret = (struct clients_view){.host = v->host,
		.address = v->local,
		.dns_port = m->dns_port,
		.web_port = m->web_port,
		.tailnets = list,
		.n_tailnets = n};
	return 0;
}

/* ---- bodies ---- */

static void line(FILE *out, struct answer *a, unsigned code, const char *text)
{
	a->code = code;
	a->type = TEXT_TYPE;
	fprintf(out, "%s\n", text);
}

static void not_found(struct answer *a, FILE *out, const char *near)
{
	a->code = 404;
	a->type = TEXT_TYPE;
	fputs("there is no such page", out);
	if (near)
		fprintf(out, "; did you mean %s?", near);
	fputc('\n', out);
}

/* A tailnet that this client may not see does not exist for it. */
static const char *nearest_tailnet(const struct visit *v, const char *name)
{
	const struct model *m = v->site->model;
	const char *found = NULL;
	size_t best = 3;

	for (size_t i = 0; i < m->n_tailnets; i++) {
		const struct web_tailnet *t = m->tailnets[i];
		size_t d = distance_edits(name, t->config.name);

		if (d < best && model_sees(t, &v->client)) {
			best = d;
			found = t->config.name;
		}
	}
	return found;
}

static bool sees(const struct visit *v, const char *name)
{
	const struct web_tailnet *t = model_find(v->site->model, name);

	return t && model_sees(t, &v->client);
}

static void no_tailnet(const struct visit *v, struct answer *a, FILE *out, const char *name)
{
	const char *near = nearest_tailnet(v, name);

	a->code = 404;
	a->type = TEXT_TYPE;
	fprintf(out, "there is no tailnet %s", name);
	if (near)
		fprintf(out, "; did you mean %s?", near);
	fputc('\n', out);
}

static int write_pac(const struct visit *v, struct answer *a, FILE *out)
{
	const char *name = v->request.tailnet;
	struct clients_view view;
	int r;

	if (*name && !sees(v, name)) {
		no_tailnet(v, a, out, name);
		return 0;
	}
	r = answer_view(v, name, &view);
	if (r < 0)
		return r;
	a->type = "application/x-ns-proxy-autoconfig";
	clients_pac(&view, out);
	free((void *)view.tailnets);
	return 0;
}

static void unknown_kind(const struct visit *v, struct answer *a, FILE *out)
{
	int near = clients_kind_nearest(v->request.wrong);

	a->code = 404;
	a->type = TEXT_TYPE;
	fprintf(out, "there is no set-up for %s", v->request.wrong);
	if (near >= 0)
		fprintf(out, " (did you mean %s?)", clients_kind_name((enum clients_kind)near));
	fputs("; there are:", out);
	for (int i = 0; i < CLIENTS_KINDS; i++)
		fprintf(out, " %s", clients_kind_name((enum clients_kind)i));
	fputc('\n', out);
}

static int write_setup(const struct visit *v, struct answer *a, FILE *out)
{
	const struct request *q = &v->request;
	struct clients_view view;
	struct clients_card card;
	int r;

	a->type = TEXT_TYPE;
	if (q->kind < 0) {
		unknown_kind(v, a, out);
		return 0;
	}
	if (*q->wrong || (*q->tailnet && !sees(v, q->tailnet))) {
		no_tailnet(v, a, out, *q->wrong ? q->wrong : q->tailnet);
		return 0;
	}
	r = answer_view(v, q->tailnet, &view);
	if (r < 0)
		return r;
	r = clients_card((enum clients_kind)q->kind, &view, &card);
	if (r == 0) {
		clients_print(&card, out);
		clients_card_free(&card);
	}
	free((void *)view.tailnets);
	return r;
}

static int write_profile(const struct visit *v, struct answer *a, FILE *out)
{
	struct clients_view view;
	int r;

	if (v->ssid && !request_ssid_ok(v->ssid)) {
		line(out, a, 400, "ssid is no name of a wireless network (1 to 32 bytes)");
		return 0;
	}
	r = answer_view(v, "", &view);
	if (r < 0)
		return r;
	a->type = "application/x-apple-aspen-config";
	a->disposition = "tsgw.mobileconfig";
	clients_profile(&view, v->ssid, out);
	free((void *)view.tailnets);
	return 0;
}

/* As the control socket's CONTROL_DNS tells it, of the tailnets that the client sees. */
static json_t *status_dns(const struct visit *v)
{
	const struct model *m = v->site->model;
	struct control_dns d = {.all = v->site->dns};
	json_t *j;

	if (!v->site->front.has_dns)
		return json_null();
	j = json_object();
	dnscounts_json(j, &d);
	for (size_t i = 0; i < m->n_tailnets; i++) {
		const struct web_tailnet *t = m->tailnets[i];

		if (!t->has_dns || !model_sees(t, &v->client))
			continue;
		d.zone = t->dns;
		memcpy(d.tailnet, t->config.name, sizeof(d.tailnet));
		dnscounts_json(j, &d);
	}
	return j;
}

static int write_status(const struct visit *v, struct answer *a, FILE *out)
{
	const struct model *m = v->site->model;
	json_t *list = json_array(), *all;
	int r;

	for (size_t i = 0; i < m->n_tailnets; i++) {
		struct entry e = model_entry(m->tailnets[i]);

		if (model_sees(m->tailnets[i], &v->client))
			json_array_append_new(list, entry_json(&e, true));
	}
	all = entry_json_status(list);
	json_object_set_new(all, "dns", status_dns(v));
	a->type = "application/json";
	r = json_dumpf(all, out, TEXT_JSON_FLAGS) < 0 ? -ENOMEM : 0;
	fputc('\n', out);
	json_decref(all);
	return r;
}

/* One that the client may not see counts, but has no name here. */
static void write_ready(const struct visit *v, struct answer *a, FILE *out)
{
	const struct model *m = v->site->model;
	size_t others = 0;

	a->type = TEXT_TYPE;
	for (size_t i = 0; i < m->n_tailnets; i++) {
		struct web_tailnet *t = m->tailnets[i];
		struct entry e = model_entry(t);
		const char *reason = entry_reason(&e);

		if (!t->config.enabled || model_state(t) == TAILNET_UP)
			continue;
		a->code = 503;
		if (!model_sees(t, &v->client)) {
			others++;
			continue;
		}
		fprintf(out, "%s is %s%s%s\n", t->config.name, entry_state(&e), *reason ? ": " : "",
			reason);
	}
	if (others)
		fprintf(out, "%zu other%s not up\n", others, others == 1 ? " is" : "s are");
	if (a->code == 200)
		fputs("ready\n", out);
}

static int write_body(const struct visit *v, struct answer *a, FILE *out)
{
	switch (v->request.route) {
	case ROUTE_PAGE:
		a->type = "text/html; charset=utf-8";
		return page_write(v, out);
	case ROUTE_STATUS:
		return write_status(v, a, out);
	case ROUTE_METRICS:
		a->type = "text/plain; version=0.0.4; charset=utf-8";
		metrics_write(v, out);
		return 0;
	case ROUTE_HEALTH:
		line(out, a, 200, "ok");
		return 0;
	case ROUTE_READY:
		write_ready(v, a, out);
		return 0;
	case ROUTE_PAC:
		return write_pac(v, a, out);
	case ROUTE_KINDS:
		a->type = TEXT_TYPE;
		for (int i = 0; i < CLIENTS_KINDS; i++)
			fprintf(out, "%s\n", clients_kind_name((enum clients_kind)i));
		return 0;
	case ROUTE_SETUP:
		return write_setup(v, a, out);
	case ROUTE_PROFILE:
		return write_profile(v, a, out);
	default:
		return -ENOENT;
	}
}

static bool constant_body(enum route route, struct answer *ret)
{
	const struct asset *asset = route == ROUTE_CSS ? &asset_css
		: route == ROUTE_JS		       ? &asset_js
		: route == ROUTE_ICON		       ? &asset_icon
						       : NULL;

	if (!asset)
		return false;
	*ret = (struct answer){.code = 200,
		.type = asset->type,
		.constant = asset->start,
		.size = (size_t)(asset->end - asset->start)};
	return true;
}

int answer_make(const struct visit *v, struct answer *ret)
{
	struct answer a = {.code = 200};
	FILE *out;
	int r = 0;

	if (constant_body(v->request.route, ret))
		return 0;
	out = open_memstream(&a.body, &a.size);
	if (!out)
		return -ENOMEM;
	if (v->request.route == ROUTE_NONE)
		not_found(&a, out, v->near);
	else
		r = write_body(v, &a, out);
	if (fclose(out) == EOF && r == 0)
		r = -ENOMEM;
	if (r < 0) {
		free(a.body);
		return r;
	}
	*ret = a;
	return 0;
}
