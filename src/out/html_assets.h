/*
 * html_assets.h - the style and the script of the HTML report, made of src/out/html by embed.sh.
 */
#ifndef TSUMARI_OUT_HTML_ASSETS_H
#define TSUMARI_OUT_HTML_ASSETS_H

#include <stddef.h>

extern const unsigned char html_css[], html_js[];
extern const size_t html_css_size, html_js_size;

#endif
