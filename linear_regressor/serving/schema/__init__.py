"""Bodies of requests and answers: bytes to arrays and back, every fault named by a pointer.

Rule of the room: no HTTP; what a fault means for the status of an answer is said in ``faults``, and used elsewhere.
"""
