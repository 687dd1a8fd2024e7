"""Limits of one HTTP request and its connection that are not settings; docs/security.md lists them."""

# gunicorn enforces these three; a request of this service needs a tenth, and a token fits into one header.
MAX_REQUEST_LINE = 4094  # bytes
MAX_HEADERS = 64
MAX_HEADER_SIZE = 8190  # bytes

MAX_HEAD = 64 * 1024  # bytes of request line and headers while they are received
MAX_CHUNKS = 1 << 15  # parsing a chunk costs as much as a record; chunks of 512 bytes make up the largest body
MAX_CHUNK_FRAMING = 12  # bytes: a size of eight digits and two line ends, without extensions

# A larger request is answered in a thread.
MAX_QUICK = 2 * 1024  # bytes of a request of any kind
MAX_QUICK_ROWS = 32 * 1024  # bytes of a request with rows only: a thousand records

# How long a connection stays open for what the client may already be sending: after the last response on it, and
# without a request while the server stops.
LINGER_SECONDS = 2.0

# What a worker has at a stop, after its last answer, to write its traffic and to send its spans.
SECONDS_TO_SAVE = 1
