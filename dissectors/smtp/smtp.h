/*
 * smtp.h - what the files of the SMTP dissector share; smtp.c says what it is.
 */
#ifndef TSUMARI_SMTP_H
#define TSUMARI_SMTP_H

#include "dissector.h"

#define LINE_BYTES_MAX 16384u
#define HEAD_LINES_MAX 1024u
#define HEAD_BYTES_MAX 65536u
#define MAILS_MAX      4u /* mails whose last reply is still to come */

enum {
	F_RECORD,
	F_COMMAND,
	F_HELO,
	F_REPLY_CODE,
	F_REPLY,
	F_RCPT_COUNT,
	F_TLS,
	F_FROM,
	F_TO,
	F_SUBJECT,
	F_MESSAGE_ID,
	F_ENHANCED,
	F_MECHANISM,
	F_DECLARED,
	F_BODY_TYPE,
	F_UTF8,
	F_CHUNK,
	F_MESSAGE_BYTES,
	F_ACCEPTED,
	F_REJECTED,
	F_OUTCOME,
	F_TIME_MAIL,
	F_TIME_RCPT,
	F_TIME_DATA,
	F_TIME_BODY,
	F_TIME_QUEUE,
	/* Only shown. */
	D_COMMAND,
	D_PARAMETER,
	D_CODE,
	D_TEXT,
	D_LINE,
	D_REST,
};

extern const struct field smtp_fields[];

enum verb {
	V_NONE,
	V_OTHER,
	V_EHLO,
	V_HELO,
	V_LHLO,
	V_MAIL,
	V_RCPT,
	V_DATA,
	V_BDAT,
	V_AUTH,
	V_STARTTLS,
	V_RSET,
	V_QUIT,
	V_NOOP,
	V_VRFY,
	V_EXPN,
	V_HELP,
	V_ETRN,
	V_COUNT
};

/* How what the client sends is to be read. */
enum phase {
	COMMAND,
	RESYNC, /* bytes were lost: commands, but only what surely is one */
	DATA_WAIT,
	AUTH_WAIT,
	TLS_WAIT, /* until the server has replied */
	HEAD,
	BODY,
	CHUNK,
	CREDENTIALS, /* one line */
};

enum { H_OTHER, H_SUBJECT, H_MESSAGE_ID }; /* header fields that are kept */

struct mail {
	uint32_t key;
	uint32_t begun_by;   /* number of its MAIL command; 0: not captured */
	uint32_t settled_by; /* number of the command whose reply ends it; 0: not sent yet */
	uint32_t rcpts, accepted, rejected;
	uint32_t failed;   /* LMTP: of those that were accepted, refused after the message, */
	uint32_t taken;    /* and not refused */
	uint16_t bad_code; /* of the last refusal */
	bool lost;         /* bytes of it were not captured */
	bool replies_lost;
	uint64_t begin, rcpt, data, go, end, answered, bytes;
};

struct smtp {
	uint8_t phase; /* enum phase */
	bool server_lost;
	bool begun[2]; /* the side has sent something */
	bool joined;   /* the client had said something before the capture */
	bool ended[2];
	bool greeting; /* the first reply is still to come */
	bool holds;    /* the client has said more, which is read when it was answered */
	bool hello;    /* it was seen, or there was none: SMTP or LMTP is known */
	bool lmtp, client_lost, last_chunk, body_lost, rest_of_line, head_done;
	bool size_lost;  /* it is not known how many bytes of the message were lost */
	bool dropped;    /* what followed a loss was not understood, and perhaps a command */
	bool behind;     /* joined behind what was sent without waiting: how much, nobody knows */
	bool unsure;     /* the reply that is waited for was perhaps lost */
	uint8_t matched; /* bytes of the message's end that were seen */
	uint32_t scanned[2];
	uint32_t head_lines, head_bytes;
	uint8_t header; /* the field a folded line goes on with */
	uint64_t chunk, bytes;
	uint32_t chunks;          /* BDAT commands of this message */
	uint32_t commands, mails; /* numbers given so far */
	uint32_t answered;        /* number of the last command that was answered, or never will */
	uint32_t lost_before;     /* commands were lost right before this one; 0: none */
	uint64_t since;           /* when the first command came */
	bool replies_lost;        /* of commands that are open */
	bool pipelines;           /* the client has sent a command while another was open */
	bool heard;               /* the server has spoken, or bytes of it are lost, since then */
	uint8_t last_verb;
	uint16_t tail;         /* code of a reply whose end was lost; 0: none */
	uint32_t data_command; /* number of the DATA that the body belongs to */
	uint32_t open;         /* key of the mail that the client is making; 0: none */
	struct mail mail[MAILS_MAX];
	struct {
		bool under_way, interim, first;
		uint16_t code;
		uint8_t verb;
		uint32_t key, number;
		uint16_t len;
		uint32_t more; /* LMTP: replies that follow for the same message ... */
		bool open;     /* ... or nobody knows how many; the last has no end yet */
		uint16_t bad_code, bad_len; /* and the first refusal among them */
		uint8_t text[1024], bad[512];
	} reply;
	uint16_t helo_len, to_len, head_len;
	bool to_cut;
	uint8_t helo[256];
	uint8_t to[2048];
	uint8_t head[1024]; /* value of the header field being read */
};

static inline struct view text(const char *s)
{
	return view_of(s, strlen(s), 0);
}

static inline struct view nothing(void)
{
	return text("");
}

static inline uint8_t upper(uint8_t c)
{
	return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

static inline struct view trimmed(struct view v)
{
	while (v.p < v.end && (*v.p == ' ' || *v.p == '\t'))
		v.p++;
	while (v.p < v.end && (v.end[-1] == ' ' || v.end[-1] == '\t' || v.end[-1] == '\r'))
		v.end--;
	return v;
}

/* Takes the first word off the front, and the blanks behind it. */
static inline struct view word(struct view *v)
{
	struct view w = *v;

	while (v->p < v->end && *v->p != ' ' && *v->p != '\t')
		v->p++;
	w.end = v->p;
	*v = trimmed(*v);
	return w;
}

static inline bool begins(struct view v, const char *prefix)
{
	size_t n = strlen(prefix);

	if (view_len(&v) < n)
		return false;
	v.end = v.p + n;
	return view_is(&v, prefix);
}

static inline bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* The number at the front; false where it is none, or more than 18 digits. */
static inline bool number(struct view v, uint64_t *n)
{
	size_t digits = 0;

	*n = 0;
	while (digits < view_len(&v) && is_digit(v.p[digits]) && digits < 19)
		*n = *n * 10 + (v.p[digits++] - 48u);
	return digits && digits < 19;
}

static inline size_t put(uint8_t *to, size_t room, struct view v)
{
	size_t n = view_len(&v) < room ? view_len(&v) : room;

	if (n)
		memcpy(to, v.p, n);
	return n;
}

/* The transaction of a command, by its number. */
static inline uint64_t command_key(uint32_t number)
{
	return UINT64_C(1) << 32 | number;
}

/* smtp_text.c */
enum verb smtp_verb_of(struct view w);
/* The command that a line surely is, by its verb and what follows; V_NONE: it need not be one. */
enum verb smtp_sure_command(struct view line);
/* The path in <> behind FROM: or TO:, without a source route; *params gets what follows. */
struct view smtp_path_of(struct view rest, size_t prefix, struct view *params);
/* Copies text, up to max bytes; with --mask-mail an address in it loses its local part. */
size_t smtp_copy(struct session *s, uint8_t *to, size_t max, struct view v);
void smtp_set_address(struct session *s, struct tsm_txn t, unsigned field, struct view v);
/* "2.1.5 " at the front of the text, of the same class as the reply. */
struct view smtp_enhanced_code(struct view v, unsigned code);
/* "250-text" or "250 text": 1xx to 5xx, and the sign. */
bool smtp_is_reply(struct view v);

/* smtp_mail.c */
uint64_t smtp_tag_of(enum verb verb, uint32_t key, uint32_t number);
struct mail *smtp_mail_of(struct smtp *x, uint32_t key);
void smtp_span(struct tsm_txn t, unsigned field, uint64_t from, uint64_t to);
void smtp_recipients(struct smtp *x, struct tsm_txn t);
/* What is known of a mail goes to its record. */
void smtp_mail_values(struct session *s, struct smtp *x, const struct mail *m);
void smtp_mail_forget(struct smtp *x, struct mail *m);
/* Its reply was lost, or there is no room for it any more. */
void smtp_mail_give_up(struct session *s, struct smtp *x, struct mail *m);
/* A mail begins with the MAIL command at `at`; NULL: its beginning was not captured. */
struct mail *smtp_mail_begin(struct session *s, struct smtp *x, const uint8_t *at);
/* The mail being made; where its MAIL was lost, one without a beginning. */
struct mail *smtp_mail_open(struct session *s, struct smtp *x);
/* The client has said the last thing about its mail; the reply to that command settles it. */
void smtp_mail_sent(
	struct session *s, struct smtp *x, struct mail *m, uint32_t command, const uint8_t *end);
void smtp_message_begin(struct smtp *x);
/* The message is complete: both its command and its mail wait for the reply. */
void smtp_message_end(struct session *s, struct smtp *x, uint32_t command, const uint8_t *end);
void smtp_chunk_end(struct session *s, struct smtp *x, const uint8_t *end);
/* A field of the message's head is complete. */
void smtp_header_end(struct session *s, struct smtp *x);
/* A line of the message's head (RFC 5322, 2.2); false: it was the last. */
bool smtp_head_line(struct session *s, struct smtp *x, struct view line, size_t bytes);
/* Looks for CRLF.CRLF; false: not in this view, of which all was read. */
bool smtp_find_end(struct smtp *x, struct view *v);

/* smtp_command.c */
void smtp_on_command(struct session *s, struct smtp *x, struct view line, const uint8_t *end);

bool smtp_waits(enum verb verb);
void smtp_synchronise(struct session *s, struct smtp *x, uint32_t number);

/* smtp_reply.c */
/* A line of the server; true: the connection goes over to TLS. */
bool smtp_reply_line(struct session *s, struct smtp *x, struct view line, const uint8_t *end);
/* No more replies to a message come; `end`: of the last one. */
void smtp_reply_over(struct session *s, struct smtp *x, const uint8_t *end);

/* smtp_show.c */
void smtp_describe(struct show *s, const struct packet *p, enum side side, struct view v);

#endif
