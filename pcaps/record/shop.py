#!/usr/bin/env python3
"""A small shop: pages made of database queries.

usage: shop.py PORT LOG

    /list     a query for the list, and one for each item on it
    /slow     a query that takes 300 ms
    /item/N   one query
    /plain    no query

A traceparent header goes on as a comment of the queries. LOG gets a line a page: the path, and the
traceparent or -, the page's time, the number of its queries and the time in them (in us), as the
shop itself saw it.
"""
import http.server
import sys
import threading
import time

import pymysql

DB = dict(host='10.77.0.30', user='app', password='secret-app', database='shop', autocommit=True)
local = threading.local()
lock = threading.Lock()
log = open(sys.argv[2], 'w', buffering=1)


class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def query(self, text):
        trace = self.headers.get('traceparent')
        if trace:
            text += " /*traceparent='%s'*/" % trace
        start = time.monotonic()
        with local.db.cursor() as cursor:
            cursor.execute(text)
            rows = cursor.fetchall()
        self.spent += time.monotonic() - start
        self.queries += 1
        return rows

    def body(self):
        part = self.path.split('/')
        if part[1] == 'list':
            rows = self.query('select id from item order by id limit 20')
            return '\n'.join(self.query('select c from item where id = %d' % row)[0][0] for row in rows)
        if part[1] == 'slow':
            return str(self.query('select sleep(0.3), count(*) from item'))
        if part[1] == 'item':
            return str(self.query('select k, c from item where id = %d' % int(part[2])))
        time.sleep(0.02)
        return 'plain'

    def do_GET(self):
        start = time.monotonic()
        self.queries, self.spent = 0, 0
        if not hasattr(local, 'db'):
            local.db = pymysql.connect(**DB)
        body = self.body().encode()
        took = time.monotonic() - start
        with lock:
            log.write('%s\t%s\t%d\t%d\t%d\n' % (self.path, self.headers.get('traceparent', '-'),
                                              took * 1e6, self.queries, self.spent * 1e6))
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(('', int(sys.argv[1])), Page).serve_forever()
