"""What show.py has to know of PostgreSQL: tshark's names."""
CAPTURES = ("pgsql-psql", "pgsql-extended", "pgsql-replication")
NAMES = {"pgsql.num_fields": "pgsql.field.count", "pgsql.error_severity": "pgsql.severity",
         "pgsql.error_code": "pgsql.code", "pgsql.error_message": "pgsql.message",
         "tsumari.pgsql.process": "pgsql.pid"}
LEFT = {"pgsql.type"}
# tshark counts the NUL behind a text, and the letter in front of an error's.
BY_VALUE = {"pgsql.tag", "pgsql.severity", "pgsql.code", "pgsql.message", "pgsql.portal", "pgsql.statement",
            "pgsql.query", "pgsql.parameter_name", "pgsql.parameter_value"}
ONCE = set()
