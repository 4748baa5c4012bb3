"""Adapters: everything that talks to the world on behalf of ``wallet_core``; none imports another."""
