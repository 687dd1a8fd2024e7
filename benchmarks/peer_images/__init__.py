"""The same line behind other servers, each in an image of its own: ``peer.Dockerfile`` with ``PEER.txt``.

These modules run in the images only. ``benchmarks/image_servers.py`` has the command of each.
"""
