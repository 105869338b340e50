"""More stories (stories.py): greetings and logins, of databases and of others."""
import sys

import stories
from pcaplib import RST, FIN, ACK
from stories import MS, SECOND, World, Mysql, dns, story

stories.STORIES.clear()


@story(first=("slow-greeting", "10.8.0.3:3306"), cost=10.0, never=("mysql-slow", "slow-server"))
def greeting_that_came_late():
    w = World()
    for i in range(2):
        Mysql(w, "10.9.0.%d" % (i + 1), i * MS, 5 * SECOND).query("select 1")
    return w


@story(first=("dns-timeout", "10.8.0.53:53"), cost=3 * 10.0, verdict="DNS queries not answered at 10.8.0.53:53: 30.0 s, 100")
def greeting_that_waits_for_a_name():
    """The server asks for its client's name, twice in vain; soon another client comes."""
    w, now = World(), 0
    for i in range(3):
        for again in (0, 5 * SECOND):
            dns(w, now + MS + again, "10.8.0.53", i + 1, "1.0.9.10.in-addr.arpa", 5000 + i, type=12, client="10.8.0.3")
        m = Mysql(w, now=now, late=10 * SECOND + MS)
        m.query("select 1")
        now = m.talk.close(m.now + 10 * MS)
    return w


def without_login(flag, side):
    w = World()
    Mysql(w).query("select 1")
    one = Mysql(w, "10.9.0.2", logs_in=False)
    one.talk._send(side, one.now + 10 * SECOND, flag | ACK)
    return w


@story(first=("mysql-no-login", "10.8.0.3:3306"), cost=10.0, never=("slow-greeting", "mysql-error", "slow-server"))
def login_that_never_came():
    return without_login(FIN, 1)


@story(first=("mysql-no-login", "10.8.0.3:3306"), cost=10.0, never=("slow-greeting", "mysql-error", "slow-server"))
def login_that_never_came_as_mariadb_ends_it():
    return without_login(RST, 1)


@story(never=("mysql-no-login", "slow-greeting", "mysql-error"))
def client_that_wanted_the_greeting_only():
    return without_login(FIN, 0)


def logins(queries):
    w, now = World(), 0
    for i in range(20):
        m = Mysql(w, now=now, half=10 * MS)
        for _ in range(queries):
            m.query("select a from t where id = %d" % i)
        now = m.talk.close(m.now + MS) + 200 * MS
    return w


@story(first=("no-keepalive", "10.8.0.3:3306"), cost=20 * 0.011)
def login_for_each_statement():
    return logins(1)


@story(never=("no-keepalive",))
def connections_that_are_used():
    return logins(8)


def silent(port, ends):
    """Connections to a port; each is closed after so long, or (None) never."""
    w = World()
    for i, after in enumerate(ends):
        talk = w.tcp("10.8.0.3", port, "10.9.0.%d" % (i + 1))
        now = talk.open(i * SECOND)
        if after:
            talk.close(now + after)
    return w


@story(first=("slow-greeting", "10.8.0.3:3306"), cost=20.0, verdict="The server is slow to greet at 10.8.0.3:3306: 20")
def greeting_that_never_came():
    return silent(3306, (10 * SECOND, 10 * SECOND))


@story(first=("slow-greeting", "10.8.0.3:25"), cost=28.0)
def greeting_that_has_not_come_yet():
    w = silent(25, (None, None))
    w.tcp("10.8.0.4").open(15 * SECOND - 500 * MS)
    return w


@story(never=("slow-greeting",))
def port_whose_client_speaks_first():
    return silent(80, (10 * SECOND, None, None))


if __name__ == "__main__":
    sys.exit(stories.main())
