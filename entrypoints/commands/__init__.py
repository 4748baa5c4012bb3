"""What each command of ``wallet`` does; ``cli.py`` declares them. Each is a function that returns an exit code.

Exit codes: 0 done; 1 something was found that a person must look at; 2 wrong call, wrong setting, or no start possible.
"""
