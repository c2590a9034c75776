// SPDX-License-Identifier: MIT
// Cards of single programs: ssh, curl, git, shells, Docker, kubectl, Firefox, the PAC file itself.
#include "clients/build.h"

#define NO_PROXY "localhost,127.0.0.1,::1"

void tools_ssh(struct builder *b)
{
	FILE *out = build_code(b,
		"In ~/.ssh/config, above every \"Host *\" (nc is netcat-openbsd; "
		"macOS has it):");

	EACH_TAILNET(b->view, t)
	{
		fputs("Host", out);
		EACH_SUFFIX(t, s)
		fprintf(out, " *.%s", *s);
		fprintf(out, "\n\tProxyCommand nc -X 5 -x %s:%u %%h %%p\n", b->host, t->port);
	}
	fputs("Remove these lines again.\n", build_undo(b));
}

void tools_curl(struct builder *b)
{
	FILE *out = build_code(b,
		"In ~/.bashrc or ~/.zshrc, then for example: curl-NETWORK "
		"http://HOST.SUFFIX/");

	EACH_TAILNET(b->view, t)
	fprintf(out, "curl-%s() { curl --proxy socks5h://%s:%u \"$@\"; }\n", t->name, b->host,
		t->port);
	fputs("Remove these lines again.\n", build_undo(b));
}

/* git's "*" is one label of a name; an address has four. */
static const char *const git_urls[] = {
	"http://*.%s/", "https://*.%s/", "http://*.*.*.*.%s/", "https://*.*.*.*.%s/"};

static void git_url(FILE *out, const char *before, size_t i, const char *suffix, const char *after)
{
	const char *url = git_urls[i];

	fputs(before, out);
	for (; *url; url++) {
		if (url[0] == '%' && url[1] == 's') {
			fputs(suffix, out);
			url++;
		} else {
			fputc(*url, out);
		}
	}
	fputs(after, out);
}

void tools_git(struct builder *b)
{
	FILE *out = build_code(b,
		"In a shell; a server on another port than 80 or 443 needs a line of its "
		"own, with the port behind the name:");
	const size_t n = sizeof(git_urls) / sizeof(git_urls[0]);

	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	for (size_t i = 0; i < n; i++) {
		git_url(out, "git config --global 'http.", i, *s, ".proxy' ");
		fprintf(out, "socks5h://%s:%u\n", b->host, t->port);
	}
	out = build_undo(b);
	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	for (size_t i = 0; i < n; i++)
		git_url(out, "git config --global --remove-section 'http.", i, *s, "'\n");
}

static void env_one(struct builder *b, const struct clients_tailnet *t, const char *prefix)
{
	fprintf(b->out,
		"%sexport all_proxy=socks5h://%s:%u\n"
		"%sexport http_proxy=http://%s:%u https_proxy=http://%s:%u\n",
		prefix, b->host, t->port, prefix, b->host, t->port, b->host, t->port);
}

void tools_env(struct builder *b)
{
	FILE *out = build_code(b,
		"In a shell: everything goes into one network, and what that does not "
		"have is refused.");

	EACH_TAILNET(b->view, t)
	{
		bool first = t == b->view->tailnets;

		if (b->view->n_tailnets > 1)
			fprintf(out, "# %s%s\n", t->name, first ? "" : ", instead:");
		env_one(b, t, first ? "" : "# ");
	}
	fputs("export no_proxy=" NO_PROXY "\n"
	      "export ALL_PROXY=$all_proxy HTTP_PROXY=$http_proxy HTTPS_PROXY=$https_proxy "
	      "NO_PROXY=$no_proxy\n",
		out);
	fputs("unset all_proxy http_proxy https_proxy no_proxy ALL_PROXY HTTP_PROXY HTTPS_PROXY "
	      "NO_PROXY\n",
		build_undo(b));
}

/* ---- Docker ---- */

static void docker_proxies(struct builder *b, const struct clients_tailnet *t, const char *indent,
	const char *names[3])
{
	fprintf(b->out,
		"%s\"%s\": \"http://%s:%u\",\n%s\"%s\": \"http://%s:%u\",\n%s\"%s\": \"" NO_PROXY
		"\"\n",
		indent, names[0], b->host, t->port, indent, names[1], b->host, t->port, indent,
		names[2]);
}

/* One file, one network. */
void tools_docker(struct builder *b)
{
	static const char *client[] = {"httpProxy", "httpsProxy", "noProxy"};
	static const char *daemon[] = {"http-proxy", "https-proxy", "no-proxy"};
	const struct clients_tailnet *t = b->view->tailnets;
	FILE *out;

	if (!b->view->n_tailnets)
		return;
	out = build_code(b, "Containers and builds, in ~/.docker/config.json:");
	fputs("{\n  \"proxies\": {\n    \"default\": {\n", out);
	docker_proxies(b, t, "      ", client);
	fputs("    }\n  }\n}\n", out);
	fputs("Remove \"proxies\" from that file again.\n", build_undo(b));
	out = build_code(b,
		"Pulls and pushes, in /etc/docker/daemon.json; then: sudo systemctl restart "
		"docker");
	fputs("{\n  \"proxies\": {\n", out);
	docker_proxies(b, t, "    ", daemon);
	fputs("  }\n}\n", out);
	fputs("Remove \"proxies\" from that file again; sudo systemctl restart docker\n",
		build_undo(b));
}

/* ---- kubectl ---- */

void tools_kubectl(struct builder *b)
{
	FILE *out = build_code(b,
		"As a file of its own, with your API server's name; or for a cluster "
		"that you have: kubectl config set clusters.CLUSTER.proxy-url ADDRESS");

	fputs("apiVersion: v1\nkind: Config\nclusters:\n", out);
	EACH_TAILNET(b->view, t)
	if (t->n_suffixes)
		fprintf(out,
			"- name: %s\n"
			"  cluster:\n"
			"    server: https://kubernetes.%s:6443\n"
			"    proxy-url: socks5://%s:%u\n",
			t->name, t->suffixes[0], b->host, t->port);
	fputs("kubectl config unset clusters.CLUSTER.proxy-url\n", build_undo(b));
}

/* ---- browsers ---- */

void tools_pac(struct builder *b)
{
	const char *title = "Live at /proxy.pac of the gateway's page; this is it now:";

	clients_pac(b->view, build_code(b, title));
	fputs("Take the address out of the system's or the browser's proxy settings again.\n",
		build_undo(b));
}

void tools_firefox(struct builder *b)
{
	if (!b->view->web_port)
		return;
	fprintf(build_code(b,
			"Or by hand: Settings, General, Network Settings, Automatic proxy "
			"configuration URL; and Proxy DNS when using SOCKS v5"),
		"user_pref(\"network.proxy.type\", 2);\n"
		"user_pref(\"network.proxy.autoconfig_url\", \"http://%s:%u/proxy.pac\");\n"
		"user_pref(\"network.proxy.socks_remote_dns\", true);\n",
		b->host, b->view->web_port);
	fputs("Remove these lines, and reset network.proxy.type in about:config.\n", build_undo(b));
}
