"""The client of the distribution specification.

::

    client          a method for each endpoint; user makes one as the environment has it
    pull push copy  whole images; resolve, download, upload, referrers, schema1 are their parts
    transport       retries, redirects; below it routes, wire (a record of each exchange), network
    auth            the flow of tokens; challenge, tokens, credentials, auth_file and helpers
    hosts           mirrors, insecure registries, proxies; registries_conf, trust (certificates)
    failures        from what went wrong to one sentence

Everything that a registry says is an attacker's until its digest is verified.
"""
