"""
The demo: private servers, the service beside them, and neighbours that tell a story.

::

    show.py            from the first line on the screen to the last
    servers.py         which servers: private ones, or memory
    scenario.py        the story
    telling.py         sends each event, and prints what becomes of it
    neighbours.py      the auth and transactions services
    story_observer.py  hands over each outcome
    in_process.py      what is wired in place of a server that is not there
"""
