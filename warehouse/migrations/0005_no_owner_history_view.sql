-- Owners' histories are computed from tables when they are needed, see owner_history.py.

DROP VIEW IF EXISTS owner_history;
