"""Events to try a stream with: models that look real for the shipped streams, anything within the rules for others.

times        how an event's time is written, and when the next events are due
generic      from the declaration alone
ratings, sensors, views    models of the shipped streams
rubbish      what must be refused, of every kind
models       which of them a stream gets
"""
