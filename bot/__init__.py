"""IMEI Lock: binds SIMs to their devices on Monogoto, from Slack.

Where things are, and who may import whom (`lint-imports` keeps it):

    domain      what a lock, a request and a role are; standard library only
    services    the use cases: submit, approve, apply; speak domain words and the ports
    slack | monogoto | storage | dispatch | sheets | watch    the adapters; none imports another
    app         puts the parts together; the only module that knows them all; running starts and ends them
    check | probe    look at an installation; try what the vendor's documents leave open
    __main__    the command line        sandbox    a local Slack and a local Monogoto
"""
