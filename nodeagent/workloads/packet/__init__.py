"""One packet, sent by a real socket from where this process is, and what answers it."""
