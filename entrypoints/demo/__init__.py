"""The demo: private servers, the service beside them, and neighbours that tell a story."""
