// SPDX-License-Identifier: MIT
// The page and its texts from a model in memory: what is shown, to whom, and that nothing breaks out of it.
#include <errno.h>
#include <stdlib.h>

#include "ipc/record.h"
#include "web/answer.h"

#include "test.h"

static struct web_stats stats;
static struct site site = {.stats = &stats};

static void item(enum msg_type type, void *m)
{
	union msg u = {0};

	memcpy(&u, m, sizeof(u));
	u.h.type = (uint16_t)type;
	CHECK_EQ(model_item(site.model, &u), 0);
}

static void tailnet(const char *name, const char *allowed)
{
	union msg m = {0};

	snprintf(m.web_tailnet.name, sizeof(m.web_tailnet.name), "%s", name);
	m.web_tailnet.enabled = 1;
	m.web_tailnet.engine = ENGINE_TAILSCALE;
	m.web_tailnet.port = 11080;
	item(MSG_WEB_TAILNET, &m);
	memset(&m, 0, sizeof(m));
	snprintf(m.dns_suffix.suffix, sizeof(m.dns_suffix.suffix), "%s", name);
	item(MSG_WEB_SUFFIX, &m);
	memset(&m, 0, sizeof(m));
	m.prefixes.n = 1;
	CHECK_EQ(prefix_parse(allowed, &m.prefixes.prefixes[0]), 0);
	item(MSG_WEB_SEES, &m);
}

static void setup(void)
{
	union msg m = {0};

	model_free(site.model);
	CHECK_EQ(model_new(&site.model), 0);
	snprintf(m.web_config.hostname, sizeof(m.web_config.hostname), "demon");
	m.web_config.dns_port = 53;
	m.web_config.web_port = 11079;
	item(MSG_WEB_CONFIG, &m);
	tailnet("red", "100.64.0.0/10");
	tailnet("blue", "192.0.2.0/24");
}

static void record(enum tailnet_state state, const char *reason, const char *url)
{
	struct control_tailnet t = {.h = {CONTROL_TAILNET, sizeof(t)}, .state = (uint8_t)state};
	struct msg_web_record m = {.known = 1, .pid = 1, .n = sizeof(t)};

	strcpy(t.name, "red");
	snprintf(t.reason, sizeof(t.reason), "%s", reason);
	snprintf(t.login_url, sizeof(t.login_url), "%s", url);
	strcpy(m.tailnet, "red");
	memcpy(m.record, &t, sizeof(t));
	CHECK_EQ(model_record(site.model, &m), 0);
}

static struct answer get(const char *path)
{
	struct visit v = {.site = &site, .host = "demon", .user_agent = "curl/8"};
	struct answer a = {0};

	CHECK_EQ(addr_parse("100.64.0.1", &v.client), 0);
	CHECK_EQ(addr_parse("100.121.76.21", &v.local), 0);
	request_path(path, &v.request);
	CHECK_EQ(answer_make(&v, &a), 0);
	return a;
}

static bool shows(const char *path, const char *text)
{
	struct answer a = get(path);
	bool found = strstr(a.body, text) != NULL;

	free(a.body);
	return found;
}

static void login(void)
{
	setup();
	record(TAILNET_NEEDS_LOGIN, "log in", "https://login.example/a/1?x=1&y=\"><script>");
	CHECK(shows("/",
		"href=\"https://login.example/a/1?x=1&amp;y=&quot;&gt;&lt;script&gt;\">Log red "
		"in"));
	CHECK(!shows("/", "<script>"));
	record(TAILNET_NEEDS_LOGIN, "log in", "javascript:alert(1)");
	CHECK(!shows("/", "javascript:"));
	record(TAILNET_NEEDS_LOGIN, "log in", "");
	CHECK(!shows("/", "class=\"login\""));
	record(TAILNET_UP, "", "https://login.example/");
	CHECK(!shows("/", "login.example"));
}

static void reasons(void)
{
	setup();
	record(TAILNET_FAILED, "<b>&\"no\"", "");
	CHECK(shows("/", "&lt;b&gt;&amp;&quot;no&quot;"));
	CHECK(!shows("/", "<b>"));
	CHECK(shows("/readyz", "red is failed: <b>&\"no\"\n1 other is not up\n"));
}

static void others_are_not_there(void)
{
	static const char *const paths[] = {"/", "/status.json", "/metrics", "/proxy.pac",
		"/readyz", "/setup/macos", "/setup/ssh", "/setup/ssh/blue", "/blue.pac",
		"/tsgw.mobileconfig"};

	setup();
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct answer a = get(paths[i]);

		/* but for the word that the client itself has said */
		CHECK(!strstr(a.body, "blue") || a.code == 404);
		free(a.body);
	}
}

static void bad_records(void)
{
	struct msg_web_record m = {.known = 1, .n = sizeof(struct control_tailnet)};

	setup();
	strcpy(m.tailnet, "red");
	CHECK_EQ(model_record(site.model, &m), -EBADMSG); /* no record inside */
	m.n--;
	CHECK_EQ(model_record(site.model, &m), -EBADMSG);
	m.known = 0;
	CHECK_EQ(model_record(site.model, &m), 0);
	strcpy(m.tailnet, "nobody");
	CHECK_EQ(model_record(site.model, &m), 0);
	memset(m.tailnet, 'a', sizeof(m.tailnet));
	CHECK_EQ(model_record(site.model, &m), -EBADMSG);
}

int main(void)
{
	RUN(login);
	RUN(reasons);
	RUN(others_are_not_there);
	RUN(bad_records);
	model_free(site.model);
	return TEST_END();
}
