"""Plants a fault: a worker that lost its lease goes on as if it had it, and may publish.

Python imports this at the start of every process of the service, as PYTHONPATH names its folder.
"""

import sys

if sys.orig_argv[-1] == "worker":
    from citewell_adapters.pgvector import jobs

    for name, value in list(vars(jobs).items()):
        if isinstance(value, str) and "fence = %(fence)s AND status IN" in value:
            head, _, tail = value.partition("fence = %(fence)s AND status IN")
            setattr(jobs, name, head + "%(fence)s::bigint IS NOT NULL" + tail.partition(")")[2])
