"""Going on after a topic's log was lost, cut or exchanged: what is gone, what must be done again, and from where.

facts.py asks Kafka and MongoDB, findings.py and plan.py judge what they say, act.py does what is planned.
"""
