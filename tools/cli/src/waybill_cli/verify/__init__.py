"""`waybill verify`: holds the log, the services' databases and the portal against each other.

Nothing that is in flight may look wrong, so the order of reading is the rule: first every database, subject by subject
as of one snapshot, then the log to an end that is asked for after that. What a snapshot knows of others' events is
then in what was read of the log. What it does not know, or what a service has decided and not sent yet, is looked up
once more at the end, in its outbox and then in what the log has got since.
"""
