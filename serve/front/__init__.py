"""The front door of every replica and of the gateway, a file for each thing that it does; `front.py` has them in order.

Nothing is imported here: command lines and Serve's proxy want the keys alone, and should not wait for Ray.
"""
