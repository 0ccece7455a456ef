import sys

from coredns_emu.main import main

sys.exit(main(sys.argv[1:]))
