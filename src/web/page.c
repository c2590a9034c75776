// SPDX-License-Identifier: MIT
// The page itself: what runs, how it does, and how each kind of client is set up.
//
// Everything works without the script: it only keeps the numbers fresh and adds the copy buttons.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clients/markup.h"
#include "common/cleanup.h"
#include "report/text.h"
#include "web/answer.h"

/* ---- one network ---- */

/* A row of its list; FIELD is what the script fills in again. */
static void row(FILE *out, const char *name, const char *field, const char *value)
{
	fprintf(out, "<div%s><dt>%s</dt><dd data-field=\"%s\">", *value ? "" : " hidden", name,
		field);
	markup_text(out, value);
	fputs("</dd></div>\n", out);
}

static void join_suffixes(const struct tailnet_config *c, char *buf, size_t size)
{
	*buf = '\0';
	for (size_t i = 0; i < c->n_suffixes; i++) {
		size_t n = strlen(buf);

		snprintf(buf + n, size - n, "%s.%s", n ? ", " : "", c->suffixes[i]);
	}
}

static void traffic(const struct control_tailnet *t, char *buf, size_t size)
{
	char rx[TEXT_SIZE_MAX], tx[TEXT_SIZE_MAX];

	snprintf(buf, size, "%s in, %s out", text_bytes(t->rx_bytes, rx),
		text_bytes(t->tx_bytes, tx));
}

static void rows(const struct visit *v, struct web_tailnet *t, const struct entry *e, FILE *out)
{
	const struct control_tailnet *live = e->live;
	char buf[1024] = "", addr[ADDR_TEXT_MAX], host[CLIENTS_HOST_MAX + 2];
	const struct addr *a;
	struct clients_view view = {.host = v->host};

	snprintf(buf, sizeof(buf), "%s:%u", clients_authority(&view, host), t->config.port);
	row(out, "Proxy", "proxy", buf);
	join_suffixes(&t->config, buf, sizeof(buf));
	row(out, "Names", "names", buf);
	*buf = '\0';
	for (size_t i = 0; (a = entry_address(e, i)); i++)
		snprintf(buf + strlen(buf), sizeof(buf) - strlen(buf), "%s%s", i ? ", " : "",
			addr_format(a, addr));
	row(out, "Address", "addresses", buf);
	*buf = '\0';
	if (entry_has_peers(e))
		snprintf(buf, sizeof(buf), "%u of %u up", live->peers_up, live->peers);
	row(out, "Peers", "peers", buf);
	*buf = '\0';
	if (live && live->has_counters)
		snprintf(buf, sizeof(buf), "%" PRIu64, live->clients);
	row(out, "Clients", "clients", buf);
	*buf = '\0';
	if (live && live->has_counters)
		traffic(live, buf, sizeof(buf));
	row(out, "Traffic", "traffic", buf);
	row(out, "Running", "uptime",
		live && live->has_uptime ? text_duration(live->uptime_s, buf) : "");
}

/* Only what a browser may follow as a link. */
static bool is_web_address(const char *url)
{
	return !strncmp(url, "https://", 8) || !strncmp(url, "http://", 7);
}

static void network(const struct visit *v, struct web_tailnet *t, FILE *out)
{
	struct entry e = model_entry(t);
	const char *state = entry_state(&e), *reason = entry_reason(&e);
	const char *url = e.live && e.live->state == TAILNET_NEEDS_LOGIN ? e.live->login_url : "";

	fprintf(out,
		"<li class=\"network\" data-tailnet=\"%s\"><h3>%s</h3> "
		"<span class=\"state %s\" data-field=\"state\">%s</span>\n",
		e.name, e.name, state, state);
	fprintf(out, "<p class=\"reason\" data-field=\"reason\"%s>", *reason ? "" : " hidden");
	markup_text(out, reason);
	fputs("</p>\n", out);
	if (is_web_address(url)) {
		fputs("<p><a class=\"login\" rel=\"noreferrer\" href=\"", out);
		markup_text(out, url);
		fprintf(out, "\">Log %s in</a></p>\n", e.name);
	}
	fputs("<dl>\n", out);
	rows(v, t, &e, out);
	fputs("</dl></li>\n", out);
}

static void networks(const struct visit *v, FILE *out)
{
	const struct model *m = v->site->model;
	size_t n = 0;

	fputs("<section aria-labelledby=\"networks\"><h2 id=\"networks\">Networks</h2>\n"
	      "<p id=\"news\" class=\"news\" role=\"status\"></p>\n<ul class=\"networks\">\n",
		out);
	for (size_t i = 0; i < m->n_tailnets; i++)
		if (model_sees(m->tailnets[i], &v->client)) {
			network(v, m->tailnets[i], out);
			n++;
		}
	fputs("</ul>\n", out);
	if (!n)
		fputs("<p>No network admits your address.</p>\n", out);
	fputs("</section>\n", out);
}

/* ---- cards ---- */

static void block(const struct clients_block *b, size_t number, const char *kind, FILE *out)
{
	fprintf(out, "<p class=\"step\" id=\"%s-%zu\">", kind, number);
	markup_text(out, b->title);
	fputs("</p>\n", out);
	if (*b->code) {
		fprintf(out,
			"<pre tabindex=\"0\" role=\"region\" aria-labelledby=\"%s-%zu\"><code>",
			kind, number);
		markup_text(out, b->code);
		fputs("</code></pre>\n", out);
	}
	if (!b->undo || !*b->undo)
		return;
	fputs("<details class=\"undo\"><summary>Undo</summary>"
	      "<pre tabindex=\"0\" role=\"region\" aria-label=\"Undo\"><code>",
		out);
	markup_text(out, b->undo);
	fputs("</code></pre></details>\n", out);
}

/* An iPhone's profile needs the wireless network's name. */
static void wifi_form(FILE *out)
{
	fputs("<form action=\"/tsgw.mobileconfig\" method=\"get\"><label for=\"ssid\">Name of your "
	      "Wi-Fi"
	      "</label> <input id=\"ssid\" name=\"ssid\" required maxlength=\"32\" "
	      "autocomplete=\"off\">"
	      " <button>Profile</button></form>\n",
		out);
}

static int card(enum clients_kind kind, const struct clients_view *view, bool open, FILE *out)
{
	const char *name = clients_kind_name(kind);
	struct clients_card c;
	int r = clients_card(kind, view, &c);

	if (r < 0)
		return r;
	fprintf(out, "<details class=\"card\" id=\"%s\"%s><summary><h3>%s</h3></summary>\n<p>",
		name, open ? " open" : "", clients_kind_title(kind));
	markup_text(out, c.intro);
	fputs("</p>\n", out);
	for (size_t i = 0; i < c.n; i++)
		block(&c.blocks[i], i + 1, name, out);
	if (!c.n)
		fputs("<p>Not possible here: dns-port or web-port is off, or not the usual "
		      "one.</p>\n",
			out);
	if (kind == CLIENTS_IOS && c.n)
		wifi_form(out);
	fprintf(out, "<p class=\"plain\"><a href=\"/setup/%s\">As plain text</a></p>\n</details>\n",
		name);
	clients_card_free(&c);
	return 0;
}

static int cards(const struct visit *v, const struct clients_view *view, FILE *out)
{
	int yours = request_system(v->user_agent), r = 0;

	fputs("<section aria-labelledby=\"setup\"><h2 id=\"setup\">Set up this device</h2>\n", out);
	if (!view->n_tailnets) {
		fputs("<p>There is no network for you to be set up for.</p></section>\n", out);
		return 0;
	}
	if (yours >= 0)
		r = card((enum clients_kind)yours, view, true, out);
	fprintf(out, "<p class=\"more\">%s</p>\n<div class=\"cards\">\n",
		yours >= 0 ? "Other devices and programs" : "Devices and programs");
	for (int i = 0; i < CLIENTS_KINDS && r == 0; i++)
		if (i != yours)
			r = card((enum clients_kind)i, view, false, out);
	fputs("</div></section>\n", out);
	return r;
}

/* ---- the whole ---- */

static void head(const struct visit *v, FILE *out)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>tsgw on ",
		out);
	markup_text(out, v->site->model->hostname);
	fputs("</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"light dark\">\n"
	      "<noscript><meta http-equiv=\"refresh\" content=\"30\"></noscript>\n"
	      "<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n"
	      "<link rel=\"stylesheet\" href=\"/page.css\">\n"
	      "<script src=\"/page.js\" defer></script></head>\n<body>\n"
	      "<a class=\"skip\" href=\"#setup\">To the set-up</a>\n<header><div><h1>",
		out);
	markup_text(out, v->site->model->hostname);
	fputs("</h1><p>The way into your private networks.</p></div>\n", out);
}

static void phone(const struct visit *v, FILE *out)
{
	struct clients_view view = {.host = v->host};
	char host[CLIENTS_HOST_MAX + 2], url[CLIENTS_HOST_MAX + 32];

	snprintf(url, sizeof(url), "http://%s:%u/", clients_authority(&view, host),
		v->site->model->web_port);
	fputs("<figure>", out);
	qr_write(url, out);
	fputs("<figcaption>This page on your phone</figcaption></figure></header>\n<main>\n", out);
}

int page_write(const struct visit *v, FILE *out)
{
	struct clients_view view;
	int r = answer_view(v, "", &view);

	if (r < 0)
		return r;
	head(v, out);
	phone(v, out);
	networks(v, out);
	r = cards(v, &view, out);
	fputs("</main>\n<footer><p>tsgw " TSGW_VERSION
	      " · <a href=\"/status.json\">status.json</a> · "
	      "<a href=\"/metrics\">metrics</a> · <a href=\"/readyz\">readyz</a> · "
	      "<a href=\"/proxy.pac\">proxy.pac</a></p></footer>\n</body></html>\n",
		out);
	free((void *)view.tailnets);
	return r;
}
