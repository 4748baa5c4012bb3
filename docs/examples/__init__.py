"""The examples of the pages as files, so that they are linted, typed and run; each page shows them as they are."""
