"""The demo: both stand-ins and the bot in one process, to be tried in a browser (`make demo`).

options     what may be set, by flag or environment
runner      starts, resets, ends                         round     from a start to the next reset
folder      database, secrets, what is remembered        policy    who may do what in the demo
clock       time that runs faster while nobody waits     answering JSON paths of the page
pane        the Monogoto side over HTTP                  calls     the latest calls, secrets cut
guide       the first five steps, ticked off when they happened
"""
