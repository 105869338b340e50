/*
 * document_html.c - the JSON object as a page that shows it: one file, which asks for nothing. The
 * page of a capture that goes on asks where it came from for the object again, and for no more.
 *
 * The policy (Content Security Policy Level 3) lets the page's own style and script run, by their
 * hashes, and nothing else be loaded or run, whatever the capture holds. The object is a data block
 * in which no '<' stands (jsontree.h), so that no text of it ends the block or begins a comment.
 */
#include "base/mem.h"
#include "base/text.h"
#include "out/document_impl.h"
#include "out/html_assets.h"
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>

/* 'sha256-...' of what stands between the tags. */
static void put_hash(FILE *f, const unsigned char *p, size_t n)
{
	unsigned char hash[SHA256_DIGEST_LENGTH], text[4 * (SHA256_DIGEST_LENGTH + 2) / 3 + 1];

	SHA256(p, n, hash);
	EVP_EncodeBlock(text, hash, sizeof(hash));
	fprintf(f, "'sha256-%s'", (const char *)text);
}

/* Text of the page: what means something to HTML by its name, what a terminal would act on too. */
static void put_text(FILE *f, const char *s)
{
	struct text t;

	text_init_growing(&t);
	text_escape(&t, s, strlen(s), SIZE_MAX);
	for (size_t i = 0; i < t.len; i++)
		switch (t.p[i]) {
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '&':
			fputs("&amp;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			putc(t.p[i], f);
		}
	text_release(&t);
}

static void put_policy(FILE *f, unsigned refresh)
{
	fputs("default-src 'none'; base-uri 'none'; form-action 'none'; style-src ", f);
	put_hash(f, html_css, html_css_size);
	fputs("; script-src ", f);
	put_hash(f, html_js, html_js_size);
	if (refresh)
		fputs("; connect-src 'self'", f);
}

char *document_policy(void)
{
	char *policy = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&policy, &n);

	if (!f)
		out_of_memory();
	put_policy(f, 1);
	fputs("; frame-ancestors 'none'", f);
	if (fclose(f) != 0)
		out_of_memory();
	return policy;
}

void document_page(const struct document *d, const char *verdict, struct json_object *all)
{
	FILE *f = d->out;

	fputs("<!DOCTYPE html>\n<html lang=\"en\"", f);
	if (d->o.refresh)
		fprintf(f, " data-refresh=\"%u\"%s", d->o.refresh,
			d->o.history ? " data-history" : "");
	fputs(">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"",
		f);
	put_policy(f, d->o.refresh);
	fputs("\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
		f);
	put_text(f, d->o.source);
	fputs(" - tsumari</title>\n<style>", f);
	fwrite(html_css, 1, html_css_size, f);
	fputs("</style>\n</head>\n<body>\n<header>\n<h1>", f);
	put_text(f, d->o.source);
	fputs("</h1>\n<p class=\"facts\" id=\"facts\"></p>\n<p class=\"verdict\" id=\"verdict\">",
		f);
	put_text(f, verdict);
	fputs("</p>\n</header>\n<noscript><p>The rest of this report is drawn by its script, which "
	      "does not "
	      "run "
	      "here.</p></noscript>\n<main id=\"app\"></main>\n"
	      "<script type=\"application/json\" id=\"data\">",
		f);
	jsontree_write(all, f);
	fputs("</script>\n<script>", f);
	fwrite(html_js, 1, html_js_size, f);
	fputs("</script>\n</body>\n</html>\n", f);
}
